#!/usr/bin/env bash
# Do the notification scripts of packaging/ tell what happens: the mail to a sendmail, the webhook with curl to a web server?
#
# usage: notifications.sh MAGUDI
set -euo pipefail
. "$(dirname "$0")/lib/common.bash"
begin "$@"
command -v curl >/dev/null || install curl
export SOURCE_DATE_EPOCH=1740000000
examples=$repository/packaging/notifications
config=$repository/examples/minimal/minimal.conf

# A sendmail that keeps its letters, one to a file.
mkdir bin letters
cat >bin/sendmail <<'SH'
#!/bin/sh
letter=$(mktemp "$HOME/../letters/XXXXXX")
echo "$@" >"$letter"
cat >>"$letter"
SH
chmod +x bin/sendmail
export PATH=$work/bin:$PATH
letters() { find letters -type f | wc -l; }

# A server that keeps what it is sent; below /away it is out of order.
cat >server.py <<'PYTHON'
import http.server, json, sys

class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("posts", "a", encoding="utf-8") as posts:
            known = {name: self.headers[name] for name in ("X-Compose-Message", "Content-Type", "X-Token")}
            print(json.dumps({"path": self.path, "headers": known, "body": body}), file=posts)
        self.send_response(404 if self.path.startswith("/away") else 204)
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
PYTHON
python3 server.py >server.url 2>server.log &
hubs+=($!)
for _ in $(seq 200); do [ -s server.url ] && break; sleep 0.05; done
[ -s server.url ] || fail "the web server did not start" server.log
export COMPOSE_MAIL_TO="a@example.com, b@example.com" COMPOSE_WEBHOOK_URL
COMPOSE_WEBHOOK_URL=$(cat server.url)/hooks/composes?key=top-secret
echo 'header = "X-Token: sesame"' >"$HOME/.curlrc"

run() { "$magudi" run --target-dir "$work" --simulate --notification-script "$examples/mail" --notification-script "$examples/webhook" "$@"; }
warned() { grep -c "Failed to invoke notification script" "$work/err" || true; }

check_status "a compose" 0 run --config "$config" --nightly
check "no script failed" test "$(warned)" = 0
check "one letter" test "$(letters)" = 1
cat letters/* >letter
for line in "-t -oi" "To: a@example.com, b@example.com" "Subject: Example-1-20250219.n.0 FINISHED" "/logs/global/report.html"; do
    check_text "the letter" letter "$line"
done
add_checks python3 - posts <<'PYTHON'
import json, sys
posts = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
names = [post["headers"]["X-Compose-Message"] for post in posts]
assert names[0] == names[-1] == "status-change" and {"phase-start", "phase-stop"} < set(names), names
assert [posts[0]["body"]["status"], posts[-1]["body"]["status"]] == ["STARTED", "FINISHED"], posts
wanted = {
    "compose_id", "compose_date", "compose_type", "compose_respin", "compose_label", "compose_path", "location", "release_short",
    "release_name", "release_version", "release_type", "release_is_layered",
}
for post in posts:
    assert post["path"] == "/hooks/composes?key=top-secret", post
    assert (post["headers"]["Content-Type"], post["headers"]["X-Token"]) == ("application/json", "sesame"), post
    assert wanted < set(post["body"]), post
print(len(posts))
PYTHON

# A compose that does not begin.
rm letters/* posts
echo "release_name = 5" >bad.conf
check_status "a configuration that is wrong" 1 run --config bad.conf --nightly
cat letters/* >letter
check_text "the letter" letter "Subject: A compose did not begin"
check_text "what is wrong" letter "release_name"
check_text "the post" posts '"X-Compose-Message": "fail-to-start"'

# What goes wrong with a script is a warning, and no secret is in it.
COMPOSE_WEBHOOK_URL=$(cat server.url)/away?key=top-secret
unset COMPOSE_MAIL_TO
check_status "a compose that nobody hears of" 0 run --config "$config" --nightly
check "the scripts failed" test "$(warned)" -gt 2
check "no secret" bash -c '! grep -rlF top-secret "$1"/err "$1"/latest-Example-1/logs' - "$work"
logs=$(find -L latest-Example-1/logs -name 'notification-*.log')
# shellcheck disable=SC2086
check "why the mail failed" grep -q "COMPOSE_MAIL_TO is not set" $logs
# shellcheck disable=SC2086
check "why the webhook failed" grep -q "404" $logs

finish
