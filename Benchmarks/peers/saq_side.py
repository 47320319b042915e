"""SAQ: a job is moved to a list of active ones; a sweep looks there for those whose time, or heartbeat, is over."""
import asyncio

from saq import Queue

import bench

queue = Queue.from_url(bench.URL, max_concurrent_ops=100)
LIMITS = dict(retries=3, ttl=-1, timeout=0, heartbeat=bench.PATIENCE)


async def noop(ctx, *, n):
    bench.note()


async def hold(ctx, *, n):
    bench.note()
    await asyncio.sleep(3600)


settings = {
    "queue": queue, "functions": [noop, hold], "concurrency": 100,
    "timers": {"sweep": 1 if bench.LEASE else 60},
}


async def enqueue(count):
    name = "hold" if bench.LEASE else "noop"
    for start in range(0, count, 500):
        await asyncio.gather(*(queue.enqueue(name, n=n, **LIMITS) for n in range(start, min(start + 500, count))))


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    bench.run(lambda count: loop.run_until_complete(enqueue(count)), lambda: loop.run_until_complete(enqueue(1)))
