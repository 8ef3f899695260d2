"""Rows about whole runs of the program: starting it, checking and planning, simulated composes."""
import json
import os
import shutil
import subprocess
import sys

from process import Ran, best, in_turn

HERE = os.path.dirname(os.path.abspath(__file__))


def config(work, variants, images):
    """A configuration of `variants` x `images` images for two arches each; its path."""
    directory = f"{work}/{variants}x{images}"
    if not os.path.isdir(directory):
        subprocess.check_call([sys.executable, f"{HERE}/generate.py", str(variants), str(images), directory])
    return f"{directory}/big.conf"


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
        table.row(what, "30x of kobo", f"{ours.wall:.2f} s", "kobo is not to be had", None)
    else:
        load = "import kobo.conf, sys; kobo.conf.PyConfigParser().load_from_file(sys.argv[1])"
        ratio, fast, theirs = in_turn(plan + [path], [python, "-c", load, path], 3)
        table.row(what, "30x of kobo", f"{fast:.3f} s", f"kobo 0.42, loading alone: {theirs:.1f} s ({ratio:.0f}x)", ratio >= 30)
    small, large = best(plan + [config(work, 20, 50)]), best(plan + [config(work, 20, 2500)], 1)
    per_image = [(b.mb - a.mb) / n * 1000 for a, b, n in [(small, ours, 9_000), (ours, large, 40_000)]]
    table.row("memory of that", "60 MB, linear", f"{ours.mb:.0f} MB; 1,000 images more cost {per_image[0]:.1f} MB up to 10,000, "
              f"{per_image[1]:.1f} MB up to 50,000", "Pungi: 118 MB",
              ours.mb <= 60 and per_image[1] <= per_image[0] * 1.2)


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


def simulated(table, magudi, work, quick):
    def run(images, times):
        target = f"{work}/composes"
        runs = []
        for _ in range(times):
            shutil.rmtree(target, ignore_errors=True)
            os.makedirs(target)
            runs.append(Ran([magudi, "run", "--quiet", "--test", "--simulate", "--config", config(work, 20, images),
                             "--target-dir", target]))
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
