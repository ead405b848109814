"""What the Python modules cost, against pylibmc: `make bench-python`.

    bench/python.py [rounds]

Both take turns at the same memcached, and each figure is the least of all rounds: of the CPU time
of this process, and of the time by the clock, in microseconds.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time

import pylibmc

import omcache
import omcache.aio
import omcache_pylibmc

KEYS = ["key:%d" % i for i in range(256)]
HUNDRED = KEYS[:100]
VALUE = b"x" * 100
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
TIMES = 20


def repeat(call):
    """A function that makes a call TIMES times."""

    def calls():
        for _ in range(TIMES):
            call()

    return calls


def measure(calls):
    """The least CPU time and clock time of each of some functions, which do something TIMES times."""
    least = {name: [float("inf")] * 2 for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            cpu, clock = time.process_time(), time.perf_counter()
            call()
            took = time.process_time() - cpu, time.perf_counter() - clock
            least[name] = [min(pair) for pair in zip(least[name], took)]
    return {name: [each / TIMES * 1e6 for each in pair] for name, pair in least.items()}


def show(title, calls):
    print(title)
    results = measure(calls)
    base = next(iter(results.values()))
    for name, (cpu, clock) in results.items():
        print(
            "  %-38s %8.1f us of CPU, ratio %4.2f %10.1f us by the clock, ratio %4.2f"
            % (name, cpu, cpu / base[0], clock, clock / base[1])
        )


def one_by_one(client):
    for key in KEYS:
        client.get(key)


def compare(address):
    theirs = pylibmc.Client([address])
    for key in KEYS:
        theirs.set(key, VALUE)
    ours = {p: omcache.Client(address, protocol=p) for p in ("binary", "meta", "text")}
    like = omcache_pylibmc.Client([address])
    assert ours["meta"].get_multi(KEYS) == like.get_multi(KEYS) == theirs.get_multi(KEYS)

    calls = {"pylibmc": repeat(lambda: theirs.get_multi(HUNDRED))}
    calls["omcache_pylibmc"] = repeat(lambda: like.get_multi(HUNDRED))
    for protocol, client in ours.items():
        calls["omcache, " + protocol] = repeat(lambda client=client: client.get_multi(HUNDRED))
    loop = asyncio.new_event_loop()
    clients = {p: omcache.aio.Client(address, protocol=p) for p in ours}

    async def get_multi(client):
        for _ in range(TIMES):
            await client.get_multi(HUNDRED)

    for protocol, client in clients.items():
        calls["omcache.aio, " + protocol] = lambda client=client: loop.run_until_complete(
            get_multi(client)
        )
    show("get_multi of 100 keys (at most 1.2 is the aim)", calls)

    async def outstanding(client):
        for _ in range(TIMES):
            await asyncio.gather(*map(client.get, KEYS))

    calls = {"pylibmc, one after another": repeat(lambda: one_by_one(theirs))}
    calls["pylibmc, get_multi"] = repeat(lambda: theirs.get_multi(KEYS))
    calls["omcache, one after another"] = repeat(lambda: one_by_one(ours["meta"]))
    for protocol, client in clients.items():
        calls["omcache.aio, " + protocol] = lambda client=client: loop.run_until_complete(
            outstanding(client)
        )
    show("256 gets outstanding (at most 1.5 is the aim)", calls)
    for client in clients.values():
        loop.run_until_complete(client.close())
    loop.close()


def main():
    with tempfile.TemporaryDirectory(prefix="omcache-bench-") as folder:
        address = os.path.join(folder, "m")
        user = ["-u", "root"] if os.getuid() == 0 else []
        server = subprocess.Popen(["memcached", *user, "-s", address, "-t", "1"])
        try:
            while not os.path.exists(address):
                time.sleep(0.01)
            time.sleep(0.05)
            compare(address)
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
