#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No common misspelling in a text, a comment or a script.
set -euo pipefail
cd "$SRC"

# The expression ignores mdoc's macros at the start of a line; corpora are not
# text.
codespell --skip '*/corpus/*' --ignore-words-list=keep-alives,ot,nd --ignore-regex='^[.][A-Z][a-z]\b' \
    ./*.md .ci bench bindings cmake docs examples include proto scripts src tests \
    third_party
