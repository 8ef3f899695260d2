#!/usr/bin/env python3
"""Counts the instructions of checking, planning, decoding and writing a manifest, and compares them with instructions.json.

usage: instructions.py MAGUDI BENCH [--bless]

MAGUDI and BENCH (benches/scale.rs) are builds for development, which CI has anyway: they count what the code does, not what
the optimiser makes of it. Counts repeat where times do not. More than 10 % above the recorded count is a failure, and so is
more than 10 % below: then the record is to be renewed (--bless). Counts of another compiler are shown and not judged.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

from generate import config

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = f"{HERE}/instructions.json"
TOLERANCE = 0.1


def count(command, work):
    """Instructions of a command, as callgrind counts them."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH="1709164800", NO_COLOR="1")
    run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command], cwd=work,
                         env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{run.stderr[-2000:]}")
    return int(re.search(r"Collected : (\d+)", run.stderr).group(1))


def main():
    magudi, bench = map(os.path.abspath, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as work:
        images = config(work, 20, 20)
        answer = f"{work}/answer.xml"
        subprocess.check_call([bench, "answer", answer, "200"])
        found = {
            "check of 400 images": count([magudi, "check", "--test", "--config", images], work),
            "plan of 400 images": count([magudi, "plan", "--test", "--format", "json", "--config", images], work),
            "decoding 200 tasks": count([bench, "decode", answer, "1"], work),
            "writing 500 images": count([bench, "images", "500", f"{work}/images.json"], work),
        }
    rustc = subprocess.check_output(["rustc", "--version"], text=True).strip()
    if "--bless" in sys.argv:
        with open(RECORD, "w") as out:
            json.dump({"rustc": rustc, "instructions": found}, out, indent=4)
            out.write("\n")
    with open(RECORD) as text:
        record = json.load(text)
    wrong = []
    for what, instructions in found.items():
        recorded = record["instructions"].get(what, 0)
        change = instructions / recorded - 1 if recorded else float("inf")
        print(f"{what:22} {instructions:13,} instructions, recorded {recorded:13,} ({change:+.1%})")
        if abs(change) > TOLERANCE:
            wrong.append(what)
    if record["rustc"] != rustc:
        print(f"not judged: recorded with {record['rustc']}, counted with {rustc}")
    elif wrong:
        sys.exit(f"more than {TOLERANCE:.0%} from the record: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
