#!/usr/bin/env bash
# Does a compose come out the same, whichever way its images come from the volume: from a hub inside the process, hard linked from
# a volume on disk, or fetched over HTTP?
#
# usage: volumes.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
export SOURCE_DATE_EPOCH=1740000000
compose=latest-Fedora-42

cp -R "$repository/examples/fedora" conf
cat >conf/cached.conf <<EOS
from fedora import *
koji_cache = "$work/cache"
EOS
echo '{"targets": ["f42", "f42-kiwi", "f42-image-builder"]}' >scenario.json

# run TARGET CONFIG [OPTION...]
run() {
    local target=$1 config=$2
    shift 2
    mkdir "$target"
    check_status "run into $target" 0 "$magudi" run --config "conf/$config.conf" --target-dir "$work/$target" --nightly "$@"
    check "STATUS of $target" grep -qx FINISHED "$target/$compose/STATUS"
}

run simulated fedora --simulate=scenario.json

start_hub "$work/koji.conf" --topdir "$work/volume" --scenario scenario.json
account=(--koji-config "$work/koji.conf" --koji-profile devhub --koji-user compose)
export MAGUDI_KOJI_PASSWORD=composepass
run local fedora "${account[@]}"
# A profile whose topdir is nowhere: all that comes must come over HTTP.
sed "s|^topdir = .*|topdir = $work/nowhere|" koji.conf >remote.conf
run cached cached --koji-config "$work/remote.conf" --koji-profile devhub --koji-user compose
# Once more, with a volume that is nowhere at all: now everything is in the cache.
sed "s|^topurl = .*|topurl = $hub_url/nowhere|" remote.conf >nowhere.conf
run again cached --koji-config "$work/nowhere.conf" --koji-profile devhub --koji-user compose

add_checks python3 "$scripts/lib/compare_composes.py" simulated/$compose local/$compose cached/$compose again/$compose

# Hard links, not copies: each image has one name on the volume (or in the cache) and one in the compose.
links() {
    find "$1" -path '*/compose/*' -type f \( -name '*.qcow2' -o -name '*.iso' -o -name '*.raw.xz' \) -links "$2" | wc -l
}
for target in simulated local; do
    check "$target: files are hard links" test "$(links "$target/$(readlink $target/$compose)" 2)" -ge 20
    check "$target: all of them" test "$(links "$target/$(readlink $target/$compose)" 1)" -eq 0
done
check "the cache is laid out as the volume" test -f \
    cache/packages/Fedora-Server-dvd/42/20250219.n.0/images/Fedora-Server-dvd-42-20250219.n.0.x86_64.iso
check "nothing half-fetched is left in the cache" test -z "$(find cache -name '*.lock' -o -name '*.tmp' -o -name '.*' -type f)"
check "nothing half-written is left in the composes" test -z \
    "$(find simulated local cached again -name '*.tmp' -o -name '.magudi-*')"

# A wrong byte on the volume must not come into a compose, whichever way, nor into the cache.
image=Fedora-Server-VMware-42-20250219.n.0.x86_64.vmdk
cat >flipped.json <<EOS
{"flip_bytes": ["$image"], "targets": ["f42", "f42-kiwi", "f42-image-builder"]}
EOS
start_hub "$work/flipped.conf" --topdir "$work/flipped" --scenario flipped.json
sed "s|^topdir = .*|topdir = $work/nowhere|" flipped.conf >flipped-remote.conf
rm -r cache
mkdir doomed-local doomed-cached doomed-simulated
doomed() {
    local target=$1 config=$2
    shift 2
    check_status "a wrong byte, $target" 1 \
        "$magudi" run --config "conf/$config.conf" --target-dir "$work/$target" --nightly "$@"
    check_text "the file is named" err "$image"
    check_text "what is wrong is said" err checksum
    check "the compose is doomed" grep -qx DOOMED "$target/Fedora-42-20250219.n.0/STATUS"
    check "the file is not in the compose" test -z "$(find "$target/Fedora-42-20250219.n.0/compose" -name "$image")"
    check "there is no images.json" test -z "$(find "$target" -name images.json)"
    check "there is no latest link" test ! -e "$target/$compose"
    check "nothing half-written is left" test -z "$(find "$target" -name '*.tmp' -o -name '.magudi-*')"
}
doomed doomed-simulated fedora --simulate=flipped.json
doomed doomed-local fedora --koji-config "$work/flipped.conf" --koji-profile devhub --koji-user compose
doomed doomed-cached cached --koji-config "$work/flipped-remote.conf" --koji-profile devhub --koji-user compose
check "what was fetched before is in the cache" test -d cache/packages
check "the wrong file is not" test -z "$(find cache -name "$image*")"

finish
