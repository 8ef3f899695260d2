#!/usr/bin/env bash
# Can productmd still read every manifest of its own test data after magudi has added an image to the compose, and is
# everything in it that was there before?
#
# usage: merging.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
use_python productmd==1.51 six==1.17.0
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$work/source" productmd==1.51 ||
    fail "pip download productmd"
tar -xzf "$work"/source/productmd-1.51.tar.gz -C "$work/source"
add_checks "$python" "$scripts/lib/merging_check.py" "$magudi" "$work/source/productmd-1.51" "$work/composes"
finish
