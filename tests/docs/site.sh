#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The site can be built, and each link in it has a target: in the pages as they
# are shown, with those that Sphinx and Doxygen make. The search knows a function,
# a page and a manual page.
#
# Environment: SRC (source folder).
set -euo pipefail

folder=$(mktemp -d "${TMPDIR:-/tmp}/leaselock-site-XXXXXX")
trap 'rm -rf "$folder"' EXIT

SITE_FOLDER=$folder/site "$SRC/scripts/site"
"$SRC/tests/docs/site_links.py" "$folder/site/html"
