"""Uses a simulated hub through koji's own ClientSession.

usage: koji_client.py KOJI_CONFIG TASKS_FILE       (the ids that the caller goes on with are written to TASKS_FILE, for a shell)
"""

import hashlib
import json
import sys
import time

import koji
import requests

from checks import check, check_error, done

ARGS = ["42", "fedora-42", "guest-image", "f42-image", ["x86_64"]]

# The five kinds of upload_options: image type, options, type and names of the options of the upload that composer reports.
KINDS = {
    "EC2": ("ami", {"region": "us-east-1", "share_with_accounts": ["123456789012"], "snapshot_name": "nightly"},
            "aws", {"ami", "region"}),
    "S3": ("guest-image", {"region": "eu-west-1"}, "aws.s3", {"url"}),
    "Azure": ("azure", {"tenant_id": "t", "subscription_id": "s", "resource_group": "g", "location": "westeurope",
                        "image_name": "nightly-azure"}, "azure", {"image_name"}),
    "GCP": ("gce", {"region": "eu", "bucket": "b", "image_name": "nightly-gcp", "share_with_accounts": ["user:a@example.org"]},
            "gcp", {"project_id", "image_name"}),
    "container": ("container", {"name": "registry.example.org/a/b", "tag": "42"}, "container", {"url", "digest"}),
}


def session(config, user=None, password=None):
    options = koji.grab_session_options(config)
    options.update(user=user, password=password)
    return koji.ClientSession(config["server"], options)


def fault(what, code, text, action, *arguments, **keywords):
    """A call that the hub refuses with a fault of this code."""
    error = check_error(what, koji.GenericError, text, lambda: action(*arguments, **keywords))
    check(f"code of the fault: {what}", error.faultCode, code)


def wait(anonymous, tasks):
    """The states of tasks, once all are final."""
    deadline = time.monotonic() + 60
    while True:
        states = [info["state"] for info in anonymous.getTaskInfo(list(tasks))]
        if not {koji.TASK_STATES[name] for name in ("FREE", "OPEN", "ASSIGNED")} & set(states):
            return states
        if time.monotonic() > deadline:
            sys.exit(f"FAILED: tasks {tasks} are still in the states {states}")
        time.sleep(0.2)


def main():
    config = koji.read_config("devhub", user_config=sys.argv[1])
    anonymous = session(config)
    check("the hub speaks version 1", anonymous.getAPIVersion(), 1)
    check("nobody is logged in", anonymous.getLoggedInUser(), None)
    logins(config, anonymous)

    compose = session(config, "compose", "composepass")
    check("login", compose.login(), True)
    user = compose.getLoggedInUser()
    check("the user", (user["name"], user["authtype"]), ("compose", 0))
    check("permissions", "image" in compose.getPerms())
    check("the hub knows the target", compose.getBuildTarget("f42-image")["name"], "f42-image")
    check("and not every target", compose.getBuildTarget("nowhere"), None)
    refused(compose)

    tasks = {}
    for kind, (image_type, options, _, _) in KINDS.items():
        request = [f"kind-{kind}", "42", "fedora-42", image_type, "f42-image", ["x86_64", "aarch64"]]
        opts = {"repo": ["https://example.org/$arch/"], "release": "7", "upload_options": options}
        tasks[kind] = compose.osbuildImage(*request, opts=opts)
        info = anonymous.getTaskInfo(tasks[kind], request=True)
        check(f"the request of {kind} is kept", info["request"], [*request, opts])
        check(f"the task of {kind}", (info["method"], info["arch"], info["owner"]), ("osbuildImage", "noarch", user["id"]))
    check("five tasks", len(set(tasks.values())), 5)
    failed = compose.osbuildImage("broken", "42", "distro-of-none", *ARGS[2:], opts={"repo": ["https://example.org/"]})
    nowhere = compose.osbuildImage("lost", "42", "fedora-42", "guest-image", "nowhere", ["x86_64"], opts={})
    canceled = cancel(config, anonymous, compose)
    listed(anonymous, user, {*tasks.values(), failed, nowhere, canceled})

    fault("the result of a task that is not finished", 1000, "is not finished", anonymous.getTaskResult, tasks["S3"])
    states = wait(anonymous, [*tasks.values(), failed, nowhere])
    closed, broken = koji.TASK_STATES["CLOSED"], koji.TASK_STATES["FAILED"]
    check("states", states, [closed] * 5 + [broken] * 2)
    builds = {kind: uploaded(config, anonymous, kind, task) for kind, task in tasks.items()}
    failures(anonymous, failed, nowhere)
    numbers(config, compose)
    multicall(anonymous, tasks["S3"])

    # Something for the caller to watch: it names no repository, and waits for one.
    still_open = compose.osbuildImage("late", *ARGS, opts={})
    check("logout", compose.logout(), None)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(f"open_task={still_open}\nclosed_task={tasks['EC2']}\nfailed_task={failed}\n")
        file.write(f"canceled_task={canceled}\nbuild=kind-EC2-42-7\nbuild_id={builds['EC2']}\n")
    done()


def logins(config, anonymous):
    """Those that are refused."""
    for who, password in (("compose", "wrong"), ("stranger", "composepass")):
        fault(f"login of {who} with {password}", 1002, "invalid username or password", session(config, who, password).login)
    fault("submission without a login", 1004, "image permission required", anonymous.osbuildImage, "x", *ARGS, opts={})
    nobody = session(config, "nobody", "nobodypass")
    nobody.login()
    fault("submission without permission", 1004, "(logged in as nobody)", nobody.osbuildImage, "x", *ARGS, opts={})
    admin = session(config, "kojiadmin", "kojipass")
    admin.login()
    check("the administrator", admin.hasPerm("admin"), True)
    stale = session(config, "compose", "composepass")
    stale.login()
    other = session(config)
    other.setSession({**stale.sinfo, "session-key": "2-aaaaaaaaaaaaaaaaaaa"})
    fault("a session with a wrong key", 1002, "", other.getAPIVersion)


def refused(compose):
    """Arguments that the hub's plugin does not take, each with fault 1019 and without a task."""
    before = compose.listTasks({"method": "osbuildImage"}, {"countOnly": True})
    name, version, distro, kind, target, arches = "x", *ARGS
    for what, arguments, opts in [
        ("upload options of no kind", None, {"upload_options": {"cloud": "nine"}}),
        ("upload options of two kinds", None, {"upload_options": {"region": "r", "tenant_id": "t"}}),
        ("a region that is no string", None, {"upload_options": {"region": 5}}),
        ("an account that is no string", None, {"upload_options": {"region": "r", "share_with_accounts": [123]}}),
        ("Azure without a subscription", None, {"upload_options": {"tenant_id": "t", "resource_group": "g"}}),
        ("an unknown option", None, {"repos": []}),
        ("a release that is a number", None, {"release": 1}),
        ("a release that is nothing", None, {"release": None}),
        ("a repository without an address", None, {"repo": [{"package_sets": ["build"]}]}),
        ("options that are nothing", None, None),
        ("a version that is a number", [name, 42, distro, kind, target, arches], {}),
        ("arches that are a string", [name, version, distro, kind, target, "x86_64"], {}),
        ("no arches", [name, version, distro, kind, target, []], {}),
        ("two image types", [name, version, distro, ["ami", "gce"], target, arches], {}),
        ("too few arguments", [name, version], {}),
    ]:
        fault(what, 1019, "", compose.osbuildImage, *(arguments or [name, *ARGS]), opts=opts)
    check("no task came of it", compose.listTasks({"method": "osbuildImage"}, {"countOnly": True}), before)


def cancel(config, anonymous, compose):
    task = compose.osbuildImage("unwanted", *ARGS, opts={"repo": ["https://example.org/"]})
    nobody = session(config, "nobody", "nobodypass")
    nobody.login()
    fault("canceling another's task", 1004, "Cannot cancel task, not owner", nobody.cancelTask, task)
    fault("canceling without a login", 1004, "", anonymous.cancelTask, task)
    fault("canceling no task", 1000, "No such task: 7", compose.cancelTask, 7)
    check("canceling", compose.cancelTask(task), None)
    check("state", anonymous.getTaskInfo(task)["state"], koji.TASK_STATES["CANCELED"])
    check("canceling again does nothing", compose.cancelTask(task), None)
    check("it is finished", anonymous.taskFinished(task), True)
    fault("its result", 1000, f"Task {task} is canceled", anonymous.getTaskResult, task)
    return task


def listed(anonymous, user, tasks):
    """listTasks, by owner, method and state, in pages."""
    query = {"owner": user["id"], "method": "osbuildImage", "decode": True}
    everything = anonymous.listTasks(query, {"order": "id"})
    check("all tasks are listed", {task["id"] for task in everything}, tasks)
    check("in order", [task["id"] for task in everything], sorted(tasks))
    check("with their owner's name", {task["owner_name"] for task in everything}, {"compose"})
    check("and their requests", {task["request"][0] for task in everything} >= {"kind-EC2", "broken", "unwanted"})
    canceled = anonymous.listTasks({**query, "state": [koji.TASK_STATES["CANCELED"]]})
    check("by state", [task["request"][0] for task in canceled], ["unwanted"])
    pages = [anonymous.listTasks(query, {"order": "-id", "limit": 3, "offset": offset}) for offset in range(0, len(tasks), 3)]
    check("in pages", [task["id"] for page in pages for task in page], sorted(tasks, reverse=True))
    check("of nobody", anonymous.listTasks({"owner": "nobody", "method": "osbuildImage"}), [])


def uploaded(config, anonymous, kind, task):
    """Follows a task to its build and its files; the id of the build."""
    image_type, options, upload_type, members = KINDS[kind]
    status = json.loads(anonymous.downloadTaskOutput(task, "compose-status.json"))
    check(f"{kind}: compose", status["status"], "success")
    check(f"{kind}: one image per arch", len(status["image_statuses"]), 2)
    for image in status["image_statuses"]:
        upload = image["upload_status"]
        check(f"{kind}: upload", (image["status"], upload["status"], upload["type"]), ("success", "success", upload_type))
        check(f"{kind}: what is known of it", set(upload["options"]), members)
        for key in members & set(options):
            check(f"{kind}: {key} as asked for", upload["options"][key], options[key])
    if kind == "container":
        check("container: address", upload["options"]["url"], "registry.example.org/a/b:42")

    output = anonymous.listTaskOutput(task, stat=True)
    size = int(output["compose-status.json"]["st_size"])
    whole = koji.pathinfo.taskrelpath(task)
    text = requests.get(f"{config['topurl']}/work/{whole}/compose-status.json", timeout=10).content
    check(f"{kind}: output over HTTP", json.loads(text), status)
    check(f"{kind}: size of the output", len(text), size)
    part = anonymous.downloadTaskOutput(task, "compose-status.json", offset=3, size=10)
    check(f"{kind}: a part of the output", part, text[3:13])

    result = anonymous.getTaskResult(task)
    build = anonymous.getBuild(result["koji"]["build"])
    check(f"{kind}: build", (build["nvr"], build["state"], build["task_id"]),
          (f"kind-{kind}-42-7", koji.BUILD_STATES["COMPLETE"], task))
    check(f"{kind}: build by name", anonymous.getBuild(build["nvr"])["id"], build["id"])
    check(f"{kind}: build by task", [b["build_id"] for b in anonymous.listBuilds(taskID=task)], [build["id"]])
    archives = anonymous.listArchives(buildID=build["id"])
    check(f"{kind}: archives", sorted(archive["extra"]["image"]["arch"] for archive in archives), ["aarch64", "x86_64"])
    paths = koji.PathInfo(topdir=config["topurl"])
    for archive in archives:
        content = requests.get(f"{paths.imagebuild(build)}/{archive['filename']}", timeout=10).content
        check(f"{kind}: size of {archive['filename']}", len(content), archive["size"])
        check(f"{kind}: checksum of {archive['filename']}", hashlib.md5(content).hexdigest(), archive["checksum"])
    children = anonymous.getTaskChildren(task)
    check(f"{kind}: it is tagged by a subtask", [child["method"] for child in children], ["tagBuild"])
    return build["id"]


def failures(anonymous, failed, nowhere):
    fault("the result of a failed task", 1005, "Compose failed (id: ", anonymous.getTaskResult, failed)
    value = anonymous.getTaskResult(failed, raise_fault=False)
    check("the same as a value", value["faultCode"], 1005)
    status = json.loads(anonymous.downloadTaskOutput(failed, "compose-status.json"))
    check("the reason", "nothing provides libmissing.so.1" in json.dumps(status["image_statuses"]))
    check("there is no build", anonymous.listBuilds(taskID=failed), [])
    fault("a target that does not exist", 1000, "No such build target: nowhere", anonymous.getTaskResult, nowhere)
    check("no task", anonymous.getTaskInfo(7), None)
    fault("no task, strictly", 1000, "", anonymous.getTaskInfo, 7, strict=True)
    fault("no file", 1000, "no file", anonymous.downloadTaskOutput, failed, "nothing.json")
    fault("a file elsewhere", 1000, "Invalid file name", anonymous.downloadTaskOutput, failed, "../../x")


def numbers(config, compose):
    """A call that is sent again is not executed again."""
    before = compose.listTasks({"method": "osbuildImage"}, {"countOnly": True})
    again = session(config)
    again.setSession(dict(compose.sinfo))
    again.callnum = compose.callnum
    first = compose.osbuildImage("once", *ARGS, opts={})
    fault("a call with the number of the last one", 1009, "", again.osbuildImage, "once", *ARGS, opts={})
    again.callnum = 0
    fault("a call with an older number", 1008, "", again.osbuildImage, "once", *ARGS, opts={})
    check("one task", compose.listTasks({"method": "osbuildImage"}, {"countOnly": True}), before + 1)
    check("canceling it", compose.cancelTask(first), None)


def multicall(anonymous, task):
    with anonymous.multicall(strict=False) as many:
        info, wrong, version = many.getTaskInfo(task), many.getTaskResult(7), many.getAPIVersion()
    check("multicall", (info.result["id"], version.result), (task, 1))
    fault("a call of a multicall", 1000, "No such task", lambda: wrong.result)


if __name__ == "__main__":
    main()
