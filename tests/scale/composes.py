"""Rows about whole runs of the program: starting it, checking and planning, simulated composes."""
import json
import os
import shutil
import statistics
import subprocess
import sys

from hub import Hub, only_compose
from process import Ran, best, in_turn

from generate import PHASES, config


def start_up(table, magudi):
    ratio, ours, theirs = in_turn([magudi, "--version"], [sys.executable, "-c", ""], 40)
    table.row("`magudi --version`", "3 ms", f"{ours * 1000:.1f} ms",
              f"`python3 -c ''`: {theirs * 1000:.1f} ms ({ratio:.0f}x)", ours <= 0.003)


def planning(table, magudi, work, python):
    path = config(work, 20, 500)
    plan = [magudi, "plan", "--test", "--format", "json", "--config"]
    ours = best(plan + [path], 5)
    megabytes = os.path.getsize(path) / 1e6
    what = f"check + plan, 10,000 images in {megabytes:.1f} MB of `.conf`"
    if python is None:
        table.row(what, "50x of kobo", f"{ours.wall:.2f} s", "kobo is not to be had", None)
    else:
        load = "import kobo.conf, sys; kobo.conf.PyConfigParser().load_from_file(sys.argv[1])"
        ratio, fast, theirs = in_turn(plan + [path], [python, "-c", load, path], 3)
        table.row(what, "50x of kobo", f"{fast:.3f} s", f"kobo 0.42, loading alone: {theirs:.1f} s ({ratio:.0f}x)", ratio >= 50)
    small, large = best(plan + [config(work, 20, 50)]), best(plan + [config(work, 20, 2500)], 1)
    per_image = [(b.mb - a.mb) / n * 1000 for a, b, n in [(small, ours, 9_000), (ours, large, 40_000)]]
    table.row("memory of that", "45 MB, linear", f"{ours.mb:.0f} MB; 1,000 images more cost {per_image[0]:.1f} MB up to 10,000, "
              f"{per_image[1]:.1f} MB up to 50,000", "Pungi: 118 MB",
              ours.mb <= 45 and per_image[1] <= per_image[0] * 1.2)


def comparing(table, magudi, bench, work):
    old, new = f"{work}/old-images.json", f"{work}/new-images.json"
    subprocess.check_call([bench, "images", "1000", old])
    with open(old, encoding="utf-8") as file:
        manifest = json.load(file)
    # Something of everything: a release later, every third image of another size, every tenth of another type, one gone.
    lists = [images for arches in manifest["payload"]["images"].values() for images in arches.values()]
    for number, image in enumerate(image for images in lists for image in images):
        image["path"] = image["path"].replace("-1.0-1.", "-1.0-2.")
        image["checksums"]["sha256"] = image["checksums"]["sha256"][::-1]
        if number % 3 == 0:
            image["size"] *= 2
        if number % 10 == 0:
            image["type"] = "kvm"
    lists[0].pop()
    with open(new, "w", encoding="utf-8") as file:
        json.dump(manifest, file)
    ours = best([magudi, "compare", old, new], 20)
    table.row("`magudi compare` of 1,000 images with 999", "50 ms", f"{ours.wall * 1000:.0f} ms, {ours.mb:.0f} MB", "-", ours.wall <= 0.05)


def simulate(magudi, path, target):
    """One simulated run into a directory that is empty."""
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    return Ran([magudi, "run", "--quiet", "--test", "--simulate", "--config", path, "--target-dir", target])


def simulated(table, magudi, work, quick):
    def run(images, times):
        runs = [simulate(magudi, config(work, 20, images), f"{work}/composes") for _ in range(times)]
        return min(runs, key=lambda one: one.wall)

    one = run(50, 5)
    table.row("full simulated run, 1,000 images x 2 arches", "1.5 s", f"{one.wall:.2f} s, {one.mb:.0f} MB",
              "Pungi: 14-23 s, 1,003 threads", one.wall <= 1.5)
    if quick:
        return
    ten = run(500, 3)
    table.row("the same, 10,000 images", "12 s, 150 MB, 8 threads",
              f"{ten.wall:.1f} s, {ten.mb:.0f} MB, {ten.threads} threads",
              "Pungi: 126 s, 401 MB, 9,980 threads", ten.wall <= 12 and ten.mb <= 150 and ten.threads <= 8)
    fifty = run(2500, 1)
    each = [run.cpu / n * 1000 for run, n in [(one, 1_000), (ten, 10_000), (fifty, 50_000)]]
    table.row("cost of 1,000 -> 10,000 -> 50,000 images", "linear within 20 %",
              f"processor time of an image: {each[0]:.2f}, {each[1]:.2f}, {each[2]:.2f} ms; 50,000 took {fifty.wall:.0f} s, "
              f"{fifty.mb:.0f} MB", "-", max(each[1:]) <= each[0] * 1.2)


def five_phases(table, magudi, work, disk, quick):
    """Whole runs of all five phases, in memory and on a disk in turn. On the disk nothing is removed in between: for minutes after
    that ext4 looks for inodes that were not freed a moment ago, which takes several times as long as the run."""
    for images, goal in [(50, None)] if quick else [(50, None), (500, (6, 100, 8))]:
        path = config(work, 20, images, PHASES)
        pairs = [(simulate(magudi, path, f"{work}/composes"), disk and simulate(magudi, path, f"{disk}/{images}-{n}"))
                 for n in range(5)]
        best = min((memory for memory, _ in pairs), key=lambda one: one.wall)
        what = f"simulated run, {20 * images:,} images of five phases x 2 arches, in memory"
        table.row(what, "6 s, 100 MB, 8 threads" if goal else "-", f"{best.wall:.1f} s, {best.mb:.0f} MB, {best.threads} threads",
                  "Pungi: 126 s, 401 MB, 9,980 threads" if goal else "-",
                  goal is None or (best.wall, best.mb, best.threads) <= goal and best.mb <= goal[1] and best.threads <= goal[2])
        if disk is None:
            table.row("the same on a disk", "1.3x of in memory", "-", "there is no disk", None)
            continue
        ratio = statistics.median(on.wall / memory.wall for memory, on in pairs)
        fastest = min(on.wall for _, on in pairs)
        table.row("the same on a disk", "1.3x of in memory", f"{fastest:.1f} s ({ratio:.2f}x)", "-", ratio <= 1.3)


def resuming(table, magudi, bench, work, images=500):
    """A resume of a compose of which every image is in place, though no manifest: that run was killed at its end."""
    hub = Hub(magudi, work, "resuming", {})
    target = f"{work}/resuming-composes"
    run = hub.begin(magudi, config(work, 20, images, PHASES), target, hub.profile)
    if run.wait():
        sys.exit("the run to be resumed has failed")
    compose = only_compose(target)
    journal = f"{compose}/logs/global/magudi-journal.jsonl"
    with open(journal) as lines:
        lines = lines.readlines()
    last = max(number for number, line in enumerate(lines) if '"event":"request-done"' in line)
    environment = {"MAGUDI_KOJI_PASSWORD": "composepass"}
    runs = []
    for _ in range(3):
        with open(journal, "w") as out:
            out.writelines(lines[:last + 1])
        with open(f"{compose}/STATUS", "w") as status:
            status.write("STARTED\n")
        runs.append(Ran([magudi, "resume", "--quiet", "--koji-config", hub.profile, compose], env=environment))
    hub.close()
    best = min(runs, key=lambda one: one.wall)
    table.row(f"resume of a compose of {20 * images:,} images of which all are done", "1 s, 80 MB",
              f"{best.wall:.2f} s, {best.mb:.0f} MB", "-", best.wall <= 1 and best.mb <= 80)
    size = sum(map(len, lines)) / (20 * images)
    table.row("journal: bytes for an image", "1.2 kB", f"{size:,.0f} for one of two files, {size / 2:,.0f} for a file", "-", size <= 1200)
    with open(journal, "w") as out:
        out.writelines(lines)
    seconds = float(subprocess.check_output([bench, "replay", journal, "10"]))
    speed = os.path.getsize(journal) / seconds / 1e6
    table.row("journal: replay", "200 MB/s", f"{speed:.0f} MB/s", "-", speed >= 200)
    shutil.rmtree(target)
