"""omcache.aio against memcached, over each protocol."""

import asyncio
import gc
import os
import time
import unittest
import warnings

import omcache
import support
from omcache import aio


def run(test):
    """Makes a coroutine a test, with a client that is closed at the end."""

    def wrapper(self):
        async def main():
            async with aio.Client(self.addresses, timeout=5, **self.settings) as mc:
                await test(self, mc)
            self.assertEqual(len(asyncio.all_tasks()), 2)  # with that of wait_for

        asyncio.run(asyncio.wait_for(main(), 60), debug=self.debug_loop)

    wrapper.__name__ = test.__name__
    return wrapper


class Commands:
    settings = {}
    debug_loop = False

    @run
    async def test_set_and_get(self, mc):
        self.assertIsNone(await mc.set("k", b"value", flags=7))
        self.assertEqual(await mc.get("k"), b"value")
        self.assertEqual((await mc.gets(b"k"))[:2], (b"value", 7))
        self.assertIsNone(await mc.get("none"))
        self.assertEqual(await mc.get("none", 5), 5)
        self.assertIsNone(await mc.gets("none"))
        await mc.set("empty", b"")
        self.assertEqual(await mc.get("empty"), b"")
        self.assertEqual((await mc.gets("empty")).value, b"")

    @run
    async def test_conditions(self, mc):
        for method in (mc.append, mc.prepend):
            with self.assertRaises(omcache.NotStoredError):
                await method("k", b"")
        with self.assertRaises(omcache.NotFoundError):
            await mc.replace("k", b"")
        await mc.add("k", b"b")
        with self.assertRaises(omcache.KeyExistsError):
            await mc.add("k", b"b")
        await mc.append("k", b"c")
        await mc.prepend("k", bytearray(b"a"))
        item = await mc.gets("k")
        self.assertEqual(item.value, b"abc")
        await mc.set("k", b"new", cas=item.cas)
        with self.assertRaises(omcache.KeyExistsError) as caught:
            await mc.set("k", b"newer", cas=item.cas)
        self.assertEqual(caught.exception.key, "k")
        await mc.replace("k", b"replaced")
        await mc.touch("k", 100)
        self.assertEqual((await mc.gat("k", 100)).value, b"replaced")
        await mc.delete("k")
        for method in (mc.delete, mc.increment, mc.decrement):
            with self.assertRaises(omcache.NotFoundError):
                await method("k")

    @run
    async def test_counters(self, mc):
        self.assertEqual(await mc.increment("n", initial=5), 5)
        self.assertEqual(await mc.increment("n", 10), 15)
        self.assertEqual(await mc.decrement("n", 100), 0)
        await mc.set("word", b"word")
        with self.assertRaises(omcache.DeltaBadValueError):
            await mc.increment("word")

    @run
    async def test_many_at_once(self, mc):
        items = {"key:%d" % i: b"%d" % i * (i % 9) for i in range(2000)}
        await asyncio.gather(*(mc.set(key, value) for key, value in items.items()))
        values = await asyncio.gather(*map(mc.get, items))
        self.assertEqual(dict(zip(items, values)), items)

        async def reader(key):
            return await mc.get(key)

        values = await asyncio.gather(*map(reader, items))
        self.assertEqual(dict(zip(items, values)), items)

    @run
    async def test_several(self, mc):
        items = {"key:%d" % i: b"%d" % i for i in range(500)}
        items[b"bytes"] = b"1"
        items["caf\u00e9"] = b"2"
        self.assertIsNone(await mc.set_multi(items, flags={"key:5": 55}))
        self.assertEqual(await mc.get_multi([*items, "none"]), items)
        self.assertEqual(await mc.get_multi(["key:1", "key:1"]), {"key:1": b"1"})
        self.assertEqual(await mc.get_multi([]), {})
        self.assertEqual((await mc.gets_multi(["key:5", "none"]))["key:5"].flags, 55)
        self.assertEqual(await mc.delete_multi(["none", "key:7"]), ["key:7"])
        with self.assertRaises(omcache.TooLargeValueError) as caught:
            await mc.set_multi({"small": b"1", "large": bytes(2_000_000)})
        self.assertEqual(set(caught.exception.failed), {"large"})

    @run
    async def test_batches_side_by_side(self, mc):
        """Each has memory of its own, which the next ones use again."""
        items = {"key:%d" % i: b"%d" % i for i in range(300)}
        await mc.set_multi(items)
        names = list(items)
        for _ in range(5):
            batches = [names[i:] for i in range(0, 300, 7)]
            futures = [mc.get_multi(batch) for batch in batches]
            for future in futures[::3]:
                future.cancel()
            for batch, future in list(zip(batches, futures))[1::3]:
                self.assertEqual(await future, {name: items[name] for name in batch})
            several = await mc.gets_multi([*names[:5], "none", names[5].encode()])
            self.assertEqual(len(several), 6)
            self.assertEqual(several[names[5].encode()].value, b"5")

    @run
    async def test_large_values(self, mc):
        large = {"large:%d" % i: os.urandom(900_000) for i in range(8)}
        await mc.set_multi(large)
        self.assertEqual(await mc.get_multi(large), large)

    @run
    async def test_servers(self, mc):
        self.assertEqual(len(mc.servers()), len(self.addresses))
        for server in mc.servers():
            await mc.noop(server.index)
            self.assertRegex(await mc.version(server.index), r"^\d+\.\d+")
            pid = (await mc.stat(None, server.index))["pid"]
            self.assertIn(int(pid), [each.process.pid for each in self.memcached])
            self.assertEqual(mc.server_counters(server.index)["state"], "ready")
        self.assertIn("maxbytes", await mc.stat("settings"))
        await mc.set("k", b"1")
        for server in mc.servers():
            await mc.flush_all(0, server.index)
        self.assertIsNone(await mc.get("k"))
        # Its slot is as good as any other afterwards.
        await asyncio.gather(*(mc.set("k", b"1") for _ in range(200)))

    @run
    async def test_bad_arguments(self, mc):
        for key, error in (
            (None, TypeError),
            (5, TypeError),
            ("", ValueError),
            ("x" * 251, ValueError),
            (b"x" * 251, ValueError),
            ("\ud800", ValueError),
        ):
            for call in (
                lambda: mc.get(key),
                lambda: mc.gets(key),
                lambda: mc.gat(key, 1),
                lambda: mc.set(key, b""),
                lambda: mc.add(key, b""),
                lambda: mc.append(key, b""),
                lambda: mc.get_multi(["good", key]),
                lambda: mc.set_multi({"good": b"", key: b""}),
                lambda: mc.delete(key),
                lambda: mc.delete_multi([key]),
                lambda: mc.touch(key, 1),
                lambda: mc.increment(key),
                lambda: mc.meta_get(key),
                lambda: mc.meta_set(key, b""),
                lambda: mc.meta_delete(key),
                lambda: mc.meta_arithmetic(key),
                lambda: mc.meta_debug(key),
            ):
                self.assertRaises(error, call)
        self.assertRaises(TypeError, mc.set, "k", "text")
        self.assertRaises(TypeError, mc.get_multi, "keys")
        self.assertRaises(ValueError, mc.get, "k", timeout=0)
        self.assertRaises(ValueError, mc.get, "k", timeout=-1)
        self.assertRaises(ValueError, mc.noop, 99)
        self.assertEqual(sum(mc.server_counters(s.index)["requests"] for s in mc.servers()), 0)

    @run
    async def test_cancelling(self, mc):
        await mc.set("k", b"1")
        futures = [mc.get("k") for _ in range(10)]
        for future in futures[::2]:
            self.assertTrue(future.cancel())
        for i, future in enumerate(futures):
            if i % 2:
                self.assertEqual(await future, b"1")
            else:
                with self.assertRaises(asyncio.CancelledError):
                    await future
        several = mc.get_multi(["k"])
        several.cancel()
        task = asyncio.ensure_future(asyncio.wait_for(mc.get("k"), 0))
        with self.assertRaises(asyncio.TimeoutError):
            await task
        for _ in range(300):
            mc.get("k").cancel()
            self.assertEqual(await mc.get("k"), b"1")
        self.assertLess(len(mc._slots), 600)  # they are used again


class Auto(Commands, support.TestCase):
    SERVERS = 3


class Meta(Commands, support.TestCase):
    settings = {"protocol": "meta"}
    debug_loop = True

    @run
    async def test_options(self, mc):
        won = await mc.meta_get("k", vivify=30, want=["value", "cas", "ttl"])
        self.assertTrue(won.won)
        self.assertEqual(won.ttl, 30)
        self.assertTrue((await mc.meta_get("k")).already_won)
        await mc.meta_set("k", b"made", 60, cas=won.cas)
        self.assertEqual((await mc.meta_get("k")).value, b"made")
        await mc.meta_delete("k", invalidate=True, ttl=30)
        self.assertTrue((await mc.meta_get("k")).stale)
        await mc.meta_delete("k")
        self.assertIsNone(await mc.meta_get("k"))
        with self.assertRaises(omcache.NotFoundError):
            await mc.meta_delete("k")
        cas = await mc.meta_set("k", b"value")
        again = await mc.meta_get("k", cas=cas)
        self.assertEqual(again.value, None if again.unchanged else b"value")
        self.assertEqual((await mc.meta_debug("k"))["cas"], str(cas))
        self.assertIsNone(await mc.meta_debug("none"))
        self.assertEqual((await mc.meta_arithmetic("n", vivify=0, initial=7))[0], 7)
        self.assertEqual((await mc.meta_arithmetic("n", 2, mode="decrement"))[0], 5)


class Text(Commands, support.TestCase):
    settings = {"protocol": "text"}

    @run
    async def test_refused_keys(self, mc):
        await mc.noop()
        for key in ("a b", "a\nb", "\x00"):
            with self.assertRaises(ValueError):
                await mc.get(key)
            with self.assertRaises(ValueError):
                await mc.get_multi(["good", key])


class Binary(Commands, support.TestCase):
    settings = {"protocol": "binary"}


class Life(support.TestCase):
    SERVERS = 2

    def tearDown(self):
        for server in self.memcached:
            server.go_on()
            if server.process.poll() is not None:
                server.start()

    async def split(self, mc):
        """Keys of the first server that was made, and of the other."""
        keys = ["key:%d" % i for i in range(40)]
        with omcache.Client(self.addresses) as other:
            hosts = [server.host for server in other.servers()]
            on = [k for k in keys if hosts[other.server_for_key(k)] == self.addresses[0]]
        return on, [k for k in keys if k not in on]

    def test_timeouts(self):
        async def main():
            async with aio.Client(self.addresses) as mc:
                on, off = await self.split(mc)
                await mc.set_multi({k: b"1" for k in on + off})
                self.memcached[0].pause()
                begun = time.monotonic()
                late = [mc.get(k, timeout=0.1) for k in on]
                longer = mc.get(on[0], timeout=10)
                fine = [mc.get(k, timeout=0.1) for k in off]
                self.assertEqual(await asyncio.gather(*fine), [b"1"] * len(off))
                for future in late:
                    with self.assertRaises(TimeoutError):
                        await future
                with self.assertRaises(omcache.TimedOutError) as caught:
                    await mc.get_multi(on + off, timeout=0.1)
                self.assertEqual(set(caught.exception.failed), set(on))
                self.assertEqual(caught.exception.values, {k: b"1" for k in off})
                self.assertLess(time.monotonic() - begun, 5)
                self.assertFalse(longer.done())
                self.memcached[0].go_on()
                self.assertEqual(await longer, b"1")
                self.assertEqual(await mc.get(on[0]), b"1")

        asyncio.run(main())

    def test_dead_server(self):
        async def main():
            settings = {"dead_timeout": 0.2, "failover": "none"}
            async with aio.Client(self.addresses, **settings) as mc:
                on, off = await self.split(mc)
                await mc.get_multi(on + off)
                self.memcached[0].pause()
                with self.assertRaises(ConnectionError) as caught:
                    await mc.get_multi(on + off)
                self.assertEqual(set(caught.exception.failed), set(on))
                with self.assertRaises(ConnectionError):
                    await mc.set(on[0], b"")
                await mc.set(off[0], b"")

        asyncio.run(main())

    def test_a_killed_server_comes_back(self):
        async def main():
            async with aio.Client(self.addresses, reconnect_timeout=0.1, timeout=2) as mc:
                on, off = await self.split(mc)
                await mc.get_multi(on + off)
                self.memcached[0].kill()
                outcomes = [mc.set(k, b"1") for k in on]
                await asyncio.gather(*outcomes, return_exceptions=True)
                await mc.set(on[0], b"moved")
                self.memcached[0].start()
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline:
                    await mc.get(on[0])
                    states = [mc.server_counters(s.index)["state"] for s in mc.servers()]
                    if states == ["ready"] * 2:
                        break
                    await asyncio.sleep(0.01)
                self.assertEqual(states, ["ready"] * 2)
                await mc.set(on[0], b"back")
                self.assertIn(b"back", self.memcached[0].ask(b"get %s\r\n" % on[0].encode()))

        asyncio.run(main())

    def test_closing(self):
        async def main():
            mc = aio.Client(self.addresses)
            on, off = await self.split(mc)
            await mc.get_multi(on + off)
            self.memcached[0].pause()
            waiting = [mc.get(on[0]), mc.get_multi(on), mc.set(on[0], b"")]
            await asyncio.sleep(0.05)
            await mc.close()
            for future in waiting:
                with self.assertRaises(omcache.CancelledError):
                    await future
            for call in (
                lambda: mc.get("k"),
                lambda: mc.get_multi(["k"]),
                lambda: mc.noop(),
                lambda: mc.stat(),
            ):
                self.assertRaises(ValueError, call)
            await mc.close()
            loop = asyncio.get_running_loop()
            self.assertEqual(
                [key for key in loop._selector.get_map() if key != loop._ssock.fileno()], []
            )

        asyncio.run(main())

    def test_several_clients(self):
        async def main():
            clients = [aio.Client(self.addresses, prefix="%d:" % i) for i in range(5)]
            for _ in range(20):
                await asyncio.gather(
                    *(mc.set("k%d" % k, b"%d" % i) for i, mc in enumerate(clients) for k in range(9))
                )
                for i, mc in enumerate(clients):
                    self.assertEqual(
                        await mc.get_multi(["k%d" % k for k in range(9)]),
                        {"k%d" % k: b"%d" % i for k in range(9)},
                    )
            for mc in clients:
                await mc.close()

        asyncio.run(main())

    def test_one_loop_after_another(self):
        mc = aio.Client(self.addresses, timeout=5)

        async def use(unfinished):
            await mc.set("k", b"1")
            if unfinished:
                for _ in range(100):
                    mc.get("k")
            self.assertEqual(await mc.get("k"), b"1")

        for i in range(3):
            asyncio.run(use(i == 1))

        async def end():
            await mc.close()

        asyncio.run(end())

    def test_two_loops_at_a_time(self):
        mc = aio.Client(self.addresses, timeout=5)

        async def use():
            await mc.noop()

        first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
        first.run_until_complete(use())
        with self.assertRaises(RuntimeError):
            second.run_until_complete(use())
        first.run_until_complete(mc.close())
        self.assertRaises(RuntimeError, mc.get, "k")
        first.close()
        second.close()

    def test_a_client_is_not_copied(self):
        async def main():
            async with aio.Client(self.addresses, timeout=5) as mc:
                await mc.set("k", b"1")
                self.assert_is_not_copied(mc, "a Client cannot be copied or pickled")
                self.assertEqual(await mc.get("k"), b"1")

        asyncio.run(main())

    def test_forgetting_to_close(self):
        async def main():
            await aio.Client(self.addresses).noop()

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            asyncio.run(main())
            gc.collect()
        self.assertIn(ResourceWarning, [each.category for each in caught])

    def test_no_memory_for_an_outcome(self):
        """Nobody knows then whose it was: all end, and none waits forever."""

        async def main():
            mc = aio.Client(self.addresses)
            futures = [mc.get("a"), mc.get("b"), mc.get_multi(["c", "d"])]
            mc._gather.c.lost = 1
            for future in futures:
                with self.assertRaises(omcache.NoMemoryError):
                    await asyncio.wait_for(future, 5)
            self.assertRaises(ValueError, mc.get, "a")

        asyncio.run(main())

    def test_odd_version(self):
        """A version that is no text is shown all the same, and hinders no other answer."""
        odd = support.OddVersions()
        self.addCleanup(odd.stop)

        async def main():
            async with aio.Client(odd.address, protocol="text", timeout=5) as mc:
                await mc.get("a")
                for _ in range(2):
                    answers = await asyncio.gather(mc.get("a"), mc.version(), mc.get("b"))
                self.assertEqual(answers, [None, "\ufffd\ufffd", None])

        asyncio.run(asyncio.wait_for(main(), 10))

    def test_interrupted_while_told(self):
        """Such as by Ctrl-C: nobody is told another's outcome later, and none waits forever."""

        async def main():
            mc = aio.Client(self.addresses, timeout=5)
            await mc.set("b", b"2")
            end, ends = mc._end, []

            def interrupt(number):
                end(number)
                ends.append(number)
                if len(ends) == 1:
                    raise asyncio.CancelledError

            mc._end = interrupt
            futures = [mc.get("a"), mc.get("b"), mc.get_multi(["c", "d"])]
            done = await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 5)
            self.assertTrue(any(isinstance(each, omcache.CancelledError) for each in done))
            self.assertRaises(ValueError, mc.get, "a")

        asyncio.run(main())

    def test_arguments_that_c_cannot_have(self):
        async def main():
            async with aio.Client(self.addresses, timeout=5) as mc:
                await mc.get("a")
                for _ in range(200):
                    self.assertRaises(OverflowError, mc.touch, "a", 1 << 80)
                self.assertLessEqual(len(mc._slots), 64)

        asyncio.run(main())

    def test_no_threads(self):
        import threading

        async def main():
            async with aio.Client(self.addresses, timeout=5) as mc:
                await asyncio.gather(*(mc.get("k%d" % i) for i in range(100)))
                self.assertEqual(threading.active_count(), 1)
                self.assertEqual(len(os.listdir("/proc/self/task")), 1)

        asyncio.run(main())

    def test_requests_leave_together(self):
        """All of a turn in one packet for each server, and without asking the loop."""

        async def main():
            async with aio.Client(self.addresses[0], timeout=5) as mc:
                await mc.set("k", b"1")
                loop = asyncio.get_running_loop()
                writers = []
                loop.add_writer = lambda *args: writers.append(args)
                turns = []
                ready = mc._ready
                mc._ready = lambda *args: (turns.append(args), ready(*args))
                await asyncio.gather(*(mc.get("k") for _ in range(256)))
                self.assertEqual(writers, [])
                self.assertLess(len(turns), 64)

        asyncio.run(main())


if __name__ == "__main__":
    support.main()
