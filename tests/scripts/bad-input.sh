#!/usr/bin/env bash
# Does everything that goes wrong end with a message that says what and where, the right exit status and the right STATUS, and
# without half of a result?
#
# usage: bad-input.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
export SOURCE_DATE_EPOCH=1740000000
compose=Example-1-20250219.t.0
cp -R "$repository/examples/minimal" conf

# change NAME SED-SCRIPT: conf/NAME.conf is the example, changed.
change() {
    sed "$2" conf/minimal.conf >"conf/$1.conf"
    check "$1.conf is another configuration" test -n "$(cmp conf/minimal.conf "conf/$1.conf" 2>&1)"
}

# leaves_nothing_half WHAT: target holds no manifest, no link, nothing that was being written.
leaves_nothing_half() {
    check "$1: no manifest of images" test -z "$(find target -name images.json)"
    check "$1: no latest link" test -z "$(find target -maxdepth 1 -type l)"
    check "$1: nothing half-written" test -z "$(find target -name '*.tmp' -o -name '.magudi-*' -o -name '.tmp*')"
}

# refused STATUS WHAT CONFIG TEXT [OPTION...]: the run ends before there is a compose, and says the text.
refused() {
    local status=$1 what=$2 config=$3 text=$4
    shift 4
    rm -rf target
    mkdir target
    check_status "$what" "$status" "$magudi" run --config "conf/$config.conf" --target-dir target --test "$@"
    check_text "$what" err "$text"
    check "$what: no compose" test -z "$(ls -A target)"
    check "$what: no panic" test -z "$(grep -i panicked err || true)"
}

# doomed WHAT CONFIG TEXT [OPTION...]: the compose begins and ends DOOMED, and says the text on the terminal and in its log.
doomed() {
    local what=$1 config=$2 text=$3
    shift 3
    rm -rf target
    mkdir target
    check_status "$what" 1 "$magudi" run --config "conf/$config.conf" --target-dir target --test "$@"
    check_text "$what" err "$text"
    check_text "$what" target/$compose/logs/global/pungi.global.log "$text"
    check "$what: STATUS" grep -qx DOOMED target/$compose/STATUS
    check "$what: no panic" test -z "$(grep -i panicked err || true)"
    leaves_nothing_half "$what"
}

echo "the configuration"

printf '# a comment\nrelease_name = "Example"\nosbuild = {\n    "^Server$": [1, }\n' >conf/syntax.conf
refused 1 "a syntax error" syntax "conf/syntax.conf:4:21" --simulate
printf 'from minimal import *\nfrom syntax import *\n' >conf/includes.conf
refused 1 "a syntax error in an imported file" includes "syntax.conf:4:21" --simulate
printf 'from nowhere import *\n' >conf/imports.conf
refused 1 "an import of a file that is not there" imports "conf/imports.conf:1" --simulate
refused 1 "a configuration that is not there" missing "conf/missing.conf" --simulate
printf 'release_name = "\xff"\n' >conf/bytes.conf
refused 1 "a file that is no text" bytes "bytes.conf" --simulate

change repo 's/"arches"/"repo": ["Sever"], &/'
refused 1 "a repository of an unknown variant" repo 'conf/repo.conf:23:22' --simulate
check_text "which" err '`Sever`'
check_text "what may have been meant" err 'did you mean `Server`?'
change pattern 's/\^Server\$/^(Server/'
refused 1 "a pattern that is none" pattern 'conf/pattern.conf:17:5' --simulate
change upload 's/"arches"/"upload_options": {"region": 5}, &/'
refused 1 "upload options of no kind" upload 'osbuild.^Server$.0.upload_options' --simulate
change generator 's/"arches"/"version": "!TODAY", &/'
refused 1 "an unknown generator" generator '!TODAY' --simulate
change key 's/"arches"/"arch": "x86_64", &/'
refused 1 "an unknown key of an image" key 'conf/key.conf:23:13' --simulate
change several '/release_version/d; /"distro"/d; s/"hybrid"//; s/"x86_64"/64/'
refused 1 "several mistakes" several '`release_version` is missing' --simulate
check_text "all of them are told" err '`distro` is missing'
check_text "with their places" err 'osbuild.^Server$.0.arches.0'

change variants 's/variants.xml/nowhere.xml/'
refused 1 "a variants file that is not there" variants 'conf/variants.conf:5:17' --simulate
check_text "its name" err conf/nowhere.xml
change broken 's/variants.xml/broken.xml/'
printf '<variants>\n  <variant id="A" name="A" type="variant">\n' >conf/broken.xml
refused 1 "a variants file that is cut off" broken 'conf/broken.xml:' --simulate
printf '<variants>\n  <variant id="A" name="A" type="edition"><arches><arch>x86_64</arch></arches></variant>\n</variants>\n' >conf/broken.xml
refused 1 "a type of variant that does not exist" broken 'conf/broken.xml:2' --simulate

check_status "check finds the same" 1 "$magudi" check --config conf/repo.conf --format json
check "and says it in JSON" python3 - "$work/out" <<'PYTHON'
import json, sys
answer = json.load(open(sys.argv[1]))
(error,) = answer["errors"]
assert answer["warnings"] == []
assert (error["id"], error["line"], error["column"]) == ("MG203", 23, 22), error
assert error["path"] == "osbuild.^Server$.0.repo.0" and error["file"].endswith("repo.conf"), error
PYTHON
change warning '$a osbild = {}'
check_status "a warning" 0 "$magudi" check --config conf/warning.conf
check_text "which" err 'osbuild'
check_status "a warning, strictly" 1 "$magudi" check --config conf/warning.conf --strict

# A port at which nobody listens: it was free a moment ago.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >closed.conf <<EOS
[devhub]
server = http://127.0.0.1:$port/kojihub
authtype = password
max_retries = 1
retry_interval = 1
topdir = $work/nowhere
EOS

echo "the command line"

refused 2 "an unknown option" minimal "--frobnicate" --simulate --frobnicate
refused 2 "a label of no form" minimal "Golden-1" --simulate --label Golden-1
refused 2 "a phase that does not exist" minimal "osbuilt" --simulate --just-phase osbuilt
refused 2 "a user without a password" minimal MAGUDI_KOJI_PASSWORD --koji-config closed.conf --koji-user compose
refused 1 "a scenario that is not there" minimal nowhere.json --simulate=nowhere.json
echo '{"fail": }' >scenario.json
refused 1 "a scenario that is no JSON" minimal "line 1, column 10" --simulate=scenario.json
refused 1 "an unknown profile" minimal devhub
check_status "no target directory" 2 "$magudi" run --config conf/minimal.conf --test --simulate
check_text "what is missing" err --target-dir
check_status "a target directory that is not there" 2 \
    "$magudi" run --config conf/minimal.conf --test --simulate --target-dir nowhere
check_text "which" err nowhere
check "it was not made" test ! -e nowhere
rm -rf target && mkdir target
check_status "a production compose without a label" 2 "$magudi" run --config conf/minimal.conf --target-dir target --simulate
check_text "what to give" err --label
check "no compose" test -z "$(ls -A target)"

echo "the hub"

export MAGUDI_KOJI_PASSWORD=composepass
refused 1 "no hub" minimal "127.0.0.1:$port" --koji-config closed.conf --koji-user compose
start_hub "$work/koji.conf"
hub_options=(--koji-config koji.conf --koji-profile devhub)
sed 's|/kojihub$|/nothing|; $a max_retries = 1' koji.conf >wrong.conf
refused 1 "a server that is no hub" minimal "HTTP status 404" --koji-config wrong.conf --koji-profile devhub --koji-user compose
MAGUDI_KOJI_PASSWORD=wrong refused 1 "a wrong password" minimal "invalid username or password" "${hub_options[@]}" --koji-user compose
check "the password is told to nobody" test -z "$(grep -rF "composepass" target out err || true)"
refused 1 "an unknown user" minimal "invalid username or password" "${hub_options[@]}" --koji-user stranger
MAGUDI_KOJI_PASSWORD=nobodypass refused 1 "a user who may not" minimal 'does not have the permission `image`' \
    "${hub_options[@]}" --koji-user nobody
check_text "which image" err example-server
sed 's|^topdir = .*|topdir = /nowhere/at/all|' koji.conf >unmounted.conf
refused 1 "a volume that is not mounted" minimal "the Koji volume cannot be used: there is no directory /nowhere/at/all" \
    --koji-config unmounted.conf --koji-profile devhub --koji-user compose

echo "the tasks"

# by_scenario WHAT JSON TEXT: a simulated hub with this scenario dooms the compose, and the message names the image.
by_scenario() {
    echo "$2" >scenario.json
    doomed "$1" minimal "$3" --simulate=scenario.json
    check_text "$1: which image" err example-server
}
file=example-server-1-1.x86_64.qcow2
by_scenario "a task that fails" '{"fail": {"example-server": {"out": "no space left on the builder"}}}' "no space left on the builder"
check_text "which task" err "$(basename target/$compose/logs/global/koji-tasks/*)"
check_text "its own log" target/$compose/logs/global/osbuild/Server-1-watch-task.log "no space left on the builder"
by_scenario "a submission that is refused" '{"submit_error": {"example-server": "the disk is full"}}' "the disk is full"
by_scenario "a wrong byte" "{\"flip_bytes\": [\"$file\"]}" "$file"
check_text "what is wrong with it" err checksum
check "it is not in the compose" test -z "$(find target/$compose/compose -name "$file")"
by_scenario "a wrong checksum" "{\"wrong_checksum\": [\"$file\"]}" checksum
by_scenario "a file that is not there" "{\"missing_files\": [\"$file\"]}" "$file"
by_scenario "an empty file" "{\"empty_files\": [\"$file\"]}" "$file"
by_scenario "a file of another kind" '{"archives": {"example-server": [{"type_name": "qcow2", "suffix": "img"}]}}' "example-server-1-1.x86_64.img"
echo '{"login_error": "the hub is closed on Sundays"}' >scenario.json
refused 1 "a login that is refused" minimal "the hub is closed on Sundays" --simulate=scenario.json
echo '{"unknown_targets": ["f42-image"]}' >scenario.json
refused 1 "a target that does not exist" minimal 'knows no build target `f42-image`' --simulate=scenario.json
echo '{"unlisted_packages": ["example-server"]}' >scenario.json
refused 1 "a package that is in no tag" minimal 'does not list the package example-server' --simulate=scenario.json

# The same for an image that may fail: the compose goes on.
change failable 's/"arches"/"failable": ["*"], &/'
for scenario in '{"fail": {"example-server": {"out": "bad luck"}}}' "{\"flip_bytes\": [\"$file\"]}" "{\"missing_files\": [\"$file\"]}"; do
    rm -rf target
    mkdir target
    echo "$scenario" >scenario.json
    check_status "failable: $scenario" 0 \
        "$magudi" run --config conf/failable.conf --target-dir target --test --simulate=scenario.json
    check_text "which image" err example-server
    check "STATUS" grep -qx FINISHED_INCOMPLETE target/$compose/STATUS
    check "the file is not in the compose" test -z "$(find target/$compose/compose -name "$file")"
    check "images.json is there, and empty" grep -q '"images": {}' target/$compose/compose/metadata/images.json
done

# A compose that is finished stays as it is.
rm -rf target
mkdir target
check_status "a compose" 0 "$magudi" run --config conf/minimal.conf --target-dir target --test --simulate
find target -type f -exec sha256sum {} + | sort >before
check_status "once more into the same directory" 1 \
    "$magudi" run --config conf/minimal.conf --compose-dir target/$compose --test --simulate
check_text "why not" err FINISHED
find target -type f -exec sha256sum {} + | sort >after
check "nothing has changed" cmp before after

finish
