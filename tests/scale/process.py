"""A process as a whole: how long it took, what it cost, how large it became. Comparisons run in turn, A B A B, so that a
machine whose speed drifts disturbs both alike."""
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time


class Ran:
    """One run of a command: seconds of wall time, seconds of processor time, peak of memory in MB, most threads at once."""

    def __init__(self, args, cwd=None, env=None, keep=False):
        self.threads = 0
        begin = time.perf_counter()
        child = subprocess.Popen(args, cwd=cwd, env=dict(os.environ, **(env or {})),
                                 stdout=subprocess.PIPE if keep else subprocess.DEVNULL, stderr=subprocess.PIPE)
        threading.Thread(target=self._watch, args=(child.pid,), daemon=True).start()
        # Both pipes are read at once: either may fill up first.
        errors = []
        reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
        reader.start()
        self.output = child.stdout.read().decode() if keep else ""
        reader.join()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        self.wall = time.perf_counter() - begin
        self.cpu = usage.ru_utime + usage.ru_stime
        self.mb = usage.ru_maxrss / 1024
        if status:
            sys.exit(f"{' '.join(map(str, args))} failed:\n{errors[0].decode()[-2000:]}")

    def _watch(self, pid):
        try:
            while True:
                self.threads = max(self.threads, int(field(pid, "Threads")))
                time.sleep(0.02)
        except (OSError, ValueError):
            pass


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


def best(args, times=3, **more):
    """The fastest of some runs: what disturbs a measurement only ever makes it slower."""
    return min((Ran(args, **more) for _ in range(times)), key=lambda run: run.wall)


def in_turn(ours, theirs, times=5):
    """Runs two commands, or lists of commands that count as one, in turn. Gives the median of the ratios theirs / ours of
    wall times, and the fastest of each in seconds."""
    def whole(commands):
        return sum(Ran(command).wall for command in (commands if isinstance(commands[0], list) else [commands]))

    whole(ours), whole(theirs)
    pairs = [(whole(ours), whole(theirs)) for _ in range(times)]
    return statistics.median(b / a for a, b in pairs), min(a for a, _ in pairs), min(b for _, b in pairs)


def has(command):
    return shutil.which(command) is not None
