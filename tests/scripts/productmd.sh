#!/usr/bin/env bash
# Do the manifests of a compose mean to productmd, which the rest of a distribution's tooling reads them with, what they should?
#
# usage: productmd.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
use_python productmd==1.51 six==1.17.0
export SOURCE_DATE_EPOCH=1740000000
config=$repository/examples/fedora/fedora.conf

run() {
    local scenario=$1 target=$2
    mkdir "$target"
    "$magudi" plan --config "$config" --target-dir "$target" --nightly --format json >"$target.plan.json"
    check_status "run with $scenario" 0 "$magudi" run --config "$config" --target-dir "$target" --nightly --simulate="$scenario"
}

# Everything is built: the example's own scenario without its failure, and without its patience.
python3 -c 'import json, sys; all = json.load(sys.stdin); del all["fail"], all["task_seconds"]; json.dump(all, sys.stdout)' \
    <"$repository/examples/fedora/scenario.json" >good.json
run good.json "$work/good"
check "STATUS" grep -qx FINISHED "$work/good/latest-Fedora-42/STATUS"
add_checks "$python" "$scripts/lib/productmd_check.py" "$work/good/latest-Fedora-42" "$work/good.plan.json"

# A failable image fails: as the example's own scenario has it, without its patience.
sed '/"task_seconds"/d' "$repository/examples/fedora/scenario.json" >bad.json
run bad.json "$work/bad"
check "STATUS" grep -qx FINISHED_INCOMPLETE "$work/bad/latest-Fedora-42/STATUS"
add_checks "$python" "$scripts/lib/productmd_check.py" "$work/bad/latest-Fedora-42" "$work/bad.plan.json" Fedora-KDE-Desktop-Disk

# Another compose of the same day is the next respin.
check_status "a second compose" 0 \
    "$magudi" run --config "$config" --target-dir "$work/good" --nightly --simulate=good.json --quiet
check_text "the latest compose" good/latest-Fedora-42/COMPOSE_ID Fedora-42-20250219.n.1

finish
