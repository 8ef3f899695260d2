#!/usr/bin/env bash
# Runs fuzz targets: 15 minutes each, without a crash, without an input that takes 10 seconds, within 1 GiB of memory.
#
# usage: [MINUTES=15] [JOBS=1] fuzz/run.sh [TARGET...]        (all targets without one)
#
# Needs cargo-fuzz (`cargo install cargo-fuzz`) and the stable toolchain. What is found lies in fuzz/artifacts/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."
# The instrumentation is there in the stable compiler; only its options are not.
export RUSTC_BOOTSTRAP=1
seconds=$((${MINUTES:-15} * 60))
scratch=fuzz/target/work

# dictionary TARGET: the words of its inputs.
dictionary() {
    case $1 in
        conf | json | yaml) echo configuration ;;
        answer | call) echo wire ;;
        images | comparison | composeinfo | plan | uploads | output) echo manifests ;;
        journal | pungi | report) echo journal ;;
        *) echo "$1" ;;
    esac
}

# seeds TARGET: files of the repository that are such inputs, beside those of fuzz/corpus.
seeds() {
    case $1 in
        answer) find fixtures/koji/wire -name '*.resp.txt' ;;
        call) find fixtures/koji/wire -name '*.req.txt' ;;
        conf) find fixtures/pungi/cases examples -name '*.conf' ;;
        variants) find fixtures examples -name '*.xml' ;;
        json) find fixtures/pungi/cases -name config-dump.json ;;
        comparison | images) find fixtures -name images.json ;;
        composeinfo) find fixtures -name 'composeinfo*.json' ;;
    esac
}

# plant TARGET DIRECTORY: copies the seeds; of a recorded message its body.
plant() {
    mkdir -p "$2"
    local number=0 file
    while read -r file; do
        number=$((number + 1))
        case $1 in
            answer | call) sed '1,/^\r*$/d' "$file" >"$2/seed-$number" ;;
            *) cp "$file" "$2/seed-$number" ;;
        esac
    done < <(seeds "$1")
}

# fuzz TARGET
fuzz() {
    local work=$scratch/$1 log=$scratch/$1.log
    plant "$1" "$work"
    mkdir -p "fuzz/artifacts/$1"
    if fuzz/target/*/release/"$1" "$work" "fuzz/corpus/$1" -artifact_prefix="fuzz/artifacts/$1/" \
        -dict="fuzz/dictionaries/$(dictionary "$1").dict" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -max_len=16384 -len_control=20 -print_final_stats=1 >"$log" 2>&1; then
        awk -v name="$1" '
            / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1) } }
            /number_of_executed_units/ { runs = $2 }
            /peak_rss_mb/ { rss = $2 }
            /slowest_unit_time_sec/ { slowest = $2 }
            END { printf "%-12s %10d inputs, %6d edges, %6d features, slowest %d s, at most %d MB\n", name, runs, cov, ft, slowest, rss }
        ' "$log"
    else
        echo "$1: FOUND SOMETHING, see $log and fuzz/artifacts/$1"
        tail -n 40 "$log"
        return 1
    fi
}

# Without a sanitizer: there is no unsafe code to watch, and it is twice as fast.
cargo fuzz build --sanitizer none
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
status=0
running=0
for target in "${targets[@]}"; do
    if [ "$running" -ge "${JOBS:-1}" ]; then
        wait -n || status=1
        running=$((running - 1))
    fi
    fuzz "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || status=1
    running=$((running - 1))
done
exit $status
