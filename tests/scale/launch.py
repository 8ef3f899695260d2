"""Starts a command from a small process and says what it took: launch.py FD COMMAND... writes to FD the status as of wait,
seconds of wall and of processor time, the peak of memory in kB, and the most threads at once.

What the system tells of a process's peak includes that of the process it was forked from, and whoever measures is larger than
what is measured."""
import _thread
import os
import sys
import time

pid, threads = None, 1


def watch():
    global threads
    while True:
        # Not at once, which would hold up what is just beginning.
        time.sleep(0.02)
        try:
            with open(f"/proc/{pid}/status") as text:
                threads = max([threads] + [int(line.split()[1]) for line in text if line.startswith("Threads:")])
        except OSError:
            pass


result, command = int(sys.argv[1]), sys.argv[2:]
os.set_inheritable(result, False)
_thread.start_new_thread(watch, ())
begin = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - begin
os.write(result, f"{status} {wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss} {threads}".encode())
