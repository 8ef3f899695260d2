#!/usr/bin/env python3
"""Counts the instructions of checking, planning, decoding, replaying, writing and comparing, and compares them with instructions.json.

usage: instructions.py MAGUDI BENCH [--bless]

MAGUDI and BENCH (benches/scale.rs) are builds for development, which CI has anyway: they count what the code does, not what
the optimiser makes of it. Counts repeat where times do not. More than 3 % above the recorded count is a failure, and so is
more than 3 % below: then the record is to be renewed (--bless). Counts of another compiler are shown and not judged.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

from checking import all_options
from generate import PHASES, config, generate

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = f"{HERE}/instructions.json"
TOLERANCE = 0.03


def count(command, work):
    """Instructions of a command, as callgrind counts them."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH="1709164800", NO_COLOR="1")
    run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command], cwd=work,
                         env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{run.stderr[-2000:]}")
    return int(re.search(r"Collected : (\d+)", run.stderr).group(1))


def expanding(magudi, work):
    """Plans of 100 images of each phase."""
    for phase in PHASES:
        directory = f"{work}/{phase}"
        generate(10, 10, directory, [phase])
        yield f"plan of 100 images, {phase}", count([magudi, "plan", "--test", "--format", "json", "--config", f"{directory}/big.conf"], work)


def main():
    magudi, bench = map(os.path.abspath, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as work:
        images = config(work, 20, 20)
        answer, journal, old, new = (f"{work}/{name}" for name in ["answer.xml", "journal.jsonl", "old.json", "new.json"])
        subprocess.check_call([bench, "answer", answer, "200"])
        subprocess.check_call([bench, "journal", "200", journal])
        subprocess.check_call([bench, "images", "200", old])
        subprocess.check_call([bench, "images", "210", new])
        options, *_ = all_options(magudi, work)
        found = {
            "check of 400 images": count([magudi, "check", "--test", "--config", images], work),
            "check of all options": count([magudi, "check", "--allow-empty", "--quiet", "--config", options], work),
            "plan of 400 images": count([magudi, "plan", "--test", "--format", "json", "--config", images], work),
            **dict(expanding(magudi, work)),
            "decoding 200 tasks": count([bench, "decode", answer, "1"], work),
            "replaying 200 requests": count([bench, "replay", journal, "1"], work),
            "writing 500 images": count([bench, "images", "500", f"{work}/images.json"], work),
            "comparing 200 images": count([magudi, "compare", old, new], work),
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
        print(f"{what:34} {instructions:13,} instructions, recorded {recorded:13,} ({change:+.1%})")
        if abs(change) > TOLERANCE:
            wrong.append(what)
    if record["rustc"] != rustc:
        print(f"not judged: recorded with {record['rustc']}, counted with {rustc}")
    elif wrong:
        sys.exit(f"more than {TOLERANCE:.0%} from the record: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
