#!/usr/bin/env bash
# Is the report of a compose a page that works? Real composes of 6, 60 and 1,000 images, with failures, with hostile names, running
# and dead, looked at with headless Chromium on a phone and on a desk, by day and by night: it sorts, it filters, it leads
# somewhere, it fits the screen, and the browser has nothing to complain of.
#
# usage: report.sh MAGUDI
#
# MAGUDI_TEST_PICTURES=DIR keeps a picture of each.
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
export SOURCE_DATE_EPOCH=1740000000

{ command -v chromedriver && command -v chromium; } >/dev/null || install chromium chromium-driver fonts-dejavu-core

# compose NAME SCENARIO [STATUS]: a simulated compose of the configuration NAME; $compose is its directory.
compose() {
    mkdir -p "$1/target"
    check_status "run $1" "${3:-0}" "$magudi" run --config "$1/compose.json" --target-dir "$1/target" --nightly --quiet \
        "--simulate=$2"
    compose=$(echo "$work/$1/target/"*.n.0)
    check "$1 has a report" test -s "$compose/logs/global/report.html"
}

python3 "$scripts/lib/report_composes.py" "$work"
pages=()
compose six scenario.json && pages+=("six=$compose")
compose thousand failures.json 1 && pages+=("thousand=$compose")
compose hostile scenario.json 1 && pages+=("hostile=$compose")
compose uploads uploads.json && pages+=("uploads=$compose")

mkdir sixty
check_status "run sixty" 0 "$magudi" run --config "$repository/examples/fedora/fedora.conf" --target-dir "$work/sixty" --nightly \
    --quiet --simulate
pages+=("sixty=$(echo "$work/sixty/"Fedora-*.n.0)")

# One that is at work, and then dies.
mkdir -p running/target
"$magudi" run --config six/compose.json --target-dir running/target --nightly --quiet --simulate=slow.json >/dev/null 2>&1 &
runner=$!
running=$work/running/target/Report-42-20250219.n.0
for _ in $(seq 200); do
    grep -q '"state":"OPEN"' "$running/logs/global/magudi-journal.jsonl" 2>/dev/null && break
    sleep 0.05
done
check_status "report of a running compose" 0 "$magudi" report "$running" -o "$work/running.html"
# Without bash's own word on it.
{ kill -KILL "$runner"; wait "$runner" || true; } 2>/dev/null
check_status "report of a dead compose" 0 "$magudi" report "$running"
check_text "where the report is" out "$running/logs/global/report.html"
pages+=("running=$work/running.html" "dead=$running")

add_checks python3 "$scripts/lib/report_check.py" "${MAGUDI_TEST_PICTURES:-}" "${pages[@]}"
finish
