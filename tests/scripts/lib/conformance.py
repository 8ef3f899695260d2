"""Asks simulated hubs what a real hub was asked, through koji's own ClientSession, and compares what comes of it.

usage: conformance.py REPOSITORY MAGUDI

The requests are fixtures/koji/conformance.jsonl and fixtures/phases/conformance.jsonl (make_conformance.py beside each says what its
lines are). Results are compared with the shapes in structs.json, the codes of faults with faults.json and with the recording. What
differs must stand in the table of docs/simulated-hub.md, and what stands there must differ.
"""

import base64
import fnmatch
import http.client
import json
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.parse
import xmlrpc.client

import koji

ARCHES = ["x86_64", "aarch64", "ppc64le", "s390x"]
# What composer said in the recordings when it did not take a request.
REFUSAL = json.dumps({"href": "/api/image-builder-composer/v2/errors/4", "id": "4", "kind": "Error",
                      "code": "IMAGE-BUILDER-COMPOSER-4", "reason": "Unsupported distribution", "operation_id": "abc"})
# The hubs: what each does otherwise than a healthy one.
WORLDS = {
    # The account of the recordings has one permission.
    "free": {"permissions": {"compose": ["image"]}, "queue_seconds": 86400},
    "open": {"queue_seconds": 0, "task_seconds": 86400},
    "done": {"permissions": {"compose": ["image"]}, "manifests": True, "unknown_targets": ["no-such-target"], "target_arches": {"f42-image": ARCHES},
             "unlisted_packages": ["Not-In-Tag"]},
    "fails": {"fail": {"Fedora-Cloud-Base": {"out": "osbuild build failed"}}},
    "refuses": {"fail": {"Fedora-Cloud-Base": {"kind": "request", "out": REFUSAL}}},
    "reserved": {"fail": {"Fedora-Cloud-Base": {"kind": "init", "out": "Build is already reserved"}}},
    "imports": {"fail": {"Fedora-Cloud-Base": {"kind": "import", "out": "unsupported file extension: x.zst"}}},
    "unreachable": {"fail": {"Fedora-Cloud-Base": {"kind": "unreachable", "out": "connection refused"}}},
    "canceled": {"queue_seconds": 0, "task_seconds": 1, "manifests": True},
    "norepo": {"repo_seconds": 86400},
    "locked": {},
    "expired1": {"queue_seconds": 86400, "expire_sessions_after_calls": 1},
    "expired3": {"queue_seconds": 86400, "expire_sessions_after_calls": 3},
    "offline": {"outages": [{"kind": "offline", "seconds": 86400}]},
    "lockout": {"outages": [{"kind": "lockout", "seconds": 86400}]},
}
PASSWORDS = {"compose": "composepass", "nobody": "nobodypass", "kojiadmin": "kojipass"}
# Codes of faults that only the recordings of the plugins have.
MORE_CODES = {1012}
# The id of a build follows from that of its task.
BUILDS = 5000000


class Hub:
    """One simulated hub in a process of its own."""

    def __init__(self, magudi, world, scenario):
        path = pathlib.Path(f"{world}.json")
        path.write_text(json.dumps(scenario))
        command = [magudi, "hub", "--scenario", str(path), "--topdir", f"volume-{world}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().strip()
        self.tasks = {}
        self.sessions = {}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def new_session(hub, **options):
    """A client that repeats nothing and renews no session by itself: every answer is to be seen."""
    client = koji.ClientSession(hub.url, dict(max_retries=0, retry_interval=0, anon_retry=False, timeout=20, **options))
    client._renew_session = raise_again
    return client


def raise_again():
    raise sys.exc_info()[1]


class Player:
    def __init__(self, magudi, worlds, structs, codes):
        self.magudi, self.worlds, self.structs, self.codes = magudi, worlds, structs, codes
        self.hubs = {}

    def hub(self, world):
        if world not in self.hubs:
            self.hubs[world] = Hub(self.magudi, world, self.worlds[world])
        return self.hubs[world]

    def stop(self):
        for hub in self.hubs.values():
            hub.stop()

    def session(self, hub, line):
        """The client with the session of a line; it logs in when the recording of that is in another world."""
        number, user = line.get("session"), line.get("user")
        if number is None and user is None:
            return new_session(hub)
        known = number if number is not None else user
        if known not in hub.sessions:
            client = new_session(hub, user=user or "compose", password=PASSWORDS[user or "compose"])
            client.login()
            hub.sessions[known] = (client, [dict(client.sinfo)])
        client, infos = hub.sessions[known]
        key = line.get("key", len(infos) - 1)
        client.sinfo = dict(infos[min(key, len(infos) - 1)] if key != "wrong" else infos[0])
        if key == "wrong":
            client.sinfo["session-key"] = "2-aaaaaaaaaaaaaaaaaaa"
        client.logged_in = True
        if "callnum" in line:
            client.callnum = line["callnum"]
        return client

    def fill(self, hub, value):
        """Puts our ids in the place of those of the recording."""
        if isinstance(value, list):
            return [self.fill(hub, part) for part in value]
        if isinstance(value, dict):
            if "$task" in value:
                task = hub.tasks[value["$task"]]
                return {"string": str, "double": float}.get(value.get("as"), int)(task)
            if "$build" in value:
                return hub.tasks[value["$build"]] + BUILDS
            if "$child" in value:
                parent, label = value["$child"]
                children = new_session(hub).getTaskChildren(hub.tasks[parent])
                return next(child["id"] for child in children if child["label"] == label)
            if "$archive" in value:
                task, filename = value["$archive"]
                archives = new_session(hub).listArchives(buildID=hub.tasks[task] + BUILDS)
                return next(archive["id"] for archive in archives if archive["filename"] == filename)
            if "$session" in value:
                self.session(hub, {"session": value["$session"], "user": "compose"})
                return hub.sessions[value["$session"]][0].sinfo["session-id"]
            if "$double" in value:
                return float(value["$double"])
            if "$base64" in value:
                return xmlrpc.client.Binary(base64.b64decode(value["$base64"]))
            if "$date" in value:
                return xmlrpc.client.DateTime(value["$date"])
            return {name: self.fill(hub, part) for name, part in value.items()}
        return value

    def ask(self, line):
        """What comes of a line: ("value", V), ("fault", code, text), or ("status", N)."""
        hub = self.hub(line["world"])
        if "sleep" in line:
            time.sleep(line["sleep"])
            return None
        if "raw" in line:
            return self.ask_raw(hub, line)
        params = self.fill(hub, line["params"])
        keywords = {}
        if params and isinstance(params[-1], dict) and params[-1].get("__starstar") is True:
            keywords = {name: value for name, value in params.pop().items() if name != "__starstar"}
        client = self.session(hub, line)
        try:
            value = client._callMethod(line["method"], params, keywords, retry=False)
        except koji.GenericError as fault:
            return ("fault", fault.faultCode, str(fault))
        except xmlrpc.client.Fault as fault:
            return ("fault", fault.faultCode, fault.faultString)
        except koji.GSSAPIAuthError:
            raise
        except Exception as error:
            found = re.search(r"\b([45]\d\d)\b", str(error))
            if not found:
                raise
            return ("status", int(found.group(1)))
        self.learn(hub, line, value)
        return ("value", value)

    def learn(self, hub, line, value):
        if "task" in line and isinstance(value, int):
            hub.tasks[line["task"]] = value
        if "opens" in line and isinstance(value, dict):
            client, infos = hub.sessions.get(line["opens"], (new_session(hub), []))
            infos.append(dict(value))
            hub.sessions[line["opens"]] = (client, infos)

    def ask_raw(self, hub, line):
        def place(match):
            kind, number, key = match.group(1), int(match.group(2)), int(match.group(3) or 0)
            self.session(hub, {"session": number, "user": "compose"})
            info = hub.sessions[number][1][key]
            return str(info["session-id"] if kind == "SESSION" else info["session-key"])

        head = re.sub(r"\$(SESSION|KEY):(\d+)(?::(\d+))?\$", place, line["raw"])
        if "pad" in line:
            start, end = (
                "<?xml version='1.0'?>\n<methodCall>\n<methodName>echo</methodName>\n<params>\n<param>\n<value><string>",
                "</string></value>\n</param>\n</params>\n</methodCall>\n",
            )
            body = (start + "a" * (line["pad"] - len(start) - len(end)) + end).encode()
        else:
            body = line["body"].encode("latin-1")
        address = urllib.parse.urlsplit(hub.url)
        head += f"\r\nHost: {address.netloc}"
        if "transfer-encoding" not in head.lower():
            head += f"\r\nContent-Length: {len(body)}"
        source = (line.get("from", "127.0.0.1"), 0)
        with socket.create_connection((address.hostname, address.port), 20, source_address=source) as connection:
            try:
                connection.sendall(head.encode("latin-1") + b"\r\n\r\n" + body)
            except (BrokenPipeError, ConnectionResetError):
                # It has answered before all of it was there.
                pass
            answer = http.client.HTTPResponse(connection, method=head.split()[0])
            answer.begin()
            text = answer.read()
        if answer.status != 200:
            return ("status", answer.status)
        try:
            value = xmlrpc.client.loads(text, use_builtin_types=False)[0][0]
        except xmlrpc.client.Fault as fault:
            return ("fault", fault.faultCode, fault.faultString)
        self.learn(hub, line, value)
        return ("value", value)


def kind(value):
    if value is None:
        return "nil"
    kinds = {bool: "boolean", int: "int", float: "double", str: "string", list: "array", dict: "struct"}
    return kinds.get(type(value), "base64" if isinstance(value, xmlrpc.client.Binary) else "other")


def mismatch(value, shape, path=""):
    """Where a value has not the shape, in words; None if it has."""
    if shape is None or path.endswith(".request"):
        # A request is whatever its sender sent, or the XML of that.
        return None if shape is None or isinstance(value, (list, str)) else f"{path} is {kind(value)}"
    if isinstance(shape, str):
        same = kind(value) == ("int" if shape == "i8" else shape)
        return None if same else f"{path or 'it'} is {kind(value)}, not {shape}"
    if isinstance(shape, list) and shape[0] == "union":
        found = [mismatch(value, one, path) for one in shape[1:]]
        # The one that fits best is told: a struct or an array is compared with its own kind.
        return None if None in found else max(found, key=len)
    if isinstance(shape, list) and shape[0] == "optional":
        return mismatch(value, shape[1], path)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{path or 'it'} is {kind(value)}, not array"
        return next(filter(None, (mismatch(part, shape[1], f"{path}[{i}]") for i, part in enumerate(value))), None)
    if not isinstance(value, dict):
        return f"{path or 'it'} is {kind(value)}, not struct"
    if path.endswith(("typeinfo.image", ".osbuild_manifest")):
        # The members are called as files are, and each has one of the recorded shapes.
        shapes = ["union", *(one[1] if one[0] == "optional" else one for one in shape.values())]
        return next(filter(None, (mismatch(part, shapes, f"{path} {name}") for name, part in value.items())), None)
    for name, part in shape.items():
        if name not in value:
            if not (isinstance(part, list) and part[0] == "optional"):
                return f"{path or 'it'} has no {name}"
        elif problem := mismatch(value[name], part, f"{path}.{name}"):
            return problem
    unknown = sorted(set(value) - set(shape))
    return f"{path or 'it'} has {', '.join(unknown)}" if unknown else None


def first_line(text):
    """The first line of a fault's text, without numbers and ids, which follow from the hub's history."""
    text = text.split("\n")[0].split(" (reason")[0]
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "N", text)


def same(found, wanted):
    """Equal, and of the same kinds; what is not a number is equal to itself."""
    if isinstance(found, float) and isinstance(wanted, float):
        return found == wanted or found != found and wanted != wanted
    if isinstance(wanted, xmlrpc.client.DateTime):
        # The client shows dates as strings.
        return str(found) == wanted.value
    if kind(found) != kind(wanted):
        return False
    if isinstance(found, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, dict):
        return set(found) == set(wanted) and all(same(found[name], wanted[name]) for name in found)
    return found == wanted


def document_mismatch(found, wanted):
    """compose-request.json must be equal but for where the hub is; compose-status.json but for names and ids."""
    if "koji" in wanted:
        for document in (found, wanted):
            document["koji"]["server"] = document["koji"]["task_id"] = None
        return None if found == wanted else f"{found}, not {wanted}"

    def outline(value):
        if isinstance(value, dict):
            return {name: part if name in ("status", "type", "id") else outline(part) for name, part in value.items()}
        return [outline(part) for part in value] if isinstance(value, list) else kind(value)

    return None if outline(found) == outline(wanted) else f"{outline(found)}, not {outline(wanted)}"


def difference(player, line, found):
    """How an outcome differs from the recorded one, in words; None if it does not."""
    wanted = line["want"]
    if "status" in wanted or found[0] == "status":
        ours = found[1] if found[0] == "status" else 200
        return None if ours == wanted.get("status", 200) else f"HTTP status {ours}, not {wanted.get('status', 200)}"
    if "fault" in wanted:
        if found[0] != "fault":
            return f"no fault {wanted['fault']}, but {str(found[1])[:200]}"
        if found[1] not in player.codes:
            return f"a fault that no hub has: {found[1]}"
        if found[1] != wanted["fault"]:
            return f"fault {found[1]} {found[2][:200]!r}, not {wanted['fault']} {wanted['text']!r}"
        if first_line(found[2]) != first_line(wanted["text"]):
            return f"text {first_line(found[2])!r}, not {first_line(wanted['text'])!r}"
        return None
    if found[0] == "fault":
        return f"fault {found[1]} {found[2][:200]!r}"
    value = found[1]
    method = line.get("method") or line["name"].split("-")[1]
    if "nil" in wanted:
        return None if value is None else f"{str(value)[:200]}, not nil"
    if "value" in wanted:
        expected = player.fill(None, wanted["value"])
        return None if same(value, expected) else f"{value!r}, not {expected!r}"
    if value is None:
        return "nil"
    if "json" in wanted:
        return document_mismatch(json.loads(base64.b64decode(value)), wanted["json"])
    if "names" in wanted:
        return None if sorted(value) == wanted["names"] else f"{sorted(value)}, not {wanted['names']}"
    if "length" in wanted:
        length = len(base64.b64decode(value)) if isinstance(value, str) else len(value)
        if length != wanted["length"]:
            return f"{length} items, not {wanted['length']}"
    if "tail" in wanted or "head" in wanted:
        is_so = value.endswith(wanted.get("tail", "")) and value.startswith(wanted.get("head", ""))
        return None if is_so else f"{value!r}, not {wanted}"
    if "rows" in wanted:
        return rows_mismatch(value, wanted) or mismatch(value, player.structs.get(method))
    for name, part in wanted.get("with", {}).items():
        found = value.get(name, "missing")
        if (sorted(found) if name == "files" else found) != part:
            return f"{name} is {found!r}, not {part!r}"
    if method == "getTaskDescendents":
        # A task's id is the name of what is under it.
        shapes = {name: player.structs["getTaskChildren"] for name in value if name.isdigit()}
        return mismatch(value, shapes)
    return mismatch(value, player.structs.get(method))


def rows_mismatch(found, wanted):
    """How rows differ from the recorded ones, in words: their members, and their order if it means something."""
    if isinstance(found, dict):
        found = [row for under in found.values() for row in under]
    names = sorted({name for row in wanted["rows"] for name in row})
    ours = [{name: row[name] for name in names if name in row} for row in found]
    theirs = wanted["rows"]
    if not wanted.get("ordered"):
        ours, theirs = (sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)) for rows in (ours, theirs))
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, not {len(theirs)}: {ours}"
    return next((f"{a}, not {b}" for a, b in zip(ours, theirs) if a != b), None)


def excuses(repository):
    """The first column of the table of what differs: patterns of names of recordings."""
    text = (repository / "docs" / "simulated-hub.md").read_text(encoding="utf-8")
    _, found, table = text.partition("\n## What differs from a real hub\n")
    if not found:
        sys.exit("FAILED: docs/simulated-hub.md has no table of what differs")
    table = table.split("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("|")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def ask_all(magudi, folder, worlds, codes):
    """Asks all requests of a folder of fixtures: the lines, each with how what came of it differs."""
    text = (folder / "conformance.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.split("\n") if line]
    if "worlds" in lines[0]:
        worlds = lines.pop(0)["worlds"]
    player = Player(magudi, worlds, json.loads((folder / "structs.json").read_text()), codes)
    last = {line["world"]: place for place, line in enumerate(lines)}
    try:
        for place, line in enumerate(lines):
            found = player.ask(line)
            if "setup" not in line:
                yield line, difference(player, line, found)
            elif found and found[0] != "value":
                sys.exit(f"FAILED: {line}: {found}")
            if last[line["world"]] == place:
                player.hubs.pop(line["world"]).stop()
    finally:
        player.stop()


def main():
    repository, magudi = pathlib.Path(sys.argv[1]), sys.argv[2]
    fixtures = repository / "fixtures"
    codes = {int(code) for code in json.loads((fixtures / "koji" / "faults.json").read_text())} | MORE_CODES
    patterns = excuses(repository)
    used, problems, checks, by_client = set(), [], 0, {}
    for folder, worlds in [("koji", WORLDS), ("phases", {})]:
        for line, differs in ask_all(magudi, fixtures / folder, worlds, codes):
            excuse = next((pattern for pattern in patterns if fnmatch.fnmatchcase(line["name"], pattern)), None)
            by_client[folder] = by_client.get(folder, 0) + ("method" in line)
            if differs and excuse:
                used.add(excuse)
            elif differs:
                problems.append(f"{line['name']}: {differs}")
            else:
                checks += 1
    problems += [f"{pattern} stands in the table, and nothing differs" for pattern in patterns if pattern not in used]
    for folder, count in by_client.items():
        if count < 150:
            problems.append(f"only {count} requests of fixtures/{folder} were made by the client")
    if problems:
        sys.exit("FAILED:\n" + "\n".join(problems))
    print(checks)


if __name__ == "__main__":
    main()
