"""arq: a job stays in its sorted set while it runs; a key that lasts for its timeout and ten seconds keeps others from it."""
import asyncio

from arq import create_pool, run_worker
from arq.connections import RedisSettings

import bench

SETTINGS = RedisSettings.from_dsn(bench.URL)


async def noop(ctx, n):
    bench.note()


async def hold(ctx, n):
    bench.note()
    await asyncio.sleep(3600)


class Worker:
    functions = [noop, hold]
    redis_settings = SETTINGS
    max_jobs = 100
    poll_delay = 0.02
    keep_result = 0
    job_timeout = bench.PATIENCE
    log_results = False


loop = asyncio.new_event_loop()
pool = None


async def enqueue(count):
    global pool
    pool = pool or await create_pool(SETTINGS)
    name = "hold" if bench.LEASE else "noop"
    for start in range(0, count, 500):
        await asyncio.gather(*(pool.enqueue_job(name, n) for n in range(start, min(start + 500, count))))


if __name__ == "__main__":
    import sys

    if sys.argv[1] == "work":
        import logging

        logging.disable(logging.WARNING)
        asyncio.set_event_loop(loop)
        run_worker(Worker)
    else:
        bench.run(lambda count: loop.run_until_complete(enqueue(count)), lambda: loop.run_until_complete(enqueue(1)))
