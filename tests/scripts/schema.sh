#!/usr/bin/env bash
# Does the schema for editors take what `magudi check` takes, to a real validator?
#
# usage: schema.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
use_python jsonschema==4.23.0 jsonschema-specifications==2024.10.1 referencing==0.35.1 rpds-py==0.22.3 attrs==24.3.0 PyYAML==6.0.2

add_checks "$python" "$scripts/lib/schema_check.py" "$magudi" "$repository" "$work/configs"

finish
