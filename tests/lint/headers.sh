#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each public header compiles alone, and included twice, as C11 and as C++17; the
# one for C++ as C++17 and C++20.
set -euo pipefail
cd "$SRC/include"
warnings=(-Wall -Wextra -pedantic -Wundef -Werror)

for header in leaselock/*.h; do
    twice=$(printf '#include "%s"\n' "$header" "$header")
    gcc -std=c11 "${warnings[@]}" -fsyntax-only -I. -x c - <<<"$twice"
    g++ -std=c++17 "${warnings[@]}" -fsyntax-only -I. -x c++ - <<<"$twice"
done

twice=$(printf '#include "leaselock/leaselock.hpp"\n%.0s' 1 2)
for standard in 17 20; do
    g++ "-std=c++$standard" "${warnings[@]}" -fsyntax-only -I. -x c++ - <<<"$twice"
done

# The initializers of structs, each in a variable of its struct.
values=$(
    printf "#include \"leaselock/%s.h\"\n" leaselock admin config stats
    echo 'void start_values(void); void start_values(void) {'
    grep -oh '\bLEASELOCK_[A-Z_]*_INIT\b' leaselock/*.h | sort -u |
        while read -r macro; do
            type=${macro%_INIT}
            echo "{ struct ${type,,} value = $macro; (void)value; }"
        done
    echo '}'
)
gcc -std=c11 "${warnings[@]}" -fsyntax-only -I. -x c - <<<"$values"
g++ -std=c++17 "${warnings[@]}" -fsyntax-only -I. -x c++ - <<<"$values"
