#!/usr/bin/env python3
"""Does a compose of 40 images come to the same end, with every image asked for once, whatever kills it on the way?

usage: torture.py MAGUDI [--parts PART,...] [--kills N] [--seed N] [--every N] [--first N] [--mixed]

See README.md for the parts.
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import disk
import downloads
from story import HERE, JOURNAL, Counts, Story, Wrong, require

TASKS = {"task_seconds": [0, 0.4]}


class Torture:
    def __init__(self, arguments, work):
        self.magudi, self.work = arguments.magudi.resolve(), work
        self.kills, self.every, self.first = arguments.kills, arguments.every, arguments.first
        self.mixed = arguments.mixed
        self.random = random.Random(arguments.seed)
        self.calm, self.seconds = {}, 0

    def story(self, counts, scenario=None, scenario_of_calm=None, profile=(), **more):
        more = {"mixed": self.mixed, **more}
        story = Story(self.magudi, self.work / "story", counts, scenario={**TASKS, **(scenario or {})}, profile=profile, **more)
        calm_scenario = {**TASKS, **(scenario_of_calm or {})}
        key = repr((calm_scenario, more["mixed"]))
        if key not in self.calm:
            # The undisturbed run, on a hub of its own.
            with Story(self.magudi, self.work / "calm", Counts(), scenario=calm_scenario, mixed=more["mixed"]) as calm:
                begun = time.monotonic()
                calm.wait(calm.run())
                self.seconds = time.monotonic() - begun
                self.calm[key] = calm.check()
        story.calm = self.calm[key]
        return story

    def killed_at_random(self, counts, kills, scenario=None, share=0.7, each=lambda: None, **more):
        """Composes, one after the other, each killed at random moments until it finishes all the same."""
        while counts.kills < kills:
            each()
            with self.story(counts, scenario, **more) as story:
                # Of the time of an undisturbed run on this machine: a run that is never let go on comes nowhere.
                longest = share * self.seconds
                process = story.run()
                while True:
                    if counts.kills >= kills:
                        story.wait(process)
                        break
                    try:
                        status = process.wait(self.random.uniform(0.005, longest))
                        require(status == 0, f"exit status {status}:\n{story.stderr()[-3000:]}")
                        break
                    except subprocess.TimeoutExpired:
                        process.kill()
                        story.wait(process, expected=(-signal.SIGKILL, 0))
                    process = story.go_on()
                story.check()

    # The parts

    def moments(self, counts):
        """Killed at random moments."""
        self.killed_at_random(counts, self.kills)

    def records(self, counts):
        """Killed at every journal record: when half of it is written, and when all of it is."""
        with self.story(counts) as story:
            story.wait(story.run(sabotage={"FILE": JOURNAL, "COUNT": self.work / "count"}))
            story.check()
            records = int((self.work / "count").read_text())
        print(f"  {records} records", flush=True)
        for record in range(self.first, records + 1, self.every):
            for how in ("torn", "after"):
                with self.story(counts) as story:
                    try:
                        story.wait(story.run(sabotage={"FILE": JOURNAL, "AT": record, "HOW": how}), (-signal.SIGKILL, 0))
                        require(len(story.submitted()) <= story.recorded(), "the hub knows more than the journal")
                        story.finish()
                    except Wrong as wrong:
                        raise Wrong(f"record {record}, {how}: {wrong}") from None

    def again(self, counts):
        """A resume is killed at its own records as well, one after the other, until one comes to its end."""
        for first in range(30, 430, 20 * self.every):
            with self.story(counts) as story:
                sabotage = {"FILE": JOURNAL, "HOW": "after"}
                status = story.wait(story.run(sabotage={**sabotage, "AT": first}), (-signal.SIGKILL, 0))
                record = 1
                while status:
                    # Each gets further than the one before, by a few records.
                    record += self.random.randint(10, 80)
                    status = story.wait(story.go_on(sabotage={**sabotage, "AT": record}), (-signal.SIGKILL, 0))
                story.check()

    def steps(self, counts):
        """Killed at steps of the file system: writes, links, syncs, directories made."""
        with self.story(counts) as story:
            story.wait(story.run(sabotage={"DIR": story.target, "COUNT": self.work / "count"}))
            story.check()
            steps = int((self.work / "count").read_text())
        print(f"  {steps} steps", flush=True)
        for step in range(self.first, steps + 1, 8 * self.every):
            how = self.random.choice(["torn", "after"])
            with self.story(counts) as story:
                try:
                    story.wait(story.run(sabotage={"DIR": story.target, "AT": step, "HOW": how}), (-signal.SIGKILL, 0))
                    story.finish()
                except Wrong as wrong:
                    raise Wrong(f"step {step}, {how}: {wrong}") from None

    def hub(self, counts):
        """The hub is killed and started again, at random moments; every other time the run is killed too."""
        for _ in range(max(1, self.kills // 30)):
            # Without pauses the patience with a hub that is away would end at once.
            with self.story(counts, profile=[("\nretry_interval = 0\n", "\nretry_interval = 1\n")]) as story:
                process = story.run()
                deaths = 0
                while deaths < 6:
                    try:
                        status = process.wait(self.random.uniform(0.05, 1.2))
                        require(status == 0, f"exit status {status}:\n{story.stderr()[-3000:]}")
                        break
                    except subprocess.TimeoutExpired:
                        pass
                    deaths += 1
                    counts.kills += 1
                    story.kill_hub()
                    if deaths % 2:
                        process.kill()
                        story.wait(process, (-signal.SIGKILL, 0))
                        story.start_hub()
                        process = story.go_on()
                    else:
                        time.sleep(self.random.uniform(0, 0.5))
                        story.start_hub()
                story.wait(process)
                story.check()

    def answers(self, counts):
        """Answers get lost, outages come, sessions expire; and the run is killed."""
        makes = ("osbuildImage", "kiwiBuild", "imageBuilderBuild", "buildImage", "buildImageOz")
        reads = ("getTaskInfo", "listTasks")
        ways = [("close", 3), ("cut", 5), ("garbage", 7), ("gateway", 11)]
        scenario = {
            "drop_answers": [{"method": method, "every": every + 2 * (method in reads), "how": how}
                             for how, every in ways for method in (*makes, *reads)],
            "outages": [{"after_calls": 12 * n, "calls": 1 + n % 2, "kind": kind}
                        for n, kind in enumerate(["refuse", "http500", "html", "offline"] * 4)],
            "expire_sessions_after_calls": 9,
        }
        self.killed_at_random(counts, self.kills // 5, scenario, share=2)

    def signals(self, counts):
        """Ended by a signal that leaves the tasks to a resume."""
        for _ in range(max(1, self.kills // 15)):
            with self.story(counts) as story:
                process = story.run("--detach-on-signal")
                while True:
                    try:
                        status = process.wait(self.random.uniform(0.1, 1.2))
                        break
                    except subprocess.TimeoutExpired:
                        process.send_signal(self.random.choice([signal.SIGTERM, signal.SIGINT]))
                        status = story.wait(process, (1, 0, -signal.SIGTERM, -signal.SIGINT))
                        counts.kills += 1
                    if status == 0:
                        break
                    process = story.go_on("--detach-on-signal")
                story.check()

    def disk(self, counts):
        """A file system of 2 MB fills up, at every place on the way."""
        disk.torture(self, counts)

    def downloads(self, counts):
        """Every connection of a download is cut, some bytes are wrong, and the run is killed."""
        downloads.torture(self, counts)


PARTS = ["moments", "records", "again", "steps", "hub", "answers", "signals", "disk", "downloads"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("magudi", type=pathlib.Path)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}; all without")
    parser.add_argument("--kills", type=int, default=300, help="kills at random moments, and a measure for other parts")
    parser.add_argument("--every", type=int, default=1, help="only every so many records and steps")
    parser.add_argument("--first", type=int, default=1, help="the first record or step")
    parser.add_argument("--mixed", action="store_true", help="images of five phases instead of one")
    parser.add_argument("--seed", type=int, default=5, help="for the random moments")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="magudi-torture-") as scratch:
        work = pathlib.Path(scratch).resolve()
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", work / "saboteur.so", HERE / "saboteur.c", "-ldl"], check=True)
        torture = Torture(arguments, work)
        rows = []
        for part in arguments.parts.split(","):
            print(f"{part}: {getattr(torture, part).__doc__}", flush=True)
            counts = Counts()
            # These two know the files of osbuild.
            torture.mixed = arguments.mixed and part not in ("disk", "downloads")
            try:
                getattr(torture, part)(counts)
            except Wrong as wrong:
                print(f"torture.py: {part}, compose {counts.composes + 1}: {wrong}", file=sys.stderr)
                kept = pathlib.Path(tempfile.gettempdir()) / f"magudi-torture-{part}-{os.getpid()}"
                (work / "story").rename(kept)
                print(f"torture.py: what is left of it is in {kept}", file=sys.stderr)
                return 1
            rows.append((part, counts.composes, counts.kills, counts.resumes, counts.images, counts.tasks, f"{counts.minutes():.1f}"))
        head = ("part", "composes", "kills", "resumes", "images", "tasks on the hub", "minutes")
        for row in [head, *rows]:
            print(f"{row[0]:<10}" + "".join(f"{cell:>18}" for cell in row[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
