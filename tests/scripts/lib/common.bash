# What the scripts share. Sourced, never run.
#
# A script calls `begin "$@"` first and `finish` last. Between them `check`, `check_text` and `add_checks` count what was found
# right; the first thing that is wrong ends the script with exit status 1.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
scripts=$repository/tests/scripts
script=$(basename "$0")
checks=0
hubs=()

# begin MAGUDI: takes the program, and makes the directory $work, which goes away with everything in it.
begin() {
    if [ $# -ne 1 ]; then
        echo "usage: $script MAGUDI" >&2
        exit 2
    fi
    magudi=$(realpath -- "$1")
    if ! [ -x "$magudi" ]; then
        echo "$script: $1 is no program" >&2
        exit 2
    fi
    work=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    # Nothing of the caller's surroundings may matter.
    export HOME=$work/home NO_COLOR=1 TZ=UTC LC_ALL=C.UTF-8 RUST_BACKTRACE=0
    unset MAGUDI_KOJI_PASSWORD SOURCE_DATE_EPOCH http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
    mkdir "$HOME"
    cd "$work"
}

clean_up() {
    local hub
    for hub in ${hubs[@]+"${hubs[@]}"}; do
        kill "$hub" 2>/dev/null || true
        wait "$hub" 2>/dev/null || true
    done
    cd /
    rm -rf -- "$work"
}

finish() {
    echo "$script: $checks checks passed"
}

# fail MESSAGE [FILE]: ends the script, with the end of a file that tells why.
fail() {
    echo "$script: FAILED: $1" >&2
    if [ $# -gt 1 ] && [ -f "$2" ]; then
        sed 's/^/    /' "$2" | tail -n 40 >&2
    fi
    exit 1
}

# check WHAT COMMAND...: the command must succeed.
check() {
    local what=$1
    shift
    if "$@" >"$work/.checked" 2>&1; then
        checks=$((checks + 1))
    else
        fail "$what" "$work/.checked"
    fi
}

# check_text WHAT FILE TEXT: the file must contain the text.
check_text() {
    if grep -qF -e "$3" -- "$2"; then
        checks=$((checks + 1))
    else
        fail "$1: expected to read: $3" "$2"
    fi
}

# check_status WHAT STATUS COMMAND...: the command must end with this exit status; its output is in $work/out and $work/err.
check_status() {
    local what=$1 expected=$2 status=0
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    if [ "$status" -eq "$expected" ]; then
        checks=$((checks + 1))
    else
        fail "$what: exit status $status instead of $expected" "$work/err"
    fi
}

# add_checks COMMAND...: a program that makes checks itself and prints their number as its last line.
add_checks() {
    local number
    "$@" >"$work/.checked" || fail "$1 $2" "$work/.checked"
    number=$(tail -n 1 "$work/.checked")
    case $number in
        '' | *[!0-9]*) fail "$2 did not say how many checks it made" "$work/.checked" ;;
    esac
    checks=$((checks + number))
}

# install PACKAGE...: installs Debian's packages, which only root can, as in CI. Scripts that run side by side wait for each other.
install() {
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        fail "install these first: $*"
    fi
    # The services that come with the packages are not wanted, only their programs.
    local policy=/usr/sbin/policy-rc.d made_policy='' status=0 log
    log=$(mktemp)
    (
        flock 9
        if ! [ -e $policy ]; then
            made_policy=yes
            printf '#!/bin/sh\nexit 101\n' >$policy
            chmod 755 $policy
        fi
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
            >"$log" 2>&1 || status=$?
        [ -z "$made_policy" ] || rm -f $policy
        exit $status
    ) 9>"${TMPDIR:-/tmp}/magudi-test-install.lock" || fail "apt-get install $*" "$log"
    rm -f -- "$log"
}

# start_hub PROFILE_FILE [OPTION...]: a simulated hub in a process of its own; sets $hub to its process id and $hub_url.
start_hub() {
    local file=$1 tries=0
    shift
    rm -f -- "$file"
    "$magudi" hub --listen 127.0.0.1:0 --profile-file "$file" "$@" >"$file.url" 2>"$file.log" </dev/null &
    hub=$!
    hubs+=("$hub")
    # The URL is printed after the profile is written.
    until [ -s "$file.url" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ] || ! kill -0 "$hub" 2>/dev/null; then
            fail "the hub did not start" "$file.log"
        fi
        sleep 0.05
    done
    hub_url=$(cat "$file.url")
}

# use_python PACKAGE==VERSION...: makes $python, with these packages from PyPI. The environment is made in the work directory, or
# in $MAGUDI_TEST_VENV, where it is kept and used again.
use_python() {
    local venv=${MAGUDI_TEST_VENV:-$work/venv} wanted missing=() lock
    mkdir -p -- "$venv"
    # Scripts that run side by side share the environment.
    exec {lock}>"$venv/.lock"
    flock "$lock"
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    python=$venv/bin/python
    for wanted in "$@"; do
        "$python" - "$wanted" <<'PYTHON' 2>/dev/null || missing+=("$wanted")
import importlib.metadata, sys
name, _, version = sys.argv[1].partition("==")
sys.exit(version not in ("", importlib.metadata.version(name)))
PYTHON
    done
    if [ ${#missing[@]} -gt 0 ]; then
        # Without their dependencies, for the sake of koji: it asks for requests-gssapi, which is built with the headers of Kerberos
        # and is not needed for a login by password. The scripts name all that is needed.
        "$python" -m pip install --quiet --disable-pip-version-check --no-deps "${missing[@]}" || fail "pip install ${missing[*]}"
    fi
    exec {lock}>&-
}
