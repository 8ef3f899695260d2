#!/usr/bin/env bash
# Is a run on a terminal what it should be? Looked at through tmux: narrow and wide, resized while it runs, without colours, on a
# terminal that can do nothing, watched from another one, and stopped with Ctrl-C.
#
# usage: terminal.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
unset NO_COLOR

command -v tmux >/dev/null || install tmux
export TMUX_TMPDIR=$work SHELL=/bin/bash
unset TMUX
tmux() {
    command tmux -f /dev/null -L terminal "$@"
}
trap 'tmux kill-server 2>/dev/null || true; clean_up' EXIT

# terminal NAME COLUMNS ROWS COMMAND: runs a command in a terminal of its own, and says how it ended.
terminal() {
    tmux new-session -d -s "$1" -x "$2" -y "$3" "$4; echo \"end \$?\"; sleep 1000"
}
# screen NAME: what can be seen now.
screen() {
    tmux capture-pane -p -t "$1"
}
# all NAME: and what has scrolled away.
all() {
    tmux capture-pane -p -S - -t "$1"
}
# sees NAME TEXT: waits until a terminal shows it.
sees() {
    local _
    for _ in $(seq 1200); do
        all "$1" >seen
        if grep -Fq -- "$2" seen; then
            checks=$((checks + 1))
            return
        fi
        sleep 0.05
    done
    fail "the terminal $1 never shows: $2" seen
}
# once NAME TEXT: one such line can be seen.
once() {
    screen "$1" >seen
    check "one line with \`$2\` in $1, not $(grep -Fc -- "$2" seen)" test "$(grep -Fc -- "$2" seen)" -eq 1
}

echo '{"task_seconds": 600, "queue_seconds": 0, "fail": {"none": {}}, "submit_error": {"Fedora-Cloud-Base-GCE": "image permission required"}}' >slow.json
echo '{"task_seconds": 1}' >fast.json
mkdir target
run="$magudi run --config $repository/examples/fedora/fedora.conf --target-dir $work/target --nightly"

# Narrow: the frame is there, once, and what failed stands above it.
terminal run 60 24 "$run --simulate=$work/slow.json"
sees run "28 open"
sees run "open longest:"
once run "osbuild       ["
once run "Fedora-Cloud-Base-GCE of Cloud failed"
sees run "  osbuildImage: GenericError: image permission required"
screen run >seen
check "a phase that is not configured is no warning" test "$(grep -Fc "SKIP" seen)" -eq 0
check "names are cut on a narrow terminal" grep -q '…$' seen

# Wide, narrow again, and low: still once. (What a terminal has moved into its history is not ours any more.)
tmux resize-window -t run -x 200 -y 50
sees run "Fedora-Container-Base-Generic of Container  aarch64 ppc64le s390x x86_64"
once run "osbuild       ["
screen run >seen
check_text "all on one line" seen "0 free  28 open  0 fetching  0 done  1 failed  0 B  0 B/s  0:0"
tmux resize-window -t run -x 60 -y 24
sleep 1
once run "open longest:"
tmux resize-window -t run -x 40 -y 8
sleep 1
once run "open longest:"
tmux resize-window -t run -x 100 -y 30

# From another terminal the same.
compose=$(echo "$work/target/"Fedora-42-*.n.0)
terminal watch 100 30 "$magudi status --watch $compose"
sees watch "28 open"
once watch "osbuild       ["

# Ctrl-C: the tasks are canceled, the frame goes away, and both say how it ended.
tmux send-keys -t run C-c
sees run "end 1"
sees watch "end 1"
for name in run watch; do
    sees "$name" "TERMINATED  0 done  1 failed  28 canceled"
    sees "$name" "Report: $compose/logs/global/report.html"
    screen "$name" >seen
    check "the frame of $name is gone" test "$(grep -Fc "open longest:" seen)" -eq 0
done

# Colours, and none.
terminal colours 100 30 "$run --simulate=$work/slow.json"
sees colours "28 open"
tmux capture-pane -p -e -t colours >seen
check "there are colours" grep -q $'\e\\[34m' seen
tmux send-keys -t colours C-c
terminal plain 100 30 "NO_COLOR=1 $run --simulate=$work/slow.json"
sees plain "28 open"
tmux capture-pane -p -e -t plain >seen
check "there are none with NO_COLOR" test "$(grep -c $'\e\\[' seen)" -eq 0
tmux send-keys -t plain C-c

# A notification script that fails is no secret of the log's.
printf '#!/bin/sh\nexit 3\n' >notify
chmod +x notify
terminal notified 100 30 "$run --simulate=$work/slow.json --notification-script $work/notify"
sees notified "28 open"
sees notified "warning: Failed to invoke notification script"
tmux send-keys -t notified C-c

# Pungi's log lines where nothing can be drawn, and nothing at all with --quiet.
terminal dumb 100 30 "TERM=dumb $run --simulate=$work/fast.json"
sees dumb "end 0"
sees dumb "[DONE ] ---------- PHASE: OSBUILD ----------"
all dumb >seen
check "no frame on a dumb terminal" test "$(grep -Fc "open longest:" seen)" -eq 0
terminal quiet 100 30 "$run --quiet --simulate=$work/fast.json"
sees quiet "end 0"
all quiet >seen
check "quiet is quiet: $(cat seen)" test "$(grep -c . seen)" -eq 1
finish
