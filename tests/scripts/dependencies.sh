#!/usr/bin/env bash
# Do all dependencies have a licence and a source that deny.toml allows, and is none of them built in two versions by accident?
#
# usage: dependencies.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
cargo_home=${CARGO_HOME:-$HOME/.cargo} rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
begin "$@"
export CARGO_HOME=$cargo_home RUSTUP_HOME=$rustup_home
cargo metadata --quiet --locked --all-features --format-version 1 --manifest-path "$repository/Cargo.toml" >metadata.json
add_checks python3 "$scripts/lib/dependencies_check.py" "$repository/deny.toml" <metadata.json
finish
