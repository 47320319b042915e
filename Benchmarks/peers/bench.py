"""What all libraries' sides share: the task that does nothing, and how a side is asked.

    python SIDE.py push TASKS       makes the tasks, prints the seconds that it took
    python SIDE.py trickle SAMPLES  makes a task, waits for its start, and so on; prints microseconds between

A side also is the module that the library's own worker program loads, or runs a worker with `python SIDE.py work`.
The environment says the rest: BENCH_REDIS, the server's URL; BENCH_LOG, a file to which each start of a task appends
eight bytes, the time; BENCH_LEASE, how many seconds a worker's silence may last, and that the pushed task is one that
still runs when its worker is killed.
"""
import os, struct, sys, time

URL = os.environ["BENCH_REDIS"]
LEASE = int(os.environ.get("BENCH_LEASE", "0"))
# Long enough not to matter where nobody is killed.
PATIENCE = LEASE or 60
_log = os.open(os.environ["BENCH_LOG"], os.O_RDWR | os.O_APPEND | os.O_CREAT)


def note():
    os.write(_log, struct.pack("<q", time.monotonic_ns()))


def hold():
    note()
    time.sleep(3600)


def run(push, trickle):
    """`push(count)` makes tasks, `trickle()` makes one; both return when Redis has them."""
    what, count = sys.argv[1], int(sys.argv[2])
    if what == "push":
        began = time.monotonic()
        push(count)
        print(time.monotonic() - began)
        return
    position = os.fstat(_log).st_size
    for _ in range(count):
        began = time.monotonic_ns()
        trickle()
        while os.fstat(_log).st_size < position + 8:
            time.sleep(0.0003)
        print((struct.unpack("<q", os.pread(_log, 8, position))[0] - began) // 1000)
        position += 8
        time.sleep(0.02)
