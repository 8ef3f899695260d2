#!/usr/bin/env python3
"""Measures magudi beside what a user would use instead, and prints the table of docs/performance.md with today's figures.

usage: run.py MAGUDI BENCH [--quick] [--disk DIRECTORY] [--only ROW]...

`cargo bench` builds both programs and calls this. Peers come from PyPI (kobo, koji) into a virtual environment, and from the
machine (openssl, curl, sha256sum); what is not there is said to be unmeasured. Everything runs on loopback and in a scratch
directory of 10 GB, in memory where that has the room: a disk would be what is measured; where it is to be, --disk says on which one.
--quick leaves out composes of more than 1,000 images and the minute of waiting.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import checking
import composes
import files
import hub
import report
from table import Table

MEMORY, ROOM = "/dev/shm", 12 << 30
PEERS = ["kobo==0.42.0", "koji==1.36.1", "jsonschema==4.23.0"]


def peers(work):
    """A Python that has the peers; None where they are not to be had."""
    home = os.environ.get("MAGUDI_TEST_VENV") or f"{work}/venv"
    python = f"{home}/bin/python"
    try:
        if not os.path.exists(python):
            subprocess.check_call([sys.executable, "-m", "venv", home])
        subprocess.check_call([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PEERS])
        return python
    except (OSError, subprocess.CalledProcessError) as problem:
        print(f"the peers {', '.join(PEERS)} are not to be had: {problem}", file=sys.stderr)
        return None


def on_disk(directory):
    """Whether a directory lies on a disk, and not in memory."""
    kind = subprocess.run(["stat", "--file-system", "--format=%T", directory], stdout=subprocess.PIPE, text=True).stdout.strip()
    return kind not in ("tmpfs", "ramfs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("magudi", type=os.path.abspath)
    parser.add_argument("bench", type=os.path.abspath)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--disk", help="where composes on a disk are written; the temporary directory without it, if that is on one")
    parser.add_argument("--only", action="append", default=[])
    args = parser.parse_args()
    in_memory = os.path.isdir(MEMORY) and shutil.disk_usage(MEMORY).free > ROOM
    work = tempfile.mkdtemp(prefix="magudi-scale-", dir=MEMORY if in_memory else None)
    print(f"scratch directory: {work}", flush=True)
    disk = args.disk or (tempfile.gettempdir() if on_disk(tempfile.gettempdir()) else None)
    disk = disk and tempfile.mkdtemp(prefix="magudi-scale-", dir=disk)
    table = Table()
    python = peers(work) if not args.only or {"planning", "options", "waiting"} & set(args.only) else None
    rows = {
        "start-up": lambda: composes.start_up(table, args.magudi),
        "planning": lambda: composes.planning(table, args.magudi, work, python),
        "shapes": lambda: checking.shapes(table, args.magudi, work),
        "options": lambda: checking.options(table, args.magudi, work, python),
        "simulated": lambda: composes.simulated(table, args.magudi, work, args.quick),
        "five-phases": lambda: composes.five_phases(table, args.magudi, work, disk, args.quick),
        "resuming": lambda: args.quick or composes.resuming(table, args.magudi, args.bench, work),
        "comparing": lambda: composes.comparing(table, args.magudi, args.bench, work),
        "submitting": lambda: hub.submitting(table, args.magudi, args.bench, work),
        "waiting": lambda: args.quick or hub.waiting(table, args.magudi, work, python),
        "latency": lambda: hub.latency(table, args.magudi, work),
        "hashing": lambda: files.hashing(table, args.bench, work),
        "fetching": lambda: files.fetching(table, args.bench, work),
        "fetching-many": lambda: files.fetching_many(table, args.bench, work),
        "verifying": lambda: files.verifying(table, args.magudi, work),
        "decoding": lambda: files.decoding(table, args.bench, work),
        "showing": lambda: report.showing(table, args.magudi, work),
    }
    unknown = [name for name in args.only if name not in rows]
    if unknown:
        sys.exit(f"no row {', '.join(unknown)}; there are {', '.join(rows)}")
    try:
        for name, measure in rows.items():
            if not args.only or name in args.only:
                measure()
    finally:
        for scratch in filter(None, [work, disk]):
            shutil.rmtree(scratch, ignore_errors=True)
    print("\n" + table.markdown())
    if any(row[-1] == "NO" for row in table.rows):
        sys.exit("not every goal is met")


if __name__ == "__main__":
    main()
