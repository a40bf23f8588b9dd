#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The site can be built, and each link in it has a target: in the pages as they
# are shown, with those that Sphinx and Doxygen make. The search has
# functions, pages and manual pages.
#
# Environment: SRC (source folder).
set -euo pipefail

for what in doxygen sphinx-build mandoc; do
    command -v "$what" >/dev/null || { echo "skipped: no $what" && exit 77; }
done
for what in breathe furo myst_parser; do
    /usr/bin/python3 -c "import $what" 2>/dev/null ||
        { echo "skipped: Python has no $what" && exit 77; }
done
folder=$(mktemp -d "${TMPDIR:-/tmp}/leaselock-site-XXXXXX")
trap 'rm -rf "$folder"' EXIT

SITE_FOLDER=$folder/site "$SRC/scripts/site"
"$SRC/tests/docs/site_links.py" "$folder/site/html"
