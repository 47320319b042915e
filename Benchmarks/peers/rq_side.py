"""RQ: a job is moved to an intermediate list and then to a registry of started ones; the maintenance of any worker retries those
whose time is over. SimpleWorker runs jobs in its own process, as the docs advise for many short ones."""
import sys

import redis
from rq import Queue, Retry, SimpleWorker
from rq.job import Job

import bench

connection = redis.Redis.from_url(bench.URL)
queue = Queue(connection=connection)
LIMITS = dict(timeout=bench.PATIENCE, result_ttl=0, retry=Retry(max=3))


def noop(n):
    bench.note()


def hold(n):
    bench.hold()


def push(count):
    function = "rq_side.hold" if bench.LEASE else "rq_side.noop"
    for start in range(0, count, 500):
        queue.enqueue_many([Queue.prepare_data(function, (n,), **LIMITS) for n in range(start, min(start + 500, count))])


if __name__ == "__main__":
    if sys.argv[1] == "work":
        # An idle worker looks after the others when its wait is over: 15 s before its own time is.
        SimpleWorker(
            [queue], connection=connection, maintenance_interval=1, job_monitoring_interval=bench.PATIENCE,
            worker_ttl=15 + bench.PATIENCE).work(logging_level="ERROR")
    else:
        bench.run(push, lambda: push(1))
