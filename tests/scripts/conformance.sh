#!/usr/bin/env bash
# Does `magudi hub` answer the real client as a real hub did, call for call?
#
# usage: conformance.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
use_python koji==1.36.1 defusedxml==0.7.1 python-dateutil requests urllib3 idna certifi charset-normalizer six==1.17.0
add_checks "$python" "$scripts/lib/conformance.py" "$repository" "$magudi"
finish
