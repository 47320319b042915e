"""taskiq: of its brokers on Redis the one on a stream acknowledges; what was not acknowledged within the idle timeout is
given to another worker, whether the first still runs it or not."""
import asyncio

from taskiq_redis import RedisStreamBroker

import bench

# From the stream's beginning: the tasks are there before the first worker.
broker = RedisStreamBroker(
    bench.URL, consumer_id="0", idle_timeout=bench.PATIENCE * 1000, unacknowledged_lock_timeout=5, max_connection_pool_size=100)


@broker.task
async def noop(n):
    bench.note()


@broker.task
async def hold(n):
    bench.note()
    await asyncio.sleep(3600)


started = False


async def enqueue(count):
    global started
    if not started:
        await broker.startup()
        started = True
    task = hold if bench.LEASE else noop
    for start in range(0, count, 500):
        await asyncio.gather(*(task.kiq(n) for n in range(start, min(start + 500, count))))


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    bench.run(lambda count: loop.run_until_complete(enqueue(count)), lambda: loop.run_until_complete(enqueue(1)))
