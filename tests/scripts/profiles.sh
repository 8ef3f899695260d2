#!/usr/bin/env bash
# Does a koji profile come to the same as with koji's own `read_config`, and the same way to log in as `activate_session`'s?
#
# usage: profiles.sh MAGUDI
set -euo pipefail
# Before the surroundings are changed: cargo has its own ideas of HOME.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=$(cargo build --quiet --locked --manifest-path "$repository/Cargo.toml" --package magudi-koji --example profile \
    --message-format json | sed -n 's/.*"executable":"\([^"]*\/examples\/profile\)".*/\1/p')
. "$(dirname "$0")/lib/common.bash"
begin "$@"
use_python koji==1.36.1 defusedxml==0.7.1 python-dateutil requests urllib3 idna certifi charset-normalizer six==1.17.0

add_checks "$python" "$scripts/lib/profiles_check.py" "$program" "$work/sets"

finish
