#!/usr/bin/env bash
# Goes through random histories of composes: tests/it/histories.rs says what happens in them and what must hold.
#
# usage: tests/torture/histories.sh [HOW_MANY [FIRST [AT_ONCE]]]
#
# The last line says how many were gone through and what happened in them how often. A history that went wrong is told with everything
# that happened; `histories.sh 1 NUMBER` goes through it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
export HISTORIES=${1:-2000} HISTORIES_FROM=${2:-0} HISTORIES_AT_ONCE=${3:-60}
exec cargo test --locked --quiet --test it -- histories::whatever --nocapture
