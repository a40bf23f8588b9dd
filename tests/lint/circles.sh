#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files of src call each other in small circles at most: whoever reads one must
# read all of its circle. Counted from the objects: a file calls another if it
# uses a symbol that the other defines. A call through a table of operations is
# none, as the file that calls does not have to know whom.
set -euo pipefail
export LC_ALL=C
compiled=$BUILD/src/CMakeFiles/leaselock_objects.dir
files_max=6

cd "$compiled"
shopt -s nullglob
objects=(*/*.c.o)
((${#objects[@]} > 0)) || { echo "no objects in $BUILD" && exit 1; }

# An object whose source is gone is of an older build.
present=()
for object in "${objects[@]}"; do
    [[ ! -e $SRC/src/${object%.o} ]] || present+=("$object")
done
nm -A "${present[@]}" | sed 's/\.o:/ /' | awk -v files_max="$files_max" '
    { kind = $(NF - 1) }
    kind == "U" { uses[$1] = uses[$1] " " $NF }
    kind ~ /^[TDRBC]$/ { defined[$NF] = $1 }
    { is_file[$1] = 1 }

    # Marks all that can be reached from a file.
    function reach(from, at,    names, n, i, to) {
        n = split(uses[at], names, " ")
        for (i = 1; i <= n; i++) {
            to = defined[names[i]]
            if (to != "" && !((from, to) in reached)) {
                reached[from, to] = 1
                reach(from, to)
            }
        }
    }
    END {
        for (file in is_file) {
            reach(file, file)
        }
        for (file in is_file) {
            n = 1
            circle = file
            for (other in is_file) {
                if (other != file && (file, other) in reached &&
                    (other, file) in reached) {
                    n++
                    circle = circle " " other
                }
            }
            if (n > files_max) {
                print "a circle of " n " files that call each other: " circle
                status = 1
            }
        }
        exit status
    }'
