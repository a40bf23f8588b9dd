#!/usr/bin/env bash
# No common misspelling in a text, a comment or a script.
set -euo pipefail
cd "$SRC"

# The expression leaves out mdoc's macros at the start of a line; corpora are
# no text.
codespell --skip '*/corpus/*' --ignore-words-list=keep-alives,ot --ignore-regex='^[.][A-Z][a-z]\b' \
    ./*.md .ci bench cmake docs examples include proto scripts src tests \
    third_party
