"""Values that one reader makes: Client.fetch and cached, and those of aio."""

import asyncio
import json
import os
import threading
import time

import omcache
import omcache.aio
import support

READERS = 20


def to_json(value):
    return json.dumps(value).encode()


class Fetch(support.TestCase):
    PROTOCOLS = ("meta", "text", "binary")

    def client(self, protocol="meta"):
        mc = omcache.Client(self.addresses, protocol=protocol, timeout=5)
        self.addCleanup(mc.close)
        return mc

    def test_what_is_missing_is_made(self):
        for protocol in self.PROTOCOLS:
            with self.subTest(protocol=protocol):
                mc, made = self.client(protocol), []
                key = "made-" + protocol
                for _ in range(3):
                    value = mc.fetch(key, lambda: made.append(1) or b"value", ttl=60)
                    self.assertEqual(value, b"value")
                self.assertEqual(len(made), 1)
                self.assertEqual(mc.get(key), b"value")
                view = memoryview(b"view")
                self.assertEqual(mc.fetch("view-" + protocol, lambda: view, ttl=60), b"view")

    def readers(self, fetch):
        """Many threads that fetch at once; what they got."""
        found = []

        def read():
            try:
                found.append(fetch())
            except Exception as error:
                found.append(error)

        threads = [threading.Thread(target=read) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def test_one_of_many_threads_makes_it(self):
        for protocol in self.PROTOCOLS:
            with self.subTest(protocol=protocol):
                mc, made = self.client(protocol), []

                def make():
                    made.append(1)
                    time.sleep(0.1)
                    return b"value"

                found = self.readers(lambda: mc.fetch("threads-" + protocol, make, ttl=60))
                self.assertEqual(found, [b"value"] * READERS)
                self.assertEqual(len(made), 1)

    def test_who_cannot_make_it_leaves_it_to_the_next(self):
        for protocol in self.PROTOCOLS:
            with self.subTest(protocol=protocol):
                mc, made = self.client(protocol), []

                def make():
                    made.append(1)
                    if len(made) == 1:
                        raise KeyError("it")
                    return b"value"

                with self.assertRaises(KeyError):
                    mc.fetch("fails-" + protocol, make, ttl=60)
                begun = time.monotonic()
                self.assertEqual(mc.fetch("fails-" + protocol, make, ttl=60), b"value")
                self.assertLess(time.monotonic() - begun, 2)
                self.assertRaises(TypeError, mc.fetch, "odd-" + protocol, lambda: 7, ttl=60)

    def test_nobody_waits_for_longer(self):
        mc, other = self.client(), self.client()
        self.assertTrue(other.meta_get("slow", vivify=30).won)
        begun = time.monotonic()
        self.assertRaises(TimeoutError, mc.fetch, "slow", bytes, ttl=60, wait=0.2)
        self.assertGreaterEqual(time.monotonic() - begun, 0.19)
        self.assertLess(time.monotonic() - begun, 2)
        self.assertRaises(TimeoutError, mc.fetch, "slow", bytes, ttl=60, wait=0)

    def test_an_old_value_will_do(self):
        mc = self.client()
        self.assertEqual(mc.fetch("old", lambda: b"old", ttl=60, stale=60), b"old")
        self.assertTrue(mc.invalidate("old", stale=60))
        self.assertFalse(mc.invalidate("none", stale=60))

        def make():
            self.assertEqual(mc.fetch("old", bytes, ttl=60, stale=60), b"old")
            return b"new"

        self.assertEqual(mc.fetch("old", make, ttl=60, stale=60), b"new")
        self.assertEqual(mc.get("old"), b"new")

    def test_what_was_invalidated_meanwhile_is_not_stored(self):
        mc = self.client()

        def make():
            mc.delete("gone")
            return b"outdated"

        self.assertEqual(mc.fetch("gone", make, ttl=60), b"outdated")
        self.assertIsNone(mc.get("gone"))

    def test_functions_are_cached(self):
        mc, calls = self.client(), []

        @mc.cached(ttl=60)
        def greet(name, *, mark="!"):
            calls.append(name)
            return ("hello " + name + mark).encode()

        @mc.cached(ttl=60, key=lambda a, b: f"sum-{a}-{b}", dumps=to_json, loads=json.loads)
        def add(a, b):
            calls.append((a, b))
            return {"sum": a + b}

        for _ in range(2):
            self.assertEqual(greet("you"), b"hello you!")
            self.assertEqual(greet("you", mark="?"), b"hello you?")
            self.assertEqual(greet("x" * 300), b"hello " + b"x" * 300 + b"!")
            self.assertEqual(greet("a b\n\u00e4"), "hello a b\n\u00e4!".encode())
            self.assertEqual(add(1, 2), {"sum": 3})
        self.assertEqual(len(calls), 5)
        self.assertEqual(greet.__name__, "greet")
        self.assertEqual(json.loads(mc.get("sum-1-2")), {"sum": 3})

    def test_what_cannot_be_stored_is_returned(self):
        for protocol in self.PROTOCOLS:
            with self.subTest(protocol=protocol):
                mc, large = self.client(protocol), bytes(2_000_000)
                key = "large-" + protocol
                self.assertEqual(mc.fetch(key, lambda: large, ttl=60), large)
                self.assertEqual(mc.fetch(key, lambda: b"small", ttl=60, wait=1), b"small")
                self.assertTrue(mc.invalidate(key))
                self.assertEqual(mc.fetch(key, lambda: b"new", ttl=60, wait=1), b"new")

    def test_keys_differ(self):
        mc = self.client()
        for number, name in enumerate(("a" * 150 + "x", "a" * 150 + "y", "a b", "\u00e4")):
            @mc.cached(ttl=60, key=name)
            def find(text, number=number):
                return b"%d" % number

            self.assertEqual(find("z" * 100), b"%d" % number)
            self.assertEqual(find("z" * 100), b"%d" % number)

    def test_arguments_are_checked(self):
        mc = self.client()
        self.assertRaises(omcache.InvalidError, mc.fetch, "k", bytes, ttl=0)
        self.assertRaises(omcache.InvalidError, mc.fetch, "k", bytes, ttl=1, stale=-1)
        self.assertRaises(TypeError, mc.fetch, 7, bytes, ttl=1)
        mc.close()
        self.assertRaises(ValueError, mc.fetch, "k", bytes, ttl=1)


class AioFetch(support.TestCase):
    def run_with(self, script):
        async def run():
            async with omcache.aio.Client(self.addresses, protocol="meta", timeout=5) as mc:
                await script(mc)

        asyncio.run(run())

    def test_one_of_many_tasks_makes_it(self):
        made = []

        async def make():
            made.append(1)
            await asyncio.sleep(0.1)
            return b"value"

        async def script(mc):
            found = await asyncio.gather(*(mc.fetch("k", make, ttl=60) for _ in range(READERS)))
            self.assertEqual(found, [b"value"] * READERS)
            self.assertEqual(await mc.fetch("plain", lambda: b"plain", ttl=60), b"plain")

        self.run_with(script)
        self.assertEqual(len(made), 1)

    def test_who_cannot_make_it_leaves_it_to_the_next(self):
        async def fail():
            raise KeyError("it")

        async def script(mc):
            with self.assertRaises(KeyError):
                await mc.fetch("fails", fail, ttl=60)
            self.assertEqual(await mc.fetch("fails", lambda: b"value", ttl=60, wait=1), b"value")
            task = asyncio.ensure_future(mc.fetch("ends", lambda: asyncio.sleep(10), ttl=60))
            await asyncio.sleep(0.1)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual(await mc.fetch("ends", lambda: b"value", ttl=60, wait=1), b"value")
            self.assertTrue(await mc.invalidate("ends"))
            self.assertFalse(await mc.invalidate("ends"))

        self.run_with(script)

    def test_who_is_cancelled_does_not_keep_the_others_waiting(self):
        async def script(mc):
            won = await mc.meta_get("k", vivify=30)
            task = asyncio.ensure_future(mc.fetch("k", lambda: b"value", ttl=60))
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.sleep(0)
            await mc.meta_delete("k", cas=won.cas)
            await asyncio.sleep(0.3)  # it wins now, without anybody there
            self.assertEqual(await mc.fetch("k", lambda: b"other", ttl=60, wait=1), b"other")

        self.run_with(script)

    def test_nobody_waits_for_longer(self):
        async def script(mc):
            self.assertTrue((await mc.meta_get("slow", vivify=30)).won)
            begun = time.monotonic()
            with self.assertRaises(TimeoutError):
                await mc.fetch("slow", bytes, ttl=60, wait=0.2)
            self.assertGreaterEqual(time.monotonic() - begun, 0.19)
            with self.assertRaises(omcache.InvalidError):
                await mc.fetch("slow", bytes, ttl=0)

        self.run_with(script)

    def test_functions_are_cached(self):
        calls = []

        async def script(mc):
            @mc.cached(ttl=60, key="double", dumps=to_json, loads=json.loads)
            async def double(number):
                calls.append(number)
                return 2 * number

            for _ in range(2):
                self.assertEqual(await double(4), 8)
            self.assertEqual(await mc.get("double(4)"), b"8")

        self.run_with(script)
        self.assertEqual(calls, [4])


class Hot(support.TestCase):
    """Values that are kept in the process."""

    LARGE = b"x" * 50000

    def open(self, **how):
        server = support.Sparing(**how)
        self.addCleanup(server.stop)
        mc = omcache.Client(server.address, protocol="meta", timeout=5)
        self.addCleanup(mc.close)
        return server, mc

    def test_what_is_read_often_is_sent_once(self):
        server, mc = self.open()
        hot = omcache.HotValues(1 << 20)
        self.assertEqual(mc.fetch("page", lambda: self.LARGE, ttl=60, hot=hot), self.LARGE)
        for _ in range(10):
            self.assertEqual(mc.fetch("page", bytes, ttl=60, hot=hot), self.LARGE)
        self.assertEqual(server.sent, len(self.LARGE))
        self.assertEqual((hot.spared, hot.spared_bytes), (9, 9 * len(self.LARGE)))
        self.assertEqual((len(hot), hot.bytes), (1, len(self.LARGE) + 4))
        hot.clear()
        self.assertEqual((len(hot), hot.bytes), (0, 0))
        self.assertEqual(mc.fetch("page", bytes, ttl=60, hot=hot), self.LARGE)
        self.assertEqual(server.sent, 2 * len(self.LARGE))

    def test_another_value_is_seen_at_once(self):
        server, mc = self.open()
        hot = omcache.HotValues(1 << 20)
        mc.fetch("page", lambda: b"old", ttl=60, hot=hot)
        self.assertEqual(mc.fetch("page", bytes, ttl=60, hot=hot), b"old")
        server.items["page"] = (b"new", 7)
        self.assertEqual(mc.fetch("page", bytes, ttl=60, hot=hot), b"new")
        self.assertEqual(mc.fetch("page", bytes, ttl=60, hot=hot), b"new")
        self.assertEqual((hot.spared, len(hot)), (1, 1))

    def test_a_server_that_was_restarted_may_have_another_with_the_same_cas(self):
        server, mc = self.open()
        hot = omcache.HotValues(1 << 20)
        mc.fetch("page", lambda: b"old", ttl=60, hot=hot)
        for _ in range(3):
            self.assertEqual(mc.fetch("page", bytes, ttl=60, hot=hot), b"old")
        self.assertEqual(hot.spared, 2)
        server.items["page"] = (b"new", server.items["page"][1])
        server.hang_up()
        time.sleep(0.05)
        for _ in range(3):
            self.assertEqual(mc.fetch("page", bytes, ttl=60, hot=hot), b"new")
        self.assertEqual(hot.spared, 4)

    def test_what_is_seldom_read_is_not_kept(self):
        server, mc = self.open(was_hit=0)
        hot = omcache.HotValues(1 << 20)
        for _ in range(3):
            self.assertEqual(mc.fetch("page", lambda: b"value", ttl=60, hot=hot), b"value")
        self.assertEqual((len(hot), hot.spared, server.sent), (0, 0, 10))

    def test_a_server_without_cas_does_no_harm(self):
        _, mc = self.open(has_cas=False)
        hot = omcache.HotValues(1 << 20)
        mc.fetch("page", lambda: b"value", ttl=60, hot=hot)
        for _ in range(5):
            self.assertEqual(mc.fetch("page", bytes, ttl=60, hot=hot), b"value")
        self.assertEqual(len(hot), 0)

    def test_a_child_can_go_on_with_it(self):
        _, mc = self.open()
        hot = omcache.HotValues(1 << 20)
        with hot._lock:  # as if another thread had it
            child = os.fork()
            if child == 0:
                hot.clear()
                os._exit(7)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)

    def test_there_is_a_bound(self):
        _, mc = self.open()
        hot = omcache.HotValues(120000)
        for number in range(5):
            key = "page-%d" % number
            for _ in range(2):
                mc.fetch(key, lambda: self.LARGE, ttl=60, hot=hot)
            self.assertLessEqual(hot.bytes, 120000)
        self.assertEqual(len(hot), 2)
        for _ in range(3):  # what is larger than all takes nothing away
            mc.fetch("larger", lambda: b"y" * 120000, ttl=60, hot=hot)
        self.assertEqual(len(hot), 2)
        self.assertRaises(ValueError, omcache.HotValues, -1)

    def test_a_decorator_keeps_them(self):
        server, mc = self.open()
        hot = omcache.HotValues(1 << 20)

        @mc.cached(ttl=60, hot=hot)
        def page():
            return self.LARGE

        for _ in range(5):
            self.assertEqual(page(), self.LARGE)
        self.assertEqual(server.sent, len(self.LARGE))

    def test_asyncio_has_it_too(self):
        server, _ = self.open()
        hot = omcache.HotValues(1 << 20)

        async def run():
            async with omcache.aio.Client(server.address, protocol="meta", timeout=5) as mc:
                for _ in range(5):
                    value = await mc.fetch("page", lambda: self.LARGE, ttl=60, hot=hot)
                    self.assertEqual(value, self.LARGE)

        asyncio.run(run())
        self.assertEqual((server.sent, hot.spared), (len(self.LARGE), 3))

    def test_many_threads_share_it(self):
        server, mc = self.open()
        hot = omcache.HotValues(1 << 20)
        mc.fetch("page", lambda: self.LARGE, ttl=60, hot=hot)

        def read():
            for _ in range(50):
                self.assertEqual(mc.fetch("page", bytes, ttl=60, hot=hot), self.LARGE)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(hot), hot.bytes), (1, len(self.LARGE) + 4))
        self.assertLess(server.sent, 8 * len(self.LARGE))

    def test_real_servers_and_other_protocols_do_no_harm(self):
        for protocol in Fetch.PROTOCOLS:
            with self.subTest(protocol=protocol):
                mc = omcache.Client(self.addresses, protocol=protocol, timeout=5)
                self.addCleanup(mc.close)
                hot = omcache.HotValues(1 << 20)
                key = "hot-" + protocol
                for _ in range(4):
                    self.assertEqual(mc.fetch(key, lambda: b"value", ttl=60, hot=hot), b"value")
                mc.delete(key)
                self.assertEqual(mc.fetch(key, lambda: b"other", ttl=60, hot=hot), b"other")
                self.assertEqual(mc.fetch(key, bytes, ttl=60, hot=hot), b"other")


if __name__ == "__main__":
    support.main()
