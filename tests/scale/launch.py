"""Starts a command from a small process and says what it took: launch.py FD COMMAND... writes to FD the status as of wait,
seconds of wall and of processor time, the peak of memory in kB, and the most threads at once.

What the system tells of a process's peak includes that of the process it was forked from, and whoever measures is larger than
what is measured."""
import _thread
import os
import sys
import time

threads = 0


def watch(pid):
    global threads
    try:
        while True:
            with open(f"/proc/{pid}/status") as text:
                threads = max([threads] + [int(line.split()[1]) for line in text if line.startswith("Threads:")])
            time.sleep(0.02)
    except (OSError, ValueError):
        pass


result, command = int(sys.argv[1]), sys.argv[2:]
os.set_inheritable(result, False)
begin = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ)
_thread.start_new_thread(watch, (pid,))
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - begin
os.write(result, f"{status} {wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss} {threads}".encode())
