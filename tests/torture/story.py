"""A compose of many images against `magudi hub` in another process, and what must hold at its end, whatever happened to it."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import xmlrpc.client

HERE = pathlib.Path(__file__).resolve().parent
JOURNAL = "logs/global/magudi-journal.jsonl"
# Longer than anything takes: what runs into it hangs.
PATIENCE = 300

CONF = """
release_name = "Test"
release_short = "Test"
release_version = "9.2"
variants_file = "variants.xml"
pkgset_source = "koji"
pkgset_koji_tag = "t"
gather_method = "deps"
koji_profile = "devhub"
global_target = "f42-image"
link_type = "{link_type}"
{cache}
{sections}
"""

KICKSTARTS = "https://git.example.com/kickstarts.git#f42"
# The phases that a mixed compose has; each with the method of its tasks and where these have the image's name.
PHASES = {
    "osbuild": ("osbuildImage", lambda request: request[0]),
    "kiwibuild": ("kiwiBuild", lambda request: request[4]["profile"]),
    "imagebuilder": ("imageBuilderBuild", lambda request: request[3]),
    "live_media": ("livemedia", lambda request: request[0]),
    "image_build": ("image", lambda request: request[0]),
}

VARIANTS = """<variants><variant id="Server" name="Server" type="variant">
<arches><arch>x86_64</arch><arch>aarch64</arch></arches></variant></variants>
"""


class Wrong(Exception):
    """Something that was promised does not hold."""


def require(holds, what):
    if not holds:
        raise Wrong(what)


class Counts:
    """What the report says of one part."""

    def __init__(self):
        self.composes = self.kills = self.resumes = self.images = self.tasks = 0
        self.begun = time.monotonic()

    def minutes(self):
        return (time.monotonic() - self.begun) / 60


class Story:
    """One compose and its hub, in a directory of their own."""

    def __init__(self, magudi, work, counts, images=40, scenario=None, link_type="hardlink-or-copy", cache=False,
                 profile=(), mixed=False):
        self.magudi, self.work, self.counts, self.number, self.profile = magudi, work, counts, images, profile
        self.phases = list(PHASES) if mixed else ["osbuild"]
        shutil.rmtree(work, ignore_errors=True)
        self.target, self.cache = work / "target", work / "cache" if cache else None
        self.target.mkdir(parents=True)
        sections = {phase: [] for phase in self.phases}
        for n in range(images):
            phase = self.phases[n % len(self.phases)]
            sections[phase].append(self.entry(phase, n))
        sections = "\n".join(f"{phase} = {json.dumps({'^Server$': all})}" for phase, all in sections.items())
        cached = f'koji_cache = "{self.cache}"' if cache else ""
        (work / "test.conf").write_text(CONF.format(link_type=link_type, cache=cached, sections=sections))
        (work / "variants.xml").write_text(VARIANTS)
        (work / "scenario.json").write_text(json.dumps(scenario or {}))
        self.hub = self.url = None
        self.start_hub()

    @staticmethod
    def entry(phase, n):
        """An image of a phase, as a configuration has it."""
        common = {"subvariant": f"D{n}", "arches": ["x86_64"] if n % 2 else ["x86_64", "aarch64"]}
        name = {"name": f"disk{n:02}"}
        if phase == "osbuild":
            return {**name, **common, "distro": "fedora-42", "image_types": ["qcow2"]}
        if phase == "kiwibuild":
            return {**common, "kiwi_profile": name["name"], "description_path": "a.kiwi",
                    "description_scm": "https://git.example.com/kiwi.git#f42"}
        if phase == "imagebuilder":
            return {**name, **common, "types": ["minimal-raw-xz"]}
        kickstart = {**name, **common, "kickstart": "a.ks", "ksurl": KICKSTARTS}
        if phase == "live_media":
            return kickstart
        return {"image-build": {**kickstart, "distro": "Fedora-42", "format": ["qcow2"]}}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill_hub()

    # The hub

    def start_hub(self):
        address = self.url.split("/")[2] if self.url else "127.0.0.1:0"
        command = [self.magudi, "hub", "--profile-file", "hub.conf", "--topdir", "volume", "--listen", address]
        command += ["--scenario", "scenario.json"]
        deadline = time.monotonic() + PATIENCE
        while True:
            self.hub = subprocess.Popen(command, cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            line = self.hub.stdout.readline().strip()
            if line:
                break
            # The address of the one that was killed may not be free yet.
            require(time.monotonic() < deadline, f"the hub does not start: {self.hub.communicate()[1]}")
            time.sleep(0.05)
        self.url = line
        profile = (self.work / "hub.conf").read_text()
        # Koji's default for calls without a session; and the pauses between repetitions are of no interest here.
        changes = [("anon_retry = false", "anon_retry = true"), ("\nretry_interval = 1\n", "\nretry_interval = 0\n")]
        for old, new in [*changes, *self.profile]:
            require(old in profile, f"the hub's profile has no {old!r}")
            profile = profile.replace(old, new)
        (self.work / "koji.conf").write_text(profile)

    def kill_hub(self):
        self.hub.kill()
        self.hub.wait()

    def submitted(self):
        """Names of all images that the hub was asked for, once for each task."""
        proxy = xmlrpc.client.ServerProxy(self.url, allow_none=True)
        for attempt in range(20):
            try:
                names = []
                for method, name in (PHASES[phase] for phase in self.phases):
                    tasks = proxy.listTasks({"method": method, "decode": True}, {"limit": 100000})
                    names += [name(task["request"]) for task in tasks]
                return sorted(names)
            except (OSError, xmlrpc.client.Error, xmlrpc.client.ResponseError, Exception) as error:
                # The hub may be made to fail.
                last = error
                time.sleep(0.05)
        raise Wrong(f"the hub cannot be asked: {last}")

    # The compose

    def command(self, *args, sabotage=None):
        environment = dict(os.environ, SOURCE_DATE_EPOCH="1709164800", TZ="UTC", NO_COLOR="1", HOME=str(self.work))
        environment["MAGUDI_KOJI_PASSWORD"] = "composepass"
        if sabotage:
            environment["LD_PRELOAD"] = str(self.work.parent / "saboteur.so")
            environment.update({f"SABOTAGE_{key}": str(value) for key, value in sabotage.items()})
        return subprocess.Popen(
            [self.magudi, *map(str, args)], cwd=self.work, env=environment,
            stdout=subprocess.DEVNULL, stderr=(self.work / "stderr").open("w"),
        )

    def run(self, *more, sabotage=None):
        compose = self.compose()
        place = ["--compose-dir", compose] if compose else ["--target-dir", self.target]
        return self.command("run", "--config", "test.conf", "--test", "--koji-config", "koji.conf", "--koji-user", "compose",
                            *place, *more, sabotage=sabotage)

    def compose(self):
        composes = [path for path in self.target.iterdir() if path.is_dir() and not path.is_symlink()]
        require(len(composes) <= 1, f"more than one compose: {composes}")
        return composes[0] if composes else None

    def is_begun(self):
        compose = self.compose()
        journal = compose and compose / JOURNAL
        # A line without an end is none.
        return bool(journal and journal.exists() and b"\n" in journal.read_bytes())

    def recorded(self):
        """How many submissions the journal knows, whether or not they were made."""
        journal = self.compose() and self.compose() / JOURNAL
        return journal.read_text(errors="replace").count('"event":"submitting"') if journal and journal.exists() else 0

    def resume(self, *more, sabotage=None):
        self.counts.resumes += 1
        return self.command("resume", self.compose(), *more, sabotage=sabotage)

    def go_on(self, *more, sabotage=None):
        """What a user does after a crash: resume; or run it in the same place, if nothing was begun."""
        if self.is_begun():
            return self.resume(*more, sabotage=sabotage)
        require(not self.submitted(), "the hub was asked for something before the journal says that the compose has begun")
        return self.run(*more, sabotage=sabotage)

    def stderr(self):
        return (self.work / "stderr").read_text()

    def wait(self, process, expected=(0,)):
        """Waits for a run; its exit status must be one of `expected`."""
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Wrong(f"it hangs:\n{self.stderr()[-3000:]}") from None
        require(status in expected, f"exit status {status}:\n{self.stderr()[-3000:]}")
        if status == -signal.SIGKILL:
            self.counts.kills += 1
        return status

    def finish(self):
        """Goes on until the compose is finished, and checks it."""
        self.wait(self.go_on())
        self.check()

    # What must hold

    def tree(self):
        """Every published file with its digest."""
        top = self.compose() / "compose"
        files = (path for path in sorted(top.rglob("*")) if path.is_file())
        tree = {str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        images = (top / "metadata/images.json").read_text()
        tree["images.json but for mtime"] = re.sub(r'"mtime": \d+', "", images)
        return tree

    def leftovers(self):
        places = [self.target] + ([self.cache] if self.cache and self.cache.exists() else [])
        return [str(path) for place in places for path in place.rglob(".*")]

    def check(self, calm=None):
        self.counts.composes += 1
        compose = self.compose()
        names = self.submitted()
        self.counts.tasks += len(names)
        require(names == [f"disk{n:02}" for n in range(self.number)], f"not every image was submitted once: {names}")
        require((compose / "STATUS").read_text() == "FINISHED\n", f"STATUS is {(compose / 'STATUS').read_text()!r}")
        tree = self.tree()
        self.counts.images += sum("/images/disk" in name or "/iso/disk" in name for name in tree)
        calm = calm or getattr(self, "calm", None)
        if calm:
            # A file in a cache has the time at which it was used last, as with Pungi.
            exempt = {"metadata/images.json"} if self.cache else set()
            differ = sorted(name for name in (tree.keys() | calm.keys()) - exempt if tree.get(name) != calm.get(name))
            require(not differ, f"not as in an undisturbed run: {differ}")
        require(not self.leftovers(), f"temporary files are left: {self.leftovers()}")
        links = [path for path in self.target.iterdir() if path.is_symlink()]
        require([os.readlink(link) for link in links] == [compose.name], f"the latest links are {links}")
        for line in (compose / JOURNAL).read_text().splitlines():
            json.loads(line)
        return tree
