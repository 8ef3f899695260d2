#!/usr/bin/env bash
# Do checking, planning, decoding and writing a manifest take as many instructions as recorded?
#
# usage: instructions.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
cargo_home=${CARGO_HOME:-$HOME/.cargo} rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
begin "$@"
export CARGO_HOME=$cargo_home RUSTUP_HOME=$rustup_home
CARGO_TARGET_DIR=$(dirname "$(dirname "$magudi")")
export CARGO_TARGET_DIR

command -v valgrind >/dev/null || install valgrind libc6-dbg
cargo build --quiet --locked --manifest-path "$repository/Cargo.toml" --bench scale --message-format=json >built.json
bench=$(python3 -c 'import json, sys
for line in open("built.json"):
    built = json.loads(line)
    if built.get("executable") and "bench" in built["target"]["kind"]:
        print(built["executable"])')
check "the measuring program is built" test -x "$bench"
check_status "the instructions are those recorded" 0 python3 "$repository/tests/scale/instructions.py" "$magudi" "$bench"
finish
