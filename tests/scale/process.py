"""A process as a whole: how long it took, what it cost, how large it became. Comparisons run in turn, A B A B, so that a
machine whose speed drifts disturbs both alike."""
import os
import shutil
import statistics
import subprocess
import sys
import time

LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")


class Ran:
    """One run of a command: seconds of wall time, seconds of processor time, peak of memory in MB, most threads at once."""

    def __init__(self, args, cwd=None, env=None, keep=False):
        result, theirs = os.pipe()
        child = subprocess.run([sys.executable, "-I", "-S", LAUNCH, str(theirs), *map(str, args)], cwd=cwd,
                               env=dict(os.environ, **(env or {})), stdout=subprocess.PIPE if keep else subprocess.DEVNULL,
                               stderr=subprocess.PIPE, pass_fds=[theirs])
        os.close(theirs)
        with open(result) as told:
            told = told.read().split()
        status = int(told[0]) if told else 1
        if status:
            sys.exit(f"{' '.join(map(str, args))} failed:\n{child.stderr.decode()[-2000:]}")
        self.output = child.stdout.decode() if keep else ""
        self.wall, self.cpu = float(told[1]), float(told[2])
        self.mb, self.threads = int(told[3]) / 1024, int(told[4])


def field(pid, name):
    """A field of /proc/PID/status, without its unit."""
    with open(f"/proc/{pid}/status") as text:
        for line in text:
            if line.startswith(f"{name}:"):
                return line.split()[1]
    raise ValueError(name)


def cpu_seconds(pid):
    """Processor time of a running process and of its children that have ended."""
    with open(f"/proc/{pid}/stat") as text:
        fields = text.read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def pss(pid):
    """Memory of a running process in MB; what it shares with others counts in part."""
    with open(f"/proc/{pid}/smaps_rollup") as text:
        return next(int(line.split()[1]) / 1024 for line in text if line.startswith("Pss:"))


def wall(args):
    """Seconds of wall time of a command."""
    begin = time.perf_counter()
    done = subprocess.run(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    seconds = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"{' '.join(map(str, args))} failed:\n{done.stderr.decode()[-2000:]}")
    return seconds


def best(args, times=3, **more):
    """The fastest of some runs: what disturbs a measurement only ever makes it slower."""
    return min((Ran(args, **more) for _ in range(times)), key=lambda run: run.wall)


def in_turn(ours, theirs, times=5, before=lambda: None):
    """Runs two commands, or lists of commands that count as one, in turn, with a call of `before` ahead of each that is not
    measured. Gives the median of the ratios theirs / ours of wall times, and the fastest of each in seconds."""
    def whole(commands):
        before()
        return sum(wall(command) for command in (commands if isinstance(commands[0], list) else [commands]))

    whole(ours), whole(theirs)
    pairs = [(whole(ours), whole(theirs)) for _ in range(times)]
    return statistics.median(b / a for a, b in pairs), min(a for a, _ in pairs), min(b for _, b in pairs)


def has(command):
    return shutil.which(command) is not None
