"""Compares docs/schemas/compose-config.schema.json with what magudi says, and prints the number of checks."""

import copy
import json
import pathlib
import subprocess
import sys

import jsonschema
import yaml

magudi, repository, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
# What is wrong by the schema alone: types, words, keys, lengths, rules between options, upload options.
OF_SCHEMA = {"MG003", "MG004", "MG005", "MG006", "MG007", "MG008", "MG009", "MG010", "MG023", "MG026"}
checks = 0


def fail(message):
    sys.exit(f"schema_check.py: {message}")


def run(*args):
    return subprocess.run([magudi, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL)


schema = json.loads((repository / "docs/schemas/compose-config.schema.json").read_text())
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)


def problems(config):
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(config)]


# What Pungi accepted is valid, what it refused is not.
good = bad = 0
for case in json.loads((repository / "fixtures/pungi/cases/INDEX.json").read_text()):
    folder = repository / "fixtures/pungi/cases" / case["case"]
    dumped = run("config", "dump", "--just-dump", "--config", str(folder / case["config"]))
    if dumped.returncode:
        continue
    found = problems(json.loads(dumped.stdout))
    result = json.loads((folder / "expected/result.json").read_text())
    refused = any(line.startswith("Failed validation") for line in result.get("stderr_non_log", []))
    if refused:
        bad += 1
        if not found:
            fail(f"{case['case']} should not be valid")
    elif (folder / "expected/config-dump.json").exists():
        good += 1
        if found:
            fail(f"{case['case']} should be valid: {found}")
if good < 55 or bad < 6:
    fail(f"only {good} good and {bad} bad cases were compared")
checks += good + bad

# Whatever is put into a good configuration, the schema and `check` are of one opinion.
BASE = {
    "release_name": "Example",
    "release_short": "Example",
    "release_version": "42",
    "variants_file": "variants.xml",
    "pkgset_source": "koji",
    "gather_method": "deps",
    "osbuild": {"^Server$": [{"name": "n", "distro": "d", "image_types": "qcow2", "target": "t"}]},
}
VALUES = ["x", "", 5, 1.5, True, False, None, [], ["x"], [1], [["a", "b"]], [["a"]], {}, {"a": 1}, {"a": "x"}, {"scm": "file"}]
VALUES += [{"scm": "git", "repo": "", "file": "f"}, {"scm": 1}, "koji", "deps", "ga", "nightly", "copy"]
UPLOADS = [
    {},
    {"region": "r"},
    {"region": 1},
    {"region": "r", "share_with_accounts": ["1"]},
    {"region": "r", "share_with_accounts": [1]},
    {"region": "r", "bucket": "b"},
    {"tenant_id": "t"},
    {"tenant_id": "t", "subscription_id": "s", "resource_group": "g"},
    {"name": "n", "tag": "t"},
    {"name": "n", "bucket": "b"},
    "x",
    [],
]
IMAGE_TYPES = ["ec2", ["ami"], "gce", "azure", ["azure-rhui"], "container", "qcow2", ["guest-image"], "network-installer", "other", [], ["a", "b"], 5]
configs = []


def add(change):
    config = copy.deepcopy(BASE)
    change(config)
    configs.append(config)


def image(config):
    return config["osbuild"]["^Server$"][0]


PLAIN = ["x", 5, True, None, ["x"], {"a": 1}]
for key, what in schema["properties"].items():
    # The keys of other phases are of few kinds.
    values = VALUES if "description" in what else PLAIN if what else [1]
    for value in values:
        add(lambda config: config.update({key: value}))
for key in BASE:
    add(lambda config: config.pop(key))
for key in [*schema["definitions"]["osbuildImage"]["properties"], "arch"]:
    add(lambda config: image(config).pop(key, None))
    for value in [*VALUES, [{"baseurl": "u"}], [{"baseurl": "u", "package_sets": ["p"]}], [{"package_sets": []}], [{"baseurl": "u", "x": 1}]]:
        add(lambda config: image(config).update({key: value}))
for types in IMAGE_TYPES:
    for options in UPLOADS:
        add(lambda config: image(config).update({"image_types": types, "upload_options": options}))
for keys in [("name",), ("name", "short"), ("name", "short", "version")]:
    add(lambda config: config.update({f"base_product_{key}": "1" for key in keys}))
for extra in [
    {"pkgset_source": "repos"},
    {"pkgset_source": "repos", "pkgset_repos": {"x86_64": "r"}},
    {"pkgset_source": "repos", "pkgset_repos": {"x86_64": "r"}, "pkgset_koji_tag": "t"},
    {"pkgset_source": "repos", "pkgset_repos": {"x86_64": "r"}, "pkgset_koji_inherit": True},
    {"pkgset_source": "repos", "pkgset_repos": {"x86_64": "r"}, "pkgset_koji_inherit": False},
    {"pkgset_repos": {"x86_64": "r"}},
    {"cts_url": "http://cts"},
    {"cts_url": ""},
    {"cts_url": "http://cts", "translate_paths": [["/a", "http://b"]]},
    {"frobnicate": 1},
]:
    add(lambda config: config.update(extra))

# What Pungi's validation was asked about, and dicts in which it fails itself.
corpus = json.loads((repository / "fixtures/pungi/options.json").read_text())
configs += [dict(corpus["base"], **{row["option"]: row["value"]}) for row in corpus["rows"]]

work.mkdir(parents=True)
(work / "variants.xml").write_text(
    '<variants><variant id="Server" name="Server" type="variant"><arches><arch>x86_64</arch></arches></variant></variants>'
)
valid = 0
for number, config in enumerate(configs):
    # Every second one as YAML, which must be the same.
    path = work / ("config.yaml" if number % 2 else "config.json")
    path.write_text(yaml.safe_dump(config) if number % 2 else json.dumps(config))
    report = json.loads(run("check", "--config", str(path), "--format", "json").stdout)
    ours = [f"{error['path']}: {error['message']}" for error in report["errors"] if error["id"] in OF_SCHEMA]
    theirs = problems(config)
    if bool(ours) != bool(theirs):
        fail(f"{json.dumps(config)}\n  check: {ours}\n  schema: {theirs}")
    valid += not ours
if not len(configs) / 5 < valid < len(configs) * 4 / 5:
    fail(f"{valid} of {len(configs)} configurations are valid, which proves little")
print(checks + len(configs))
