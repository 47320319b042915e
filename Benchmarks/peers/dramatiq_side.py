"""dramatiq: messages that a worker has taken are kept under its name until they are acknowledged; those of a worker without
heartbeat are taken back by the maintenance that commands trigger by chance (all of them here)."""
import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries

import bench

# Maintenance with each command only where its time is measured: it costs what it costs.
chance = {"maintenance_chance": 1_000_000} if bench.LEASE else {}
broker = RedisBroker(url=bench.URL, middleware=[Retries()], heartbeat_timeout=bench.PATIENCE * 1000, **chance)
dramatiq.set_broker(broker)


@dramatiq.actor
def noop(n):
    bench.note()


@dramatiq.actor
def hold(n):
    bench.hold()


def push(count):
    actor = hold if bench.LEASE else noop
    for n in range(count):
        actor.send(n)


if __name__ == "__main__":
    bench.run(push, lambda: push(1))
