#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of the Python package, with the package of the build.
#
# Environment: SRC, BUILD, PYTHON (the interpreter that it was built for), TOOL,
# GOPEER (empty: there is none).
set -euo pipefail
cd "$SRC/tests/python"

"$PYTHON" -c 'import pytest' 2>/dev/null || {
    echo "skipped: no pytest for $PYTHON (Debian: python3-pytest)"
    exit 77
}
# Other plug-ins of the machine's are no part of this.
PYTHONPATH=$BUILD/python PYTHONDONTWRITEBYTECODE=1 \
    PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 \
    exec "$PYTHON" -X dev -m pytest -q -p no:cacheprovider "$@"
