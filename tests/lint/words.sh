#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No file contains a reminder, a path of a development machine or the name of a
# package registry's host.
set -euo pipefail
cd "$SRC"

# Brackets keep the patterns from matching themselves.
notes='\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b'
paths='(^|[^[:alnum:]_.-])[/](work|farm|root|home)/'
hosts='(deb|security|snapshot|ftp)[.]debian[.]|npmjs[.]|pypi[.]org|crates[.]io'
hosts+='|(proxy|sum)[.]golang[.]|archive[.]ubuntu[.]|maven[.](org|apache)'

found=$(grep -rInE "$notes|$paths|$hosts" . \
    --exclude-dir=.git --exclude-dir=build --exclude=LICENSE) || true
if [[ -n $found ]]; then
    printf 'words that have no place here:\n%s\n' "$found"
    exit 1
fi
