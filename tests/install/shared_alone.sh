#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a program that uses the shared library needs nothing of gRPC to be
# compiled and linked. Method: only the installed prefix can be found, by
# pkg-config and by find_package(), and the compiler lists the headers that it
# reads. The archive's flags need no other file of pkg-config's either.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cmake --install "$BUILD" --prefix "$work/tree" >/dev/null
unset PKG_CONFIG_PATH
PKG_CONFIG_LIBDIR=$(dirname "$(find "$work/tree" -name leaselock.pc)")
export PKG_CONFIG_LIBDIR
libdir=$(pkg-config --variable=libdir leaselock)
if pkg-config --exists grpc; then
    echo "gRPC can be found all the same" && exit 1
fi

cat >program.c <<'END'
#include <leaselock/admin.h>
#include <leaselock/config.h>
#include <leaselock/leaselock.h>
#include <leaselock/stats.h>

#include <stdio.h>

int main(void)
{
    struct leaselock_error error = LEASELOCK_ERROR_INIT;
    leaselock_client *client = NULL;

    if (leaselock_client_open("127.0.0.1:1", NULL, &client, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    leaselock_client_close(client, NULL);
    return puts(leaselock_version()) < 0;
}
END

# Exactly one folder for headers, one for libraries, and one library.
expect_flags() {
    local found
    found=$(pkg-config "${@:2}" leaselock |
        tr ' ' '\n' | grep . | sed 's/^\(-.\).*/\1/' | tr -d '\n')
    [[ $found == "$1" ]] ||
        { echo "pkg-config ${*:2}: $(pkg-config "${@:2}" leaselock)" && exit 1; }
}
expect_flags -I --cflags
expect_flags -L-l --libs

read -ra cflags < <(pkg-config --cflags leaselock)
if gcc -M program.c "${cflags[@]}" | tr ' ' '\n' |
    grep -E 'grpc|openssl|protobuf|jansson|ares'; then
    echo "headers of other libraries are read" && exit 1
fi

check() {
    local printed
    printed=$("./$1")
    [[ $printed == "$(pkg-config --modversion leaselock)" ]] ||
        { echo "$1 printed '$printed'" && exit 1; }
}
read -ra shared < <(pkg-config --cflags --libs leaselock)
gcc -o shared program.c "${shared[@]}" -Wl,-rpath,"$libdir"
check shared
read -ra static < <(pkg-config --static --cflags --libs leaselock |
    sed 's/-lleaselock/-l:libleaselock.a/')
gcc -o static program.c "${static[@]}"
check static

cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(leaselock 0.1 REQUIRED)
add_executable(with_cmake program.c)
target_link_libraries(with_cmake PRIVATE leaselock::leaselock)
if(TARGET leaselock::leaselock_static)
  message(FATAL_ERROR "gRPC was found all the same")
endif()
END
for option in -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON -DOTHER=ON; do
    rm -rf out
    {
        cmake -S . -B out -G Ninja -DCMAKE_PREFIX_PATH="$work/tree" "$option" &&
            cmake --build out
    } >log 2>&1 || { cat log && exit 1; }
    check out/with_cmake
done
