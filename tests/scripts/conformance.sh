#!/usr/bin/env bash
# Does `magudi hub` answer the real client as a real hub did, call for call, and do koji's own commands for images of kickstart files
# get from it what a real builder makes?
#
# usage: conformance.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
use_python koji==1.36.1 defusedxml==0.7.1 python-dateutil requests urllib3 idna certifi charset-normalizer six==1.17.0
add_checks "$python" "$scripts/lib/conformance.py" "$repository" "$magudi"
add_checks "$python" "$scripts/lib/kickstart_check.py" "$repository" "$magudi"
finish
