"""omcache.Client against memcached, over each protocol."""

import copy
import logging
import os
import pickle
import signal
import threading
import time
import unittest

import omcache
import support
from omcache import errors
from omcache._omcache import ffi, lib

MANY = 1000


class Commands:
    """What works over every protocol; subclasses choose one."""

    protocol = ""

    def setUp(self):
        super().setUp()
        self.mc = omcache.Client(self.addresses, protocol=self.protocol, timeout=5)
        self.addCleanup(self.mc.close)

    def test_set_and_get(self):
        self.assertIsNone(self.mc.set("k", b"value", flags=7))
        self.assertEqual(self.mc.get("k"), b"value")
        self.assertEqual(self.mc.get(b"k"), b"value")
        item = self.mc.gets("k")
        self.assertEqual(item[:2], (b"value", 7))
        self.assertGreater(item.cas, 0)
        self.assertEqual(type(self.mc.get("k")), bytes)

    def test_misses(self):
        self.assertIsNone(self.mc.get("none"))
        self.assertEqual(self.mc.get("none", b"other"), b"other")
        self.assertIsNone(self.mc.gets("none"))
        self.assertIsNone(self.mc.gat("none", 10))
        self.assertEqual(self.mc.get_multi(["none", "never"]), {})
        self.assertEqual(self.mc.get_multi([]), {})
        for method in (self.mc.delete, self.mc.increment, self.mc.decrement):
            with self.assertRaises(omcache.NotFoundError) as caught:
                method("none")
            self.assertEqual(caught.exception.code, lib.OMCACHE_NOT_FOUND)
            self.assertEqual(caught.exception.key, "none")
        self.assertRaises(LookupError, self.mc.touch, "none", 5)

    def test_empty_and_large_values(self):
        self.mc.set("empty", b"")
        self.assertEqual(self.mc.get("empty"), b"")
        large = os.urandom(900_000)
        self.mc.set("large", bytearray(large))
        self.assertEqual(self.mc.get("large"), large)
        self.assertEqual(
            self.mc.get_multi(["empty", "none", "large"]), {"empty": b"", "large": large}
        )
        with self.assertRaises(omcache.TooLargeValueError):
            self.mc.set("larger", b"x" * 2_000_000)

    def test_conditions(self):
        self.assertRaises(omcache.NotFoundError, self.mc.replace, "k", b"")
        self.assertRaises(omcache.NotStoredError, self.mc.append, "k", b"")
        self.assertRaises(omcache.NotStoredError, self.mc.prepend, "k", b"")
        self.mc.add("k", b"b", flags=1)
        self.assertRaises(omcache.KeyExistsError, self.mc.add, "k", b"")
        self.mc.append("k", b"c")
        self.mc.prepend("k", memoryview(b"a"))
        item = self.mc.gets("k")
        self.assertEqual(item[:2], (b"abc", 1))
        self.mc.set("k", b"new", cas=item.cas)
        self.assertRaises(omcache.KeyExistsError, self.mc.set, "k", b"newer", cas=item.cas)
        self.mc.replace("k", b"replaced")
        self.assertEqual(self.mc.get("k"), b"replaced")
        self.mc.delete("k")
        self.assertRaises(omcache.NotFoundError, self.mc.set, "k", b"", cas=item.cas)

    def test_expirations(self):
        self.mc.set("a", b"1", 1)
        self.mc.set("b", b"2", 1)
        self.mc.set("c", b"3", 100)
        self.mc.touch("a", 100)
        self.assertEqual(self.mc.gat("b", 100).value, b"2")
        self.mc.set("d", b"4", 1)
        self.assertEqual(self.mc.touch_multi(["c", "none"], 1), ["c"])
        self.assertEqual(set(self.mc.gat_multi(["a", "none", "b"], 100)), {"a", "b"})
        deadline = time.monotonic() + 10
        while self.mc.get_multi(["c", "d"]) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(set(self.mc.get_multi(["a", "b", "c", "d"])), {"a", "b"})

    def test_counters(self):
        self.assertEqual(self.mc.increment("n", initial=5, expiration=60), 5)
        self.assertEqual(self.mc.increment("n", 10), 15)
        self.assertEqual(self.mc.decrement("n", 3), 12)
        self.assertEqual(self.mc.decrement("n", 100), 0)
        self.mc.set("max", b"%d" % (2**64 - 1))
        self.assertEqual(self.mc.increment("max", 2), 1)
        self.mc.set("word", b"word")
        self.assertRaises(omcache.DeltaBadValueError, self.mc.increment, "word")
        self.assertEqual(self.mc.increment_multi(["n", "none"], 2), {"n": 2})
        self.assertEqual(self.mc.increment_multi(["n", "m"], initial=9), {"n": 3, "m": 9})
        self.assertRaises(OverflowError, self.mc.increment, "n", -1)

    def test_many(self):
        items = {"key:%d" % i: b"value %d" % i * (i % 7) for i in range(MANY)}
        self.mc.set_multi(items, flags={"key:5": 55})
        self.assertEqual(self.mc.get_multi(items), items)
        self.assertEqual(self.mc.get_multi(list(items) + ["none"]), items)
        self.assertEqual(self.mc.get_multi(iter(items)), items)
        self.assertEqual(self.mc.gets_multi(["key:5", "key:6"])["key:5"].flags, 55)
        asked = ["key:%d" % i for i in range(0, 2 * MANY, 2)]
        self.assertEqual(self.mc.delete_multi(asked), asked[: MANY // 2])
        self.assertEqual(len(self.mc.get_multi(items)), MANY // 2)
        with self.assertRaises(omcache.KeyExistsError) as caught:
            self.mc.add_multi({"key:0": b"", "key:1": b"", "key:3": b""})
        self.assertEqual(set(caught.exception.failed), {"key:1", "key:3"})
        self.assertEqual(self.mc.get("key:0"), b"")

    def test_keys_of_both_kinds(self):
        self.mc.set_multi({"text": b"1", b"bytes": b"2", "caf\u00e9": b"3"})
        keys = ["text", b"bytes", "caf\u00e9", "text"]
        self.assertEqual(
            self.mc.get_multi(keys), {"text": b"1", b"bytes": b"2", "caf\u00e9": b"3"}
        )
        self.assertEqual(self.mc.get("caf\u00e9".encode()), b"3")
        self.assertEqual(self.mc.get_multi(["caf\u00e9"]), {"caf\u00e9": b"3"})

    def test_more_than_the_send_buffer(self):
        mc = omcache.Client(
            self.addresses, protocol=self.protocol, timeout=20, send_buffer_max_size=300_000
        )
        items = {"key:%d" % i: os.urandom(100_000) for i in range(50)}
        mc.set_multi(items)
        self.assertEqual(mc.get_multi(items), items)
        with self.assertRaises(omcache.BufferFullError) as caught:
            mc.set_multi({"small": b"1", "large": bytes(400_000)})
        self.assertEqual(set(caught.exception.failed), {"large"})
        self.assertEqual(mc.get("small"), b"1")
        mc.close()

    def test_servers(self):
        self.mc.noop()
        self.assertEqual(len(self.mc.servers()), len(self.addresses))
        self.assertEqual(sorted(s.host for s in self.mc.servers()), sorted(self.addresses))
        self.assertRegex(self.mc.version(0), r"^\d+\.\d+")
        self.assertRaises(omcache.NoServersError, self.mc.noop, 99)
        self.assertRaises(ValueError, self.mc.version, 99)
        where = {self.mc.server_for_key("key:%d" % i) for i in range(100)}
        self.assertEqual(where, set(range(len(self.addresses))))
        self.assertNotEqual(self.mc.server_protocol(0), "auto")
        if self.protocol != "auto":
            self.assertEqual(self.mc.server_protocol(0), self.protocol)
        self.assertEqual(self.mc.server_counters(0)["state"], "ready")
        self.assertGreater(self.mc.server_counters(0)["replies"], 0)
        self.assertRaises(omcache.NoServersError, self.mc.server_counters, 99)

    def test_statistics(self):
        stat = self.mc.stat()
        self.assertIs(iter(stat), stat)
        pid = dict(stat)["pid"]
        self.assertIn(int(pid), [server.process.pid for server in self.memcached])
        self.assertIn("maxbytes", dict(self.mc.stat("settings")))
        pids = {int(stats["pid"]) for _, stats in self.mc.stats()}
        self.assertEqual(pids, {server.process.pid for server in self.memcached})

    def test_flush_all(self):
        self.mc.set_multi({"a": b"1", "b": b"2", "c": b"3"})
        self.mc.flush_all()
        self.assertEqual(self.mc.get_multi(["a", "b", "c"]), {})

    def test_not_waiting(self):
        self.mc.set("k", b"1")
        self.mc.set("k", b"2", timeout=0)
        self.mc.append("k", b"3", timeout=0)
        self.assertEqual(self.mc.get("k"), b"23")
        self.assertRaises(omcache.BufferedError, self.mc.get, "k", timeout=0)
        self.assertRaises(ValueError, self.mc.get_multi, ["k"], timeout=0)

    def test_prefix(self):
        mc = omcache.Client(self.addresses, protocol=self.protocol, prefix="pre:", timeout=5)
        mc.set_multi({"a": b"1", "b": b"2"})
        self.assertEqual(mc.get_multi(["a", "b"]), {"a": b"1", "b": b"2"})
        answers = [server.ask(b"get pre:a\r\n") for server in self.memcached]
        self.assertIn(b"VALUE pre:a 0 1\r\n1\r\nEND\r\n", answers)
        self.assertRaises(ValueError, mc.set, "x" * 247, b"")
        mc.close()


class Auto(Commands, support.TestCase):
    protocol = "auto"
    SERVERS = 3


class Meta(Commands, support.TestCase):
    protocol = "meta"

    def test_keys_of_any_bytes(self):
        keys = [b"\x00\xff\n ", "line\nend", "blank blank", "plain"]
        self.mc.set_multi({key: b"1" for key in keys})
        self.assertEqual(self.mc.get_multi(keys), {key: b"1" for key in keys})
        self.assertEqual(self.mc.get_multi(["line\nend", "a"]), {"line\nend": b"1"})
        self.assertEqual(self.mc.get_multi(["line", "end", "a\nb"]), {})

    def test_options(self):
        won = self.mc.meta_get("k", vivify=30, want=["value", "cas", "ttl"])
        self.assertTrue(won.won)
        self.assertEqual((won.value, won.ttl), (b"", 30))
        self.assertTrue(self.mc.meta_get("k").already_won)
        cas = self.mc.meta_set("k", b"made", 60, flags=3, cas=won.cas)
        item = self.mc.meta_get("k", want=["value", "flags", "cas", "was_hit", "size"])
        self.assertEqual(item[:3], (b"made", 3, cas))
        self.assertEqual((item.size, item.ttl, item.was_hit), (4, None, False))
        self.assertIsNone(self.mc.meta_get("k", want=[]).value)
        self.mc.meta_delete("k", invalidate=True, ttl=30)
        stale = self.mc.meta_get("k")
        self.assertTrue(stale.stale and stale.won)
        self.assertRaises(omcache.KeyExistsError, self.mc.meta_delete, "k", cas=1)
        self.mc.meta_delete("k")
        self.assertIsNone(self.mc.meta_get("k"))
        self.assertRaises(omcache.NotFoundError, self.mc.meta_delete, "k")
        cas = self.mc.meta_set("k", b"value")
        again = self.mc.meta_get("k", cas=cas)
        self.assertEqual(again.value, None if again.unchanged else b"value")
        self.assertFalse(self.mc.meta_get("k", cas=cas + 1).unchanged)
        self.assertEqual(self.mc.meta_debug("k")["cas"], str(cas))
        self.assertIsNone(self.mc.meta_debug("none"))
        self.assertEqual(self.mc.meta_arithmetic("n", vivify=0, initial=7)[0], 7)
        self.assertEqual(self.mc.meta_arithmetic("n", 2, mode="decrement")[0], 5)
        self.assertRaises(ValueError, self.mc.meta_set, "k", b"", mode="sideways")
        self.assertRaises(ValueError, self.mc.meta_get, "k", want=["everything"])
        self.assertRaises(omcache.NotStoredError, self.mc.meta_set, "none", b"", mode="append")


class Text(Commands, support.TestCase):
    protocol = "text"

    def test_refused_keys(self):
        self.mc.noop()
        before = self.memcached[0].ask(b"stats\r\n")
        for key in ("a b", "a\nb", "a\r\nflush_all", "\x00", "\x7f"):
            self.assertRaises(ValueError, self.mc.get, key)
            self.assertRaises(ValueError, self.mc.set, key, b"")
            self.assertRaises(ValueError, self.mc.get_multi, ["good", key])
            self.assertRaises(ValueError, self.mc.set_multi, {"good": b"", key: b"", "more": b""})
            self.assertRaises(ValueError, self.mc.delete_multi, ["good", b"bytes", key])
        self.assertRaises(omcache.InvalidError, self.mc.meta_get, "k")
        after = self.memcached[0].ask(b"stats\r\n")
        for name in (b"cmd_get", b"cmd_set", b"cmd_flush"):
            line = [x for x in before.split(b"\r\n") if name + b" " in x]
            self.assertEqual(line, [x for x in after.split(b"\r\n") if name + b" " in x])


class Binary(Commands, support.TestCase):
    protocol = "binary"
    OPTIONS = ("-B", "binary")

    def setUp(self):
        unittest.TestCase.setUp(self)
        self.mc = omcache.Client(self.addresses, protocol="binary", timeout=5)
        self.addCleanup(self.mc.close)
        self.mc.flush_all()

    test_prefix = None  # it asks over text


class Arguments(unittest.TestCase):
    """Bad input is refused before anything is sent: not even a connection is made."""

    def setUp(self):
        self.listener = support.Listener()
        self.mc = omcache.Client(self.listener.address, timeout=0.05)
        self.addCleanup(self.listener.stop)
        self.addCleanup(self.mc.close)

    def tearDown(self):
        self.assertEqual(self.mc.server_counters(0)["requests"], 0)
        self.assertEqual(self.listener.connections, 0)

    def each_method(self, key):
        return {
            "get": lambda: self.mc.get(key),
            "gets": lambda: self.mc.gets(key),
            "gat": lambda: self.mc.gat(key, 1),
            "get_multi": lambda: self.mc.get_multi(["good", key]),
            "set": lambda: self.mc.set(key, b""),
            "add": lambda: self.mc.add(key, b""),
            "replace": lambda: self.mc.replace(key, b""),
            "append": lambda: self.mc.append(key, b""),
            "prepend": lambda: self.mc.prepend(key, b""),
            "set_multi": lambda: self.mc.set_multi({"good": b"", key: b""}),
            "delete": lambda: self.mc.delete(key),
            "delete_multi": lambda: self.mc.delete_multi(["good", key]),
            "touch": lambda: self.mc.touch(key, 1),
            "increment": lambda: self.mc.increment(key),
            "decrement": lambda: self.mc.decrement(key),
            "increment_multi": lambda: self.mc.increment_multi([key]),
            "meta_get": lambda: self.mc.meta_get(key),
            "meta_set": lambda: self.mc.meta_set(key, b""),
            "meta_delete": lambda: self.mc.meta_delete(key),
            "meta_arithmetic": lambda: self.mc.meta_arithmetic(key),
            "meta_debug": lambda: self.mc.meta_debug(key),
            "server_for_key": lambda: self.mc.server_for_key(key),
        }

    def test_types_of_keys(self):
        for key in (None, 5, 1.5, ("a",), object()):
            for name, call in self.each_method(key).items():
                with self.subTest(name, key=key):
                    self.assertRaises(TypeError, call)

    def test_lengths_of_keys(self):
        for key in ("", b"", "x" * 251, b"x" * 251, "\u20ac" * 84, "\ud800"):
            for name, call in self.each_method(key).items():
                with self.subTest(name, key=key):
                    self.assertRaises(ValueError, call)

    def test_values(self):
        for value in ("text", 5, None, ["a"]):
            self.assertRaises(TypeError, self.mc.set, "k", value)
            self.assertRaises(TypeError, self.mc.append, "k", value)
            self.assertRaises(TypeError, self.mc.set_multi, {"k": value})
            self.assertRaises(TypeError, self.mc.meta_set, "k", value)
        self.assertRaises(OverflowError, self.mc.set, "k", b"", flags=2**32)
        self.assertRaises(OverflowError, self.mc.set_multi, {"k": b""}, flags=2**32)

    def test_one_key_for_several(self):
        self.assertRaises(TypeError, self.mc.get_multi, "keys")
        self.assertRaises(TypeError, self.mc.delete_multi, b"keys")

    def test_timeouts(self):
        for timeout in (-1, -0.001, float("nan")):
            self.assertRaises(ValueError, self.mc.get, "k", timeout=timeout)
        self.assertRaises(TypeError, self.mc.get, "k", timeout="soon")
        self.assertRaises(ValueError, omcache.Client, timeout=-1)

    def test_settings(self):
        for settings in (
            {"protocol": "udp"},
            {"distribution": "none"},
            {"hash": "none"},
            {"failover": "sometimes"},
            {"hash_tag": "abc"},
            {"prefix": b"x" * 250},
            {"servers": "[::1"},
            {"servers": ["a\0b"]},
        ):
            with self.subTest(**settings):
                self.assertRaises(ValueError, omcache.Client, **settings)
        self.assertRaises(TypeError, omcache.Client, nonsense=1)

    def test_closed(self):
        mc = omcache.Client(self.listener.address)
        with mc as entered:
            self.assertIs(mc, entered)
        mc.close()
        for call in (
            lambda: mc.get("k"),
            lambda: mc.set("k", b""),
            lambda: mc.get_multi(["k"]),
            lambda: mc.stat(),
            lambda: mc.meta_get("k"),
            lambda: mc.noop(0),
            lambda: mc.version(),
            lambda: mc.server_for_key("k"),
        ):
            self.assertRaises(ValueError, call)


class Errors(unittest.TestCase):
    def test_a_class_for_each_code(self):
        codes = ffi.typeof("omcache_ret_t").elements
        self.assertEqual(set(codes) - set(errors.BY_CODE), {lib.OMCACHE_OK})
        self.assertEqual(set(errors.BY_CODE) - set(codes), set())
        for code, kind in errors.BY_CODE.items():
            words = codes[code].split("_")[1:]
            name = "".join(word.title() for word in words) + "Error"
            self.assertEqual(kind.__name__.replace("TimedOut", "Timeout"), name)
            self.assertIs(getattr(omcache, kind.__name__), kind)
            error = errors.error_for(code, "key", b"words")
            self.assertIsInstance(error, omcache.Error)
            self.assertEqual(error.code, code)
            self.assertIn("words", str(error))

    def test_what_comes_back_can_be_copied(self):
        error = errors.error_for(lib.OMCACHE_NOT_FOUND, "key", b"words")
        error.values = {"k": omcache.Item(b"1", 2, 3)}
        for other in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
            self.assertEqual(type(other), omcache.NotFoundError)
            self.assertEqual((str(other), vars(other)), (str(error), vars(error)))


class Failures(support.TestCase):
    SERVERS = 2

    def client(self, **settings):
        mc = omcache.Client(self.addresses, **settings)
        self.addCleanup(mc.close)
        return mc

    def tearDown(self):
        for server in self.memcached:
            server.go_on()
            if server.process.poll() is not None:
                server.start()

    def split(self, mc, index):
        """Keys of the server with that address, and of the other."""
        hosts = [server.host for server in mc.servers()]
        keys = ["key:%d" % i for i in range(40)]
        on = [k for k in keys if hosts[mc.server_for_key(k)] == self.addresses[index]]
        return on, [k for k in keys if k not in on]

    def test_timeouts(self):
        mc = self.client()
        on, off = self.split(mc, 0)
        mc.set_multi({k: b"1" for k in on + off})
        self.memcached[0].pause()
        begun = time.monotonic()
        self.assertRaises(omcache.AgainError, mc.get, on[0], timeout=0.1)
        self.assertRaises(TimeoutError, mc.set, on[0], b"2", timeout=0.1)
        with self.assertRaises(TimeoutError) as caught:
            mc.get_multi(on + off, timeout=0.1)
        self.assertEqual(set(caught.exception.failed), set(on))
        self.assertEqual(caught.exception.values, {k: b"1" for k in off})
        with self.assertRaises(TimeoutError) as caught:
            mc.set_multi({k: b"2" for k in on + off}, timeout=0.1)
        self.assertEqual(set(caught.exception.failed), set(on))
        self.assertRaises(TimeoutError, mc.meta_get, on[0], timeout=0.1)
        self.assertRaises(TimeoutError, lambda: mc.stat(index=mc.server_for_key(on[0]), timeout=0.1))
        self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(mc.get_multi(off), {k: b"2" for k in off})
        self.memcached[0].go_on()
        self.assertEqual(mc.get_multi(on + off), {k: b"2" for k in on + off})

    def test_dead_timeout(self):
        mc = self.client(dead_timeout=0.2, failover="none")
        on, off = self.split(mc, 0)
        mc.noop()
        self.memcached[0].pause()
        self.assertRaises(ConnectionError, mc.get, on[0])
        with self.assertRaises(ConnectionError) as caught:
            mc.get_multi(on + off)
        self.assertEqual(set(caught.exception.failed), set(on))

    def test_failover(self):
        mc = self.client(timeout=5)
        on, off = self.split(mc, 1)
        mc.noop()
        self.memcached[1].kill()
        for _ in range(3):
            try:
                mc.set_multi({k: b"moved" for k in on})
                break
            except ConnectionError:
                pass
        self.assertEqual(mc.get_multi(on), {k: b"moved" for k in on})

    def test_signals_while_waiting(self):
        class Alarm(Exception):
            pass

        def ring(number, frame):
            raise Alarm

        mc = self.client()
        on, off = self.split(mc, 0)
        mc.noop()
        self.memcached[0].pause()
        before = signal.signal(signal.SIGALRM, ring)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        self.assertRaises(Alarm, mc.get_multi, on + off, timeout=20)
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        self.assertRaises(TimeoutError, mc.get_multi, on, timeout=0.3)
        self.memcached[0].go_on()
        mc.set("after", b"1", timeout=5)
        self.assertEqual(mc.get_multi(["after"], timeout=5), {"after": b"1"})

    def test_signal_handlers_have_no_turn(self):
        """They run in the middle of a call, which would take the answers of theirs for its own."""
        mc = self.client(timeout=5)
        mc.set_multi({"one": b"1", "two": b"2"})
        refused = []

        def ring(number, frame):
            for call in (
                lambda: mc.get("two"),
                lambda: mc.gets("two"),
                lambda: mc.get_multi(["two"]),
                lambda: mc.set_multi({"two": b"3"}),
                lambda: dict(mc.stat()),
                lambda: mc.set_servers(self.addresses[0]),
                mc.disconnect,
                mc.close,
            ):
                with self.assertRaises(RuntimeError):
                    call()
            self.assertTrue(mc.server_counters(0))
            refused.append(True)

        before = signal.signal(signal.SIGALRM, ring)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        for call, result in (
            (lambda: mc.get("one"), b"1"),
            (lambda: mc.gets("one").value, b"1"),
            (lambda: mc.get_multi(["one"]), {"one": b"1"}),
            (lambda: mc.delete_multi(["two"]), ["two"]),
        ):
            refused.clear()
            for server in self.memcached:
                server.pause()
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            going_on = threading.Timer(0.15, lambda: [s.go_on() for s in self.memcached])
            going_on.start()
            self.assertEqual(call(), result)
            going_on.join()
            self.assertTrue(refused)

    def test_odd_version(self):
        odd = support.OddVersions()
        self.addCleanup(odd.stop)
        with omcache.Client(odd.address, protocol="text", timeout=5) as mc:
            mc.get("a")
            mc.version()
            self.assertEqual(mc.version(), "\ufffd\ufffd")

    def test_keys_that_use_the_client(self):
        mc = self.client(timeout=5)
        mc.set_multi({"a": b"1", "b": b"2"})
        self.assertEqual(mc.get_multi(k for k in "abc" if mc.get(k)), {"a": b"1", "b": b"2"})

    def test_log(self):
        with self.assertLogs("omcache-test", "DEBUG") as logs:
            mc = self.client(log=logging.getLogger("omcache-test"))
            mc.noop()
            self.assertTrue(any(self.addresses[0] in line for line in logs.output), logs.output)
            mc.configure(log=None)
            before = len(logs.output)
            mc.disconnect()
            mc.noop()
            self.assertEqual(len(logs.output), before)

    def test_no_memory_for_an_outcome(self):
        mc = self.client(timeout=5)
        for call in (lambda: mc.get_multi(["k"]), lambda: mc.delete_multi(["k"]), mc.version):
            mc._gather.c.lost = 1
            self.assertRaises(MemoryError, call)
            call()

    def test_settings_changed_later(self):
        mc = self.client(timeout=5, prefix="a:")
        mc.set("k", b"1")
        mc.configure(prefix="b:")
        self.assertIsNone(mc.get("k"))
        self.assertRaises(ValueError, mc.configure, distribution="none")
        self.assertRaises(TypeError, mc.configure, nonsense=1)
        mc.configure(prefix="a:", distribution="ketama-weighted")
        mc.disconnect()
        mc.set("k", b"2")
        self.assertEqual(mc.get("k"), b"2")
        mc.set_servers(self.addresses[:1])
        mc.configure(prefix="c:")
        self.assertEqual([server.host for server in mc.servers()], self.addresses[:1])


class Concurrency(support.TestCase):
    def test_others_run_while_one_waits(self):
        mc = omcache.Client(self.addresses)
        mc.noop()
        self.memcached[0].pause()
        for wait in (lambda: mc.get("k", timeout=1), lambda: mc.get_multi(["k"], timeout=1)):
            outcome = []

            def run():
                try:
                    wait()
                except TimeoutError as error:
                    outcome.append(error)

            waiter = threading.Thread(target=run)
            waiter.start()
            turns = 0
            while waiter.is_alive():
                turns += 1
                time.sleep(0.01)
            self.assertEqual(len(outcome), 1)
            self.assertGreater(turns, 10)
        self.memcached[0].go_on()
        mc.close()

    def test_threads_share_a_client(self):
        mc = omcache.Client(self.addresses, timeout=10)
        wrong = []

        def work(name):
            for i in range(200):
                key = "%s:%d" % (name, i % 10)
                mc.set(key, key.encode())
                if mc.get(key) != key.encode() or mc.get_multi([key]) != {key: key.encode()}:
                    wrong.append(key)

        threads = [threading.Thread(target=work, args=(n,)) for n in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        mc.close()

    def test_a_client_is_not_copied(self):
        mc = omcache.Client(self.addresses, timeout=5)
        mc.set("k", b"1")
        self.assert_is_not_copied(mc, "a Client cannot be copied or pickled: make another one")
        self.assert_is_not_copied(mc._gather, "a Gather cannot be copied or pickled")
        self.assertEqual(mc.get("k"), b"1")
        self.assertEqual(mc.get_multi(["k"]), {"k": b"1"})
        mc.close()

    def test_a_subclass_may_say_how_it_is_copied(self):
        class Copied(omcache.Client):
            def __reduce__(self):
                return Copied, (self._settings["servers"],)

        mc = Copied(self.addresses)
        mc.set("k", b"1")
        other = copy.copy(mc)
        mc.close()
        self.assertEqual(other.get("k"), b"1")
        other.close()

    def test_fork(self):
        mc = omcache.Client(self.addresses, timeout=5, prefix="f:")
        mc.set("k", b"parent")
        child = os.fork()
        if child == 0:
            try:
                fine = mc.get("k") == b"parent"
                for _ in range(100):
                    mc.set("k", b"child")
                os._exit(0 if fine and mc.server_counters(0)["connects"] == 1 else 1)
            finally:
                os._exit(2)
        for i in range(100):
            mc.set("other", b"%d" % i)
            self.assertEqual(mc.get("other"), b"%d" % i)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(mc.get("k"), b"child")
        self.assertEqual(mc.server_counters(0)["connects"], 1)
        mc.close()


if __name__ == "__main__":
    support.main()
