#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A wheel can be made with an installed tree, which pkg-config finds, and without
# a network; its package is whole. The same for cmake --install.
#
# Environment: SRC, BUILD, PYTHON.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$PYTHON" -c 'import setuptools, wheel, pip' 2>/dev/null || {
    echo "skipped: no pip, setuptools and wheel for $PYTHON" \
        "(Debian: python3-pip, python3-setuptools, python3-wheel)"
    exit 77
}
cmake --install "$BUILD" --prefix "$work/tree" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$work/tree" -name leaselock.pc)")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir leaselock)
version=$(pkg-config --modversion leaselock)

cp -R "$SRC/bindings/python" source # setuptools writes beside its sources
"$PYTHON" -m pip wheel --no-build-isolation --no-deps --no-index \
    --disable-pip-version-check --wheel-dir wheels ./source >log 2>&1 ||
    { cat log && exit 1; }
[[ -e $(echo wheels/leaselock-"$version"-*.whl) ]] || { ls wheels && exit 1; }
mkdir site
"$PYTHON" -m zipfile -e wheels/*.whl site

for file in "$SRC"/bindings/python/leaselock/*; do
    [[ $file == */__pycache__ || -e site/leaselock/${file##*/} ]] ||
        { echo "the wheel has no ${file##*/}" && exit 1; }
done
printed=$(env -u PYTHONPATH LD_LIBRARY_PATH="$libdir" PYTHONPATH=site \
    "$PYTHON" -c 'import leaselock; print(leaselock.__version__)')
[[ $printed == "$version" ]] || { echo "it prints $printed" && exit 1; }
if find tree -name '*.py' -not -path '*/share/doc/*' | grep .; then
    echo "cmake --install installs the Python package unasked"
    exit 1
fi
