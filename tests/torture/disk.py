"""A file system of 2 MB that fills up: at the first image that finds no room, and at every other step on the way."""

import os
import subprocess

from story import require

SIZE = "2m"
# What a compose of small images takes, in KiB, and how far one try is from the next.
MOST, STEP = 1960, 24


class Mount:
    """A small file system at `place`."""

    def __init__(self, place):
        self.place = place
        place.mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "magudi-torture", self.place], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.place], check=True)

    def leave_room(self, kilobytes):
        """Fills it up to so much."""
        there = os.statvfs(self.place)
        with (self.place / "filler").open("wb") as filler:
            filler.write(bytes(max(0, there.f_bavail * there.f_bsize - kilobytes * 1024)))

    def grow(self):
        (self.place / "filler").unlink(missing_ok=True)
        subprocess.run(["mount", "-o", "remount,size=64m", self.place], check=True)


def large():
    """Images of 64 KiB: more than fit."""
    names = (f"disk{n:02}-9.2-1.{arch}.qcow2" for n in range(40) for arch in ("x86_64", "aarch64"))
    return {"sizes": {name: 64 << 10 for name in names}}


def fails_and_goes_on(story, mount, counts):
    """A run for which there may be no room says so, leaves nothing half-done, and goes on when there is."""
    status = story.wait(story.run(), (0, 1))
    if status == 0:
        return False
    counts.kills += 1
    said = story.stderr()
    require("No space left on device" in said, f"it does not say that the disk is full:\n{said[-3000:]}")
    require("panicked" not in said, said)
    compose = story.compose()
    if compose:
        require(not (compose / "compose/metadata/images.json").exists(), "there is a manifest of images")
        # What has come of a download stays, for the rest of it.
        half = [path for path in story.leftovers() if not path.endswith(".part")]
        require(not half, f"half-written: {half}")
    if story.is_begun():
        story.wait(story.command("status", compose))
    mount.grow()
    story.wait(story.go_on())
    return True


def torture(torture, counts):
    """A file system of 2 MB fills up."""
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        print("  left out: nothing can be mounted here; run it as root, or under unshare --map-root-user --mount")
        return
    # The compose, and then the cache, with images of which half fit.
    for cache in (False, True):
        with torture.story(counts, large(), scenario_of_calm=large(), cache=cache) as story:
            with Mount(story.cache if cache else story.target) as mount:
                require(fails_and_goes_on(story, mount, counts), "4 MB fit into 2 MB")
                story.check()
    for room in range(4, MOST, STEP * torture.every):
        with torture.story(counts, link_type="copy") as story, Mount(story.target) as mount:
            mount.leave_room(room)
            try:
                failed = fails_and_goes_on(story, mount, counts)
                mount.grow()
                story.check()
            except Exception:
                print(f"  with {room} KiB of room", flush=True)
                raise
            if not failed:
                return
    require(False, f"a compose of small images needs more than {MOST} KiB")
