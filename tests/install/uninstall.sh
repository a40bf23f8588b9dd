#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Goal: everything that is documented is installed, and the target "uninstall"
# removes all of it, and nothing else. Method: install into a folder that has a
# file in each place already; compile the installed examples; uninstall.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$BUILD" --prefix "$work/tree" >/dev/null
tree=$work/tree
doc=$tree/share/doc/leaselock
for file in README.md LICENSE CHANGELOG.md docs/connecting.md docs/benchmarks.svg \
    examples/simple.c; do
    [[ -s $doc/$file ]] || { echo "no $file is installed" && exit 1; }
done
[[ ! -e $doc/docs/man && ! -e $doc/examples/CMakeLists.txt ]]

PKG_CONFIG_PATH=$(dirname "$(find "$tree" -name leaselock.pc)")
export PKG_CONFIG_PATH
read -ra cflags < <(pkg-config --cflags leaselock)
printf '%s\n' "$doc"/examples/*.c |
    xargs -P "$(nproc)" -I '{}' gcc -D_GNU_SOURCE -fsyntax-only "${cflags[@]}" '{}'

# Other tests install from the same build meanwhile, so the list of files that
# the build keeps may be another's.
ninja -C "$BUILD" -t commands uninstall |
    grep 'MANIFEST=.*/install_manifest.txt' >/dev/null ||
    { echo "no target uninstall" && exit 1; }
mkdir -p "$tree/lib/other" "$tree/include/leaselock/mine"
find "$tree" \( -type f -o -type l \) >"$work/manifest"
touch "$tree/bin/other" "$tree/include/leaselock/mine/file"
echo "$tree/never/installed" >>"$work/manifest"
cmake -D MANIFEST="$work/manifest" -P "$SRC/cmake/uninstall.cmake" >"$work/log"
left=$(cd "$tree" && find . \( -type f -o -type l -o -path '*leaselock*' \) | sort |
    tr '\n' ' ')
[[ $left == './bin/other ./include/leaselock ./include/leaselock/mine ./include/leaselock/mine/file ' ]] ||
    { echo "left: $left" && exit 1; }
[[ -d $tree/lib/other ]]
if cmake -D MANIFEST="$work/none" -P "$SRC/cmake/uninstall.cmake" 2>/dev/null; then
    echo "a missing list is no failure" && exit 1
fi
