"""Has koji's own commands `spin-livemedia` and `image-build` submit what the recorded composes submitted, and watches what comes of it.

usage: kickstart_check.py REPOSITORY MAGUDI

The command lines and the files are those in fixtures/phases3/cases/*/expected/calls.json. The id of a task follows from the call, so a
simulated hub that gives the recorded id was sent what was recorded, to the byte; the library's watch_tasks says whether the task
ended well, and the tasks under it, their results and the files of the build must be those of a real hub's builder.
"""

import contextlib
import io
import json
import pathlib
import re
import shlex
import subprocess
import sys
import types

import koji
import koji_cli.commands
import koji_cli.lib

COMMANDS = {"spin-livemedia": koji_cli.commands.handle_spin_livemedia, "image-build": koji_cli.commands.handle_image_build}
KINDS = {
    "spin-livemedia": {"method": "livemedia", "channel": "livemedia", "child": "createLiveMedia", "label": "livemedia {}",
                       "weight": 1.5, "result": "livecd build results in: "},
    "image-build": {"method": "image", "channel": "image", "child": "createImage", "label": "{}", "weight": 2.0,
                    "result": "image build results in: "},
}
# Options of the commands that the hub is asked with, of those that the program has.
OPTIONS = {"quiet": False, "weburl": "http://localhost/koji", "topurl": None, "poll_interval": 0.05, "authtype": "password",
           "user": "compose", "password": "composepass", "noauth": False, "force_auth": False, "keytab": None,
           "principal": None, "runas": None, "cert": "", "serverca": "", "debug": False, "debug_xmlrpc": False}
BUILDS = 5000000
checks = 0


def expect(what, found, wanted):
    global checks
    if found != wanted:
        sys.exit(f"FAILED: {what}: {found!r}, not {wanted!r}")
    checks += 1


def run(session, call, place):
    """Runs a recorded command; the id of the task, or the text of the error."""
    command, *args = call["command"][2:]
    args = [arg for arg in args if arg not in ("--wait", "--nowait")]
    if "config_file" in call:
        path = pathlib.Path(f"image-build-{place}.cfg")
        path.write_text(call["config_file"])
        args = [f"--config={path}" if arg.startswith("--config=") else arg for arg in args]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            COMMANDS[command](types.SimpleNamespace(**OPTIONS), session, [*args, "--nowait"])
    except (koji.GenericError, SystemExit) as error:
        return command, None, str(error)
    found = re.search(r"Created task: (\d+)", said.getvalue())
    return command, int(found.group(1)) if found else None, said.getvalue()


def look(name, session, command, call, task, scenario):
    """What became of a task."""
    kind, image = KINDS[command], call["args"][0]
    info = session.getTaskInfo(task, request=True)
    expect(f"{name}: method", info["method"], kind["method"])
    expect(f"{name}: channel", session.getChannel(info["channel_id"])["name"], kind["channel"])
    args = call["args"][:5]
    expect(f"{name}: request", info["request"], [*args, call["kwargs"]["opts"]])
    arches, opts = call["args"][2], call["kwargs"]["opts"]
    failing = set(arches) if image in scenario.get("fail", {}) else set(scenario.get("child_fail", {}).get(image, []))
    optional = [arch for arch in opts.get("optional_arches") or [] if arch]
    fails = bool(failing - set(optional)) or set(failing) >= set(arches)
    with contextlib.redirect_stdout(io.StringIO()):
        status = koji_cli.lib.watch_tasks(session, [task], quiet=True, poll_interval=0.05)
    expect(f"{name}: how it ends", bool(status), fails)
    children = [child for child in session.getTaskChildren(task, request=True) if child["method"] == kind["child"]]
    if image in scenario.get("no_arch", {}):
        return expect(f"{name}: tasks for arches", children, [])
    expect(f"{name}: labels", [child["label"] for child in children], sorted(kind["label"].format(arch) for arch in arches))
    for child in children:
        expect(f"{name}: weight", child["weight"], kind["weight"])
        expect(f"{name}: request of a task for an arch", len(child["request"]), 9)
        if child["state"] != koji.TASK_STATES["CLOSED"]:
            continue
        result = session.getTaskResult(child["id"])
        wanted = {"arch", "task_id", "logs", "name", "version", "release", "files", "rpmlist"}
        wanted |= {"rootdev"} if kind["method"] == "livemedia" else set()
        wanted -= {"rpmlist"} if kind["method"] == "livemedia" and opts.get("scratch") else set()
        expect(f"{name}: result of a task for an arch", set(result), wanted)
        listed = session.listTaskOutput(child["id"])
        missing = set(scenario.get("missing_files", []))
        if not fails:
            expect(f"{name}: output of a task for an arch", sorted(set(result["files"]) - set(listed) - missing), [])
    if fails:
        return None
    result = session.getTaskResult(task)
    expect(f"{name}: result", kind["result"] in result, True)
    if opts.get("scratch"):
        expect(f"{name}: no build", session.listBuilds(taskID=task), [])
        return None
    build = session.getBuild(task + BUILDS)
    nvr = "{}-{}-{}".format(*call["args"][:2], opts.get("release") or "1")
    expect(f"{name}: build", [build["nvr"], build["state"], build["task_id"]], [nvr, koji.BUILD_STATES["COMPLETE"], task])
    files = {(file["filename"], file["arch"]) for file in session.listArchives(buildID=build["build_id"], type="image")}
    made = {(file, result["arch"]) for child in children if child["state"] == koji.TASK_STATES["CLOSED"]
            for result in [session.getTaskResult(child["id"])] for file in result["files"]}
    expect(f"{name}: files of the build", files, made)
    return None


def refusals(magudi):
    """What the hub says of arguments and users, as Koji's source has it."""
    def fault(user, method, *args, **named):
        session = koji.ClientSession(url, {"max_retries": 0, "anon_retry": False})
        if user:
            session.opts.update(user=user, password=user + "pass")
            session.login()
        try:
            return getattr(session, method)(*args, **named)
        except koji.GenericError as error:
            return [error.faultCode, str(error)]

    with hub(magudi, {"unknown_targets": ["gone"]}) as url:
        live = ("n", "1", ["x86_64"], "t", "k", "livemedia")
        for user, method, args, named, wanted in [
            (None, "buildImage", live, {}, [1004, "livemedia permission required (user not logged in)"]),
            ("nobody", "buildImage", live, {}, [1004, "livemedia permission required (logged in as nobody)"]),
            ("compose", "buildImage", (*live[:5], "livecd"), {}, [1004, "livecd permission required (logged in as compose)"]),
            ("compose", "buildImage", (*live[:5], "x"), {}, [1000, "Unrecognized image type: x"]),
            ("nobody", "buildImage", ("n", 1, *live[2:]), {},
             [1019, "Invalid type for value '1': <class 'int'>, expected type <class 'str'>"]),
            ("compose", "buildImage", live, {"priority": -1}, [1004, "only admins may create high-priority tasks"]),
            ("compose", "buildImage", live[:5], {}, [1019, "buildImage() missing 1 required positional argument: 'img_type'"]),
            ("nobody", "buildImageOz", ("n", "1", [], "t", "u"), {}, [1004, "image permission required (logged in as nobody)"]),
            ("compose", "buildImageOz", ("n", "1", [], "t", None), {}, [1019, "Invalid type, expected type <class 'str'>"]),
        ]:
            expect(f"{method}{args}", fault(user, method, *args, **named), wanted)
        for method, args, wanted in [
            ("buildImage", ("n", "1", ["x86_64"], "gone", "k", "livemedia", {}), [1000, "No such build target: gone"]),
            ("buildImage", ("n", "1", [""], "t", "k", "livemedia", {}), [1005, "Invalid arch for build tag: "]),
            ("buildImage", ("n", "1", [], "t", "k", "livemedia", {}), [1000, "all subtasks failed"]),
            ("buildImageOz", ("n", "1-2", ["x86_64"], "t", "u", {"format": ["raw"]}), [1018, "The Version may not have a hyphen"]),
            ("buildImageOz", ("n", "1", ["x86_64"], "t", "u", {"format": ["iso"]}), [1018, "Invalid format: iso"]),
        ]:
            task = fault("compose", method, *args)
            expect(f"{method}{args}", fault(None, "getTaskResult", task), wanted)
        task = fault("compose", "buildImageOz", "n", "1", ["x86_64"], "t", "u", {"format": []}, 5)
        expect("priority", fault(None, "getTaskInfo", task)["priority"], 25)


@contextlib.contextmanager
def hub(magudi, scenario):
    pathlib.Path("kickstart.json").write_text(json.dumps(scenario))
    process = subprocess.Popen([magudi, "hub", "--scenario", "kickstart.json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def main():
    repository, magudi = pathlib.Path(sys.argv[1]), sys.argv[2]
    submitted = {}
    for case in sorted((repository / "fixtures" / "phases3" / "cases").iterdir()):
        path = case / "expected" / "calls.json"
        calls = [call for call in json.loads(path.read_text()) if "command" in call] if path.exists() else []
        if not calls:
            continue
        scenario = json.loads((case / "case.json").read_text())
        # The commands look at a target before they ask for a task, which is what makes it here.
        named = {call["args"][3] for call in calls} - set(scenario.get("no_target", []))
        with hub(magudi, {**scenario, "targets": sorted(named)}) as url:
            session = koji.ClientSession(url, {"user": "compose", "password": "composepass", "max_retries": 0, "anon_retry": False})
            tasks = []
            for place, call in enumerate(calls):
                name = f"{case.name}: {shlex.join(call['command'][2:5])}"
                command, task, said = run(session, call, place)
                refused = scenario.get("submit_error", {}).get(call["args"][0])
                if refused:
                    expect(name, refused in said, True)
                    continue
                if task is None:
                    sys.exit(f"FAILED: {name}: {said}")
                tasks.append(task)
                submitted[command] = submitted.get(command, 0) + 1
                session = koji.ClientSession(url, {"user": "compose", "password": "composepass", "max_retries": 0, "anon_retry": False})
                look(name, session, command, call, task, scenario)
            wanted = [call["task_id"] for call in calls if call["args"][0] not in scenario.get("submit_error", {})]
            expect(f"{case.name}: ids", sorted(tasks), sorted(wanted))
    for command in COMMANDS:
        if submitted.get(command, 0) < 30:
            sys.exit(f"FAILED: only {submitted.get(command, 0)} tasks were submitted by {command}")
    refusals(magudi)
    print(checks)


if __name__ == "__main__":
    main()
