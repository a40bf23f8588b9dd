#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An installed tree works for programs that find it with pkg-config or
# find_package(), in C and in C++, shared and static; and it can be moved.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cmake --install "$BUILD" --prefix "$work/first" >/dev/null
mv first tree

cat >program.c <<'END'
#include <leaselock/leaselock.h>

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
    puts(leaselock_version());
    return 0;
}
END
cp program.c program.cc

PKG_CONFIG_PATH=$(dirname "$(find "$work/tree" -name leaselock.pc)")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir leaselock)
version=$(pkg-config --modversion leaselock)

# Runs a program, which prints the version of the library that it found.
check() {
    local printed
    printed=$("./$1")
    if [[ $printed != "$version" ]]; then
        echo "$1 printed '$printed', not '$version'"
        exit 1
    fi
    echo "$1: good"
}

read -ra shared < <(pkg-config --cflags --libs leaselock)
gcc -o shared program.c "${shared[@]}" -Wl,-rpath,"$libdir"
check shared

# The linker prefers a shared library, so the archive is given by name.
read -ra static < <(pkg-config --static --cflags --libs leaselock |
    sed 's/-lleaselock/-l:libleaselock.a/')
gcc -o static program.c "${static[@]}"
check static

cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C CXX)
find_package(leaselock 0.1 REQUIRED)
add_executable(cmake_c program.c)
target_link_libraries(cmake_c PRIVATE leaselock::leaselock)
add_executable(cmake_static program.c)
target_link_libraries(cmake_static PRIVATE leaselock::leaselock_static)
add_executable(cmake_cxx program.cc)
target_link_libraries(cmake_cxx PRIVATE leaselock::leaselock)
END
{
    cmake -S . -B out -G Ninja -DCMAKE_PREFIX_PATH="$work/tree" &&
        cmake --build out
} >log || { cat log && exit 1; }
for program in out/cmake_c out/cmake_static out/cmake_cxx; do
    check "$program"
done

# A moved tree's library finds the guardian of that tree. There is no server on
# port 1, so the lock fails, but not because of a missing guardian.
guardian=$(find tree -name leaselock-guardian)
[[ -x $guardian ]] || { echo "no guardian is installed" && exit 1; }
lock=(env LEASELOCK_CONFIG=/dev/null LEASELOCK_GUARDIAN_PATH=
    tree/bin/leaselock lock --guardian -e 127.0.0.1:1 -w 0.1 name)
with=$("${lock[@]}" 2>&1) || true
rm "$guardian"
without=$("${lock[@]}" 2>&1) || true
if [[ $with == *guardian* || $without != *guardian* ]]; then
    printf 'with a guardian: %s\nwithout: %s\n' "$with" "$without"
    exit 1
fi

[[ $(tree/bin/leaselock --version) == *"$version"* ]] || {
    echo "the installed tool does not tell version $version"
    exit 1
}
