#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every edit of tests/mutate still fits the tree exactly once, and has its row
# in docs/mutations.md. scripts/mutate runs them.
set -euo pipefail
exec "$SRC/scripts/mutate" --check
