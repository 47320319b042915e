"""Celery: with acks_late a message is kept beside the queue until its task has ended; what was not acknowledged within the
visibility timeout goes back, whether its worker still runs it or not."""
import time

from celery import Celery

import bench

app = Celery("celery_side", broker=bench.URL)
app.conf.update(
    task_acks_late=True, task_reject_on_worker_lost=True, task_ignore_result=True, worker_prefetch_multiplier=128,
    broker_transport_options={"visibility_timeout": bench.PATIENCE}, worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True)


@app.task(name="noop")
def noop(n):
    bench.note()


@app.task(name="hold")
def hold(n):
    bench.hold()


def push(count):
    task = hold if bench.LEASE else noop
    with app.producer_pool.acquire(block=True) as producer:
        for n in range(count):
            task.apply_async((n,), producer=producer)


if __name__ == "__main__":
    bench.run(push, lambda: push(1))
