#!/usr/bin/env bash
# Do the consumers of a distribution's composes find in one that Pungi and magudi have made together what they look for?
#
# fedfind takes composes from the web alone: the compose is served on a loopback port, and nothing else is asked.
#
# usage: consumers.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
use_python productmd==1.51 six==1.17.0 fedfind==6.1.4
export SOURCE_DATE_EPOCH=1740000000
pungi="$repository/tests/pungi/pungi-koji --tree Server/x86_64 --tree Server/aarch64 --tree Workstation/x86_64"
pungi="$pungi --tree Workstation/aarch64 --tree KDE/x86_64 --tree Cloud/x86_64 --tree Cloud/aarch64"

variant() {
    local arches
    arches=$(printf '<arch>%s</arch>' "${@:2}")
    echo "<variant id='$1' name='$1' type='variant'><arches>$arches</arches></variant>"
}
{
    echo "<variants>"
    variant Server x86_64 aarch64
    variant Workstation x86_64 aarch64
    variant KDE x86_64
    variant Cloud x86_64 aarch64
    echo "</variants>"
} >variants.xml

cat >fedora.conf <<'CONF'
release_name = "Fedora"
release_short = "Fedora"
release_version = "42"
variants_file = "variants.xml"
pkgset_source = "koji"
pkgset_koji_tag = "f42-compose"
gather_method = "deps"
media_checksums = ["sha256"]
global_target = "f42"

osbuild = {
    "^Server$": [
        {"name": "Fedora-Server-netinst", "distro": "fedora-42", "image_types": "image-installer", "manifest_type": "boot"},
    ],
    "^Cloud$": [
        {"name": "Fedora-Cloud-Base", "distro": "fedora-42", "image_types": "qcow2", "subvariant": "Cloud_Base"},
        {"name": "Fedora-Cloud-Raw", "distro": "fedora-42", "image_types": "raw", "subvariant": "Cloud_Base"},
    ],
}

kiwibuild_description_scm = "https://example.com/kiwi.git#f42"
kiwibuild_description_path = "Fedora.kiwi"
kiwibuild = {
    "^KDE$": [{"kiwi_profile": "KDE-Desktop-Live", "type": "iso", "manifest_type": "live"}],
    "^Workstation$": [{"kiwi_profile": "Workstation-Disk", "type": "oem", "arches": ["aarch64"]}],
}

live_media = {
    "^Workstation$": [{
        "name": "Fedora-Workstation-Live", "kickstart": "live.ks", "ksurl": "https://example.com/ks.git#f42", "arches": ["x86_64"],
    }],
}
CONF
echo '{"archives": {"Fedora-Cloud-Raw": [{"type_name": "raw-xz", "suffix": "raw.xz"}]}}' >scenario.json

run=("$magudi" run --config fedora.conf --nightly --target-dir)
mkdir merged trees
check_status "Pungi and magudi together" 0 "${run[@]}" merged --simulate=scenario.json --pungi="$pungi"
check "their STATUS" grep -qx FINISHED merged/latest-Fedora-42/STATUS
check_status "the compose is whole" 0 "$magudi" verify merged/latest-Fedora-42

# What Pungi makes alone, to see that the images are missed.
mkdir trees/alone
echo -n Fedora-42-20250219.n.0 >trees/alone/COMPOSE_ID
# The words of its command line.
# shellcheck disable=SC2086
check_status "Pungi alone" 0 $pungi --compose-dir trees/alone
mkdir -p trees/alone/compose/metadata
cp merged/latest-Fedora-42/work/global/composeinfo-base.json trees/alone/compose/metadata/composeinfo.json

add_checks "$python" "$scripts/lib/consumers_check.py" merged/latest-Fedora-42 trees/alone

finish
