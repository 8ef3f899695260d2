#!/usr/bin/env bash
# Is `magudi hub` a Koji hub to the real `koji`, the command and the library?
#
# usage: koji-client.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
use_python koji==1.36.1 defusedxml==0.7.1 python-dateutil requests urllib3 idna certifi charset-normalizer six==1.17.0
koji_command=$(dirname "$python")/koji

cat >scenario.json <<'EOS'
{
    "task_seconds": 2,
    "repo_seconds": 8,
    "fail": {"broken": {"out": "nothing provides libmissing.so.1"}},
    "unknown_targets": ["nowhere"]
}
EOS
start_hub "$work/koji.conf" --scenario scenario.json
topurl=$(sed -n 's/^topurl = //p' koji.conf)

# koji ARGUMENT...: the real command, without a login; koji_as USER PASSWORD ARGUMENT...: with one.
koji() {
    "$python" "$koji_command" --config "$work/koji.conf" --profile devhub --noauth "$@"
}
koji_as() {
    "$python" "$koji_command" --config "$work/koji.conf" --profile devhub --user "$1" --password "$2" "${@:3}"
}
# says WHAT TEXT COMMAND...: the command succeeds and prints the text.
says() {
    check_status "$1" 0 "${@:3}"
    check_text "$1" "$work/out" "$2"
}
# refuses WHAT TEXT COMMAND...: the command fails and says why.
refuses() {
    check_status "$1" 1 "${@:3}"
    cat "$work/out" >>"$work/err"
    check_text "$1" "$work/err" "$2"
}

says "the version of the API" 1 koji call getAPIVersion
says "the version of the hub" "Hub:" koji version
says "who one is" "compose" koji_as compose composepass moshimoshi
check_text "how one logged in" out "Authenticated via password"
says "build targets" f42-image koji list-targets
says "the methods" "osbuildImage(name, version, distro, image_type, target, arches, opts=None, priority=None)" koji list-api
says "builders" builder1 koji list-hosts
refuses "a wrong password" "invalid username or password" koji_as compose wrong moshimoshi
refuses "an unknown method" "Invalid method: frobnicate" koji call frobnicate
refuses "no permission" "image permission required" koji_as nobody nobodypass call --json osbuildImage \
    '"x"' '"1"' '"fedora-42"' '"guest-image"' '"f42-image"' '["x86_64"]' --kwargs '{"opts": {}}'

# The library: it leaves the ids of its tasks in tasks.sh, among them one that is still open.
add_checks "$python" "$scripts/lib/koji_client.py" "$work/koji.conf" "$work/tasks.sh"
. ./tasks.sh

# The command, on what the library did.
says "tasks that are not finished" "$open_task" koji list-tasks --quiet
says "tasks by method" "$closed_task" koji list-tasks --quiet --all --after 2000-01-01 --method osbuildImage
check_text "state of a task" out CLOSED
says "open tasks of a user" "$open_task" koji list-tasks --quiet --user compose
says "watching until it is closed" "$open_task osbuildImage (noarch) completed successfully" koji watch-task "$open_task"
check_text "its subtask" out "tagBuild (noarch)"
check_text "what it waited for" out "waitrepo (f42-build"
refuses "watching a failed task" "$failed_task osbuildImage (noarch): FAILED: BuildError: Compose failed" koji watch-task "$failed_task"
refuses "watching a canceled task" "$canceled_task osbuildImage (noarch) was canceled" koji watch-task "$canceled_task"
refuses "watching no task" "No such task" koji watch-task 7
says "a task" "State: closed" koji taskinfo "$closed_task"
check_text "its owner" out "Owner: compose"
says "a task and its subtasks" "tagBuild" koji taskinfo --recurse "$closed_task"
says "the subtask's request" "Destination Tag: f42-candidate" koji taskinfo -v --recurse "$closed_task"
says "raw request" "'distro-of-none'" koji call getTaskRequest "$failed_task"

says "a build" "State: COMPLETE" koji buildinfo "$build"
check_text "its files" out "/packages/kind-EC2/42/7/images/kind-EC2-42-7.x86_64.raw.xz"
check_text "its task" out "Task: $closed_task osbuildImage"
says "builds" kind-EC2-42-7 koji list-builds --type image
says "builds of a tag" kind-EC2-42-7 koji list-tagged f42-candidate

says "archives, keyword arguments in Python" "'type_name': 'raw-xz'" koji call listArchives --kwargs "{'buildID': $build_id}"
says "archives, keyword arguments by name" "'type_name': 'raw-xz'" koji call --python listArchives "buildID=$build_id"
says "archives, JSON" '"type_name": "raw-xz"' koji call --json listArchives "buildID=$build_id"
says "archives of a type" "'arch': 'aarch64'" koji call --python listArchives "buildID=$build_id" "type='image'"

mkdir output build
cd output
says "downloading the output of a task" "Downloading" koji download-task --all --noprogress "$closed_task"
cd ..
check "the request of the compose" grep -q '"image_requests"' output/compose-request.*json
check "the status of the compose" grep -q '"success"' output/compose-status.*json
cd build
check "downloading a build" koji download-build --type=image --noprogress "$build"
cd ..
check "images of both arches" test -s build/kind-EC2-42-7.x86_64.raw.xz -a -s build/kind-EC2-42-7.aarch64.raw.xz
check "the file is what topurl has" "$python" - "$topurl/packages/kind-EC2/42/7/images/kind-EC2-42-7.x86_64.raw.xz" build/kind-EC2-42-7.x86_64.raw.xz <<'PYTHON'
import sys, urllib.request
sys.exit(urllib.request.urlopen(sys.argv[1]).read() != open(sys.argv[2], "rb").read())
PYTHON

# A task from submission to cancellation with the command alone. It names no repository, and waits for one long enough.
says "submitting" 1 koji_as compose composepass call --json osbuildImage \
    '"by-hand"' '"42"' '"fedora-42"' '["guest-image"]' '"f42-image"' '["x86_64"]' --kwargs '{"opts": {}}'
task=$(tr -dc 0-9 <out)
refuses "canceling another's task" "Cannot cancel task, not owner" koji_as nobody nobodypass call cancelTask "$task"
check_status "canceling" 0 koji_as compose composepass cancel "$task"
says "the canceled task" "State: canceled" koji taskinfo "$task"

kill "$hub"
wait "$hub" || true
check_status "no hub" 1 koji call getAPIVersion

finish
