"""Rows about a hub in another process: how fast it is asked for tasks, what waiting costs, and how soon a finished task is noticed."""
import http.server
import json
import os
import re
import statistics
import subprocess
import threading
import time
import urllib.request
import xmlrpc.client

from generate import config
from process import Ran, cpu_seconds, field, pss

WATCHERS = 20


class Hub:
    """`magudi hub` with a scenario, and a proxy in front of it that counts calls."""

    def __init__(self, magudi, work, name, scenario):
        self.profile = f"{work}/{name}.conf"
        with open(f"{work}/{name}.json", "w") as out:
            json.dump(scenario, out)
        self.process = subprocess.Popen([magudi, "hub", "--topdir", f"{work}/{name}", "--scenario", f"{work}/{name}.json",
                                         "--profile-file", self.profile], cwd=work, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        with open(self.profile) as text:
            profile = text.read()
        self.url = re.search(r"^server\s*=\s*(\S+)", profile, re.M).group(1)
        self.calls = []
        self.proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()
        self.counted = f"{work}/{name}-counted.conf"
        with open(self.counted, "w") as out:
            # Koji's own poll_interval; the hub's profile has a shorter one for tests.
            profile = re.sub(r"(?m)^poll_interval.*$", "poll_interval = 6", profile)
            out.write(profile.replace(self.url, f"http://127.0.0.1:{self.proxy.server_port}/kojihub"))

    def _handler(hub):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                method = re.search(rb"<methodName>(.*?)</methodName>", body).group(1).decode()
                hub.calls.append((time.time(), method, body.count(b"<int>")))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")}
                with urllib.request.urlopen(urllib.request.Request(hub.url, body, headers)) as answer:
                    text = answer.read()
                self.send_response(200)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        return Handler

    def begin(self, magudi, path, target, profile):
        os.makedirs(target)
        command = [magudi, "run", "--quiet", "--test", "--config", path, "--target-dir", target, "--koji-config", profile,
                   "--koji-profile", "devhub", "--koji-user", "compose"]
        return subprocess.Popen(command, env=dict(os.environ, MAGUDI_KOJI_PASSWORD="composepass"))

    def close(self):
        self.proxy.shutdown()
        self.process.terminate()
        self.process.wait()


def only_compose(target):
    """The only compose in a directory."""
    return f"{target}/{next(name for name in os.listdir(target) if name.startswith('Big'))}"


def journal(target):
    """The events of the only compose in a directory."""
    with open(f"{only_compose(target)}/logs/global/magudi-journal.jsonl") as text:
        # The last line may not be whole yet.
        return [json.loads(line) for line in text if line.endswith("\n")]


def submitting(table, magudi, bench, work, rounds=5, images=1_000):
    """How many tasks a second a run asks a hub for that takes 5 ms for each, beside a client that has nothing else to do: no journal,
    no events, no repetitions, one connection and one session. Both in turn, at one hub."""
    hub = Hub(magudi, work, "submitting", {"task_seconds": 3600, "delay_answers": [{"method": "*", "every": 1, "seconds": 0.005}]})
    path, ours, theirs = config(work, 20, images // 20), [], []
    for number in range(rounds):
        theirs.append(float(Ran([bench, "submit", hub.url, "compose", "composepass", images], keep=True).output))
        target = f"{work}/submitting-{number}"
        run = hub.begin(magudi, path, target, hub.profile)
        times = []
        while len(times) < images:
            time.sleep(0.5)
            if run.poll() is not None:
                raise SystemExit("the run for the submissions failed")
            try:
                events = journal(target)
            except (StopIteration, FileNotFoundError):
                # It has just begun.
                continue
            times = [timestamp(event["t"].replace("Z", "+00:00")) for event in events if event["event"] == "submitted"]
        ours.append((images - 1) / (times[-1] - times[0]))
        run.kill()
        run.wait()
    hub.close()
    share = statistics.median(a / b for a, b in zip(ours, theirs))
    table.row("submissions to a hub that takes 5 ms for a call", "95 % of a bare client with one session",
              f"{max(ours):.0f} a second ({share * 100:.0f} %)", f"bare client: {max(theirs):.0f} a second", share >= 0.95)


def waiting(table, magudi, work, python, minute=60):
    """A minute with 1,000 open tasks, beside real `koji watch-task` processes that watch some of them."""
    hub = Hub(magudi, work, "waiting", {"task_seconds": 3600})
    target = f"{work}/waiting-composes"
    run = hub.begin(magudi, config(work, 20, 50), target, hub.counted)
    while sum(method == "osbuildImage" for _, method, _ in hub.calls) < 1000:
        time.sleep(0.2)
    watchers, theirs = [], "koji is not to be had"
    if python is not None:
        watch = [f"{os.path.dirname(python)}/koji", "--config", hub.profile, "--profile", "devhub", "--noauth", "watch-task"]
        tasks = [event["task"] for event in journal(target) if event["event"] == "submitted"][:WATCHERS]
        watchers = [subprocess.Popen(watch + [str(task)], stdout=subprocess.DEVNULL) for task in tasks]
    time.sleep(15)
    begun, cost, cost_of_watchers = time.time(), cpu_seconds(run.pid), sum(cpu_seconds(one.pid) for one in watchers)
    time.sleep(minute)
    share = (cpu_seconds(run.pid) - cost) / minute
    polls = [(when, ids) for when, method, ids in hub.calls if when >= begun and method == "getTaskInfo"]
    mb = int(field(run.pid, "VmRSS")) / 1024
    if watchers:
        share_of_watchers = (sum(cpu_seconds(one.pid) for one in watchers) - cost_of_watchers) / minute
        scale = 1000 / len(watchers)
        theirs = (f"{len(watchers)} `koji watch-task`, scaled to 1,000: {share_of_watchers * scale * 100:.0f} % of a core, "
                  f"{sum(pss(one.pid) for one in watchers) * scale / 1024:.0f} GB")
    for one in watchers + [run]:
        one.terminate()
        one.wait()
    hub.close()
    ids = sum(ids for _, ids in polls) / max(1, len(polls))
    table.row("waiting on 1,000 open tasks for a minute", "a call per 100 tasks or more, 1 % of a core, 40 MB",
              f"{len(polls)} calls of {ids:.0f} tasks, {share * 100:.2f} % of a core, {mb:.0f} MB", theirs,
              ids >= 100 and share < 0.01 and mb < 40)


def latency(table, magudi, work):
    """How long after a task closed on the hub its last image was in its place."""
    hub = Hub(magudi, work, "latency", {"task_seconds": [5, 45]})
    target = f"{work}/latency-composes"
    if hub.begin(magudi, config(work, 10, 20), target, hub.profile).wait():
        raise SystemExit("the run for the latency failed")
    with open(hub.profile) as text:
        interval = float(re.search(r"^poll_interval\s*=\s*(\S+)", text.read(), re.M).group(1))
    events = journal(target)
    tasks = {event["request"]: event["task"] for event in events if event["event"] == "submitted"}
    placed = {}
    for event in events:
        if event["event"] == "image-added":
            when = event["t"].replace("Z", "+00:00")
            placed[tasks[event["request"]]] = timestamp(when)
    server = xmlrpc.client.ServerProxy(hub.url, allow_none=True)
    late = sorted(placed[task["id"]] - task["completion_ts"] for task in server.getTaskInfo(sorted(placed)))
    hub.close()
    p95 = late[int(len(late) * 0.95)]
    table.row("task closed on the hub -> image in place", "poll interval + 0.2 s, 95th percentile",
              f"{p95:.2f} s of {len(late)} tasks; median {late[len(late) // 2]:.2f} s", f"poll interval {interval:.0f} s",
              p95 <= interval + 0.2)


def timestamp(text):
    """Seconds since 1970 of an RFC 3339 time, of which Python reads six digits at the most."""
    import datetime
    head, _, rest = text.partition(".")
    digits, zone = re.match(r"(\d*)(.*)", rest).groups() if rest else ("", head[-6:])
    if not rest:
        head = head[:-6]
    return datetime.datetime.fromisoformat(f"{head}.{(digits + '000000')[:6]}{zone}").timestamp()
