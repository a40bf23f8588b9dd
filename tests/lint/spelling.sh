#!/usr/bin/env bash
# No common misspelling in a text, a comment or a script.
set -euo pipefail
cd "$SRC"

codespell --ignore-words-list=keep-alives \
    ./*.md .ci bench cmake docs examples include proto scripts src tests \
    third_party
