"""omcache_pylibmc against pylibmc itself, at the same servers."""

import copy
import itertools
import os
import pickle
import queue
import sys
import threading
import unittest

import support

try:
    import pylibmc
except ImportError:
    print("pylibmc is missing")
    sys.exit(77)

import omcache_pylibmc as ours

VALUES = [
    b"bytes",
    b"",
    "text",
    "",
    "caf\u00e9 \u20ac",
    5,
    -7,
    2**31,
    2**70,
    0,
    True,
    False,
    None,
    1.5,
    [1, "two", b"three"],
    {"a": (1, 2)},
    bytearray(b"array"),
    b"long" * 200,
    "long" * 200,
    ["long" * 200],
    10**500,
    os.urandom(500),
]

MODES = [
    {},
    {"hash": "md5"},
    {"hash": "crc"},
    {"hash": "fnv1_64"},
    {"hash": "fnv1a_64"},
    {"hash": "fnv1_32"},
    {"hash": "fnv1a_32"},
    {"hash": "murmur"},
    {"hash": "jenkins"},
    {"_sort_hosts": 1},
    {"ketama": True},
    {"ketama": True, "hash": "md5"},
    {"ketama_weighted": True},
    {"ketama_weighted": True, "hash": "crc"},
    {"ketama_weighted": True, "ketama": 0},
    {"ketama": 1, "ketama_weighted": 1, "distribution": "consistent ketama spy"},
    {"distribution": "consistent"},
    {"distribution": "consistent ketama"},
    {"distribution": "consistent ketama", "hash": "fnv1a_32"},
    {"distribution": "consistent ketama spy"},
    {"distribution": "consistent ketama spy", "hash": "md5"},
    {"distribution": "consistent weighted"},
    {"distribution": "consistent weighted", "hash": "murmur"},
    {"distribution": "virtual bucket"},
    {"distribution": "modula", "ketama": True},
]


def kinds(values):
    """Values with their types, for True equals 1."""
    return [(type(value), value) for value in values]


class BothWays(support.TestCase):
    """What one writes, the other reads, and at the same servers."""

    SERVERS = 5
    PORT = True
    KEYS = 10_000
    numbers = itertools.count()

    def compare(self, addresses, behaviors, keys, **how):
        theirs = pylibmc.Client(addresses, behaviors=behaviors, **how)
        mine = ours.Client(addresses, behaviors=behaviors, **how)
        items = {"key:%d" % i: VALUES[i % len(VALUES)] for i in range(keys)}
        # Nothing that was there before may be found.
        number = next(self.numbers)
        for writer, reader in ((theirs, mine), (mine, theirs)):
            prefix = "%d%s:" % (number, writer.__class__.__module__[0])
            failed = writer.set_multi(items, key_prefix=prefix, min_compress_len=100)
            self.assertEqual(failed, [])
            mine_read = mine.get_multi(items, key_prefix=prefix)
            their_read = theirs.get_multi(list(items), key_prefix=prefix)
            self.assertEqual(kinds(map(mine_read.get, items)), kinds(map(their_read.get, items)))
            self.assertEqual(len(mine_read), keys)
            some = [prefix + key for key in items][:50]
            self.assertEqual(kinds(map(reader.get, some)), kinds(map(writer.get, some)))
        for i in range(200):
            self.assertEqual(mine.hash("key:%d" % i), theirs.hash("key:%d" % i))
        theirs.disconnect_all()
        mine.disconnect_all()

    def setUp(self):
        pass

    def test_default(self):
        self.compare(self.addresses, {}, self.KEYS)

    def test_ketama(self):
        self.compare(self.addresses, {"ketama": True}, self.KEYS)

    def test_ketama_weighted(self):
        self.compare(self.addresses, {"ketama_weighted": True}, self.KEYS)

    def test_ketama_weighted_with_weights(self):
        servers = ["%s:%d" % (a, 1 + i * 2) for i, a in enumerate(self.addresses)]
        self.compare(servers, {"ketama_weighted": True}, self.KEYS)
        self.compare(servers, {"ketama": True}, 1000)
        self.compare(servers, {}, 1000)

    def test_ketama_spy(self):
        self.compare(self.addresses, {"distribution": "consistent ketama spy"}, self.KEYS)

    def test_consistent(self):
        self.compare(self.addresses, {"distribution": "consistent"}, self.KEYS)

    def test_consistent_weighted(self):
        self.compare(self.addresses, {"distribution": "consistent weighted"}, self.KEYS)

    def test_binary(self):
        self.compare(self.addresses, {"ketama": True}, self.KEYS, binary=True)

    def test_namespace(self):
        self.compare(self.addresses, {"namespace": b"ns:", "ketama": True}, 1000)
        both = {"namespace": b"ns:", "_hash_with_prefix_key": 1}
        self.compare(self.addresses, both, 1000)

    def test_every_mode(self):
        for order in (self.addresses, self.addresses[::-1]):
            for mode in MODES:
                with self.subTest(mode=mode):
                    self.compare(order, mode, 500)

    def test_modes_set_later(self):
        theirs, mine = pylibmc.Client(self.addresses), ours.Client(self.addresses)
        for mode in [*MODES, {"ketama": 0}, {"distribution": "modula", "hash": "default"}]:
            if "hash" in mode and len(mode) == 1:
                mode = {**mode, "distribution": "modula"}
            with self.subTest(mode=mode):
                theirs.behaviors = mode
                try:
                    mine.behaviors = mode
                except ours.NotSupportedError:
                    self.fail("not supported")
                for name in ("hash", "distribution", "ketama", "ketama_weighted"):
                    self.assertEqual(mine.behaviors[name], theirs.behaviors[name], name)
                keys = ["key:%d" % i for i in range(300)]
                self.assertEqual(list(map(mine.hash, keys)), list(map(theirs.hash, keys)))

    def test_weights_count_where_there_is_a_ring_already(self):
        servers = ["%s:%d" % (a, 1 + i * 2) for i, a in enumerate(self.addresses)]
        keys = ["key:%d" % i for i in range(300)]
        for first in MODES:
            for later in ({}, {"distribution": "consistent ketama spy"}, {"ketama": 1}):
                theirs = pylibmc.Client(servers, behaviors=first)
                mine = ours.Client(servers, behaviors=first)
                theirs.behaviors, mine.behaviors = later, later
                with self.subTest(first=first, later=later):
                    self.assertEqual(list(map(mine.hash, keys)), list(map(theirs.hash, keys)))

    def test_clones(self):
        """Ours choose as what they were cloned from; pylibmc's of a weighted ring do not."""
        keys = ["key:%d" % i for i in range(300)]
        for mode in MODES:
            mine = ours.Client(self.addresses, behaviors=mode)
            with self.subTest(mode=mode):
                clone = mine.clone()
                self.assertEqual(list(map(mine.hash, keys)), list(map(clone.hash, keys)))
                self.assertEqual(mine.behaviors, clone.behaviors)
        theirs = pylibmc.Client(self.addresses, behaviors={"ketama_weighted": True}).clone()
        like_it = ours.Client(self.addresses, behaviors={"ketama": True, "hash": "md5"})
        self.assertEqual(list(map(like_it.hash, keys)), list(map(theirs.hash, keys)))

    def test_hash_after_ring(self):
        mine = ours.Client(self.addresses, behaviors={"ketama": True})
        with self.assertRaises(ours.NotSupportedError):
            mine.behaviors["hash"] = "md5"
        self.assertEqual(mine.behaviors["hash"], "default")


class OnSockets(BothWays):
    PORT = False
    KEYS = 1000
    # A path with a weight is no server of pylibmc's.
    test_ketama_weighted_with_weights = None
    test_weights_count_where_there_is_a_ring_already = None


class Same(support.TestCase):
    """Each call is made with both, and has the same outcome."""

    BINARY = False

    def setUp(self):
        super().setUp()
        self.theirs = pylibmc.Client(self.addresses, binary=self.BINARY)
        self.ours = ours.Client(self.addresses, binary=self.BINARY)

    def outcome(self, client, method, args, kwargs):
        try:
            value = getattr(client, method)(*args, **kwargs)
        except Exception as error:
            return "raised", type(error).__name__
        return "returned", type(value), value

    def both(self, method, *args, **kwargs):
        """Calls a method of both clients; what the first one did is undone in between."""
        mine = self.outcome(self.ours, method, args, kwargs)
        self.rewind()
        theirs = self.outcome(self.theirs, method, args, kwargs)
        self.assertEqual(mine, theirs, (method, args, kwargs))
        self.rewind()
        return mine[-1]

    def rewind(self):
        self.theirs.flush_all()
        self.theirs.set_multi({"n": 5, "s": "text", "b": b"bytes", "l": [1]})

    def test_calls(self):
        self.rewind()
        for method, *args in (
            ("get", "n"),
            ("get", "none"),
            ("get", "none", 7),
            ("get", ""),
            ("get", b"s"),
            ("get", None),
            ("get", 5),
            ("get_multi", ["n", "none", "s", "b", "l"]),
            ("get_multi", []),
            ("get_multi", [""]),
            ("get_multi", ["", "n"]),
            ("get_multi", ("n", b"s")),
            ("get_multi", {"n", "s"}),
            ("get_multi", [5]),
            ("get_multi", None),
            ("get_multi", ["s"], ""),
            ("get_multi", ["", "s"], "n"),
            ("set", "n", 6),
            ("set", "n", 6, -1),
            ("set", "n", 6, 1.5),
            ("set", "n", 6, "1"),
            ("set", "n", 6, 2**33),
            ("set", "n", "x" * 2_000_000),
            ("set", "n", "x" * 100, 0, 10, 11),
            ("set", None, 1),
            ("set", "n", lambda: 1),
            ("set_multi", {"n": 1, "m": 2}),
            ("set_multi", {"n": 1}, 5, "pre"),
            ("set_multi", {}),
            ("set_multi", [("n", 1)]),
            ("set_multi", {5: 1}),
            ("set_multi", {"n": "x" * 2_000_000}),
            ("add", "n", 1),
            ("add", "new", 1),
            ("add_multi", {"n": 1, "new": 2, "s": 3}),
            ("add_multi", {"n": 1, "ew": 2}, 0, "n"),
            ("replace", "n", 1),
            ("replace", "new", 1),
            ("append", "s", "x"),
            ("append", "s", 5),
            ("append", "new", "x"),
            ("prepend", "s", b"x"),
            ("prepend", "new", "x"),
            ("delete", "n"),
            ("delete", "none"),
            ("delete", ""),
            ("delete", 5),
            ("delete", "n", 0),
            ("delete_multi", ["n", "s"]),
            ("delete_multi", ["n", "none"]),
            ("delete_multi", []),
            ("delete_multi", ["", ""], "n"),
            ("incr", "n"),
            ("incr", "n", 10),
            ("incr", "n", -1),
            ("incr", "n", 2**70),
            ("incr", "none"),
            ("incr", "s"),
            ("incr", ""),
            ("decr", "n"),
            ("decr", "n", 10),
            ("incr_multi", ["n"]),
            ("incr_multi", ["n", "none"]),
            ("incr_multi", ["n"], "", 5),
            ("touch", "n", 10),
            ("touch", "n", -1),
            ("touch", "none", 10),
            ("touch", "n"),
            ("gets", "n"),
            ("cas", "n", 1, 1),
            ("flush_all",),
            ("flush_all", 5),
            ("flush_all", "x"),
            ("get_stats", b"items"),
            ("serialize", 5),
            ("serialize", [1]),
            ("deserialize", b"5", 4),
            ("deserialize", b"5", 8),
            ("deserialize", b"5", 1),
            ("deserialize", b"5", 5),
            ("deserialize", b"5", 99),
            ("deserialize", b"x", 2),
            ("deserialize", b"\xff", 16),
            ("__contains__", "n"),
            ("__contains__", "none"),
            ("__getitem__", "n"),
            ("__getitem__", "none"),
            ("__setitem__", "n", 1),
            ("__delitem__", "n"),
            ("__delitem__", "none"),
            ("hash", "n"),
            ("disconnect_all",),
        ):
            if self.BINARY and (method, *args) in self.ODD:
                continue
            with self.subTest(method=method, args=args):
                value = self.both(method, *args)
                self.assertIsNot(value, self)

    # Over binary pylibmc itself does otherwise than over text.
    ODD = (("replace", "new", 1), ("incr", "s"))

    def test_keys_that_are_too_long(self):
        for method, *args in (
            ("get",),
            ("set", 1),
            ("delete",),
            ("incr",),
            ("add", 1),
            ("append", "x"),
        ):
            with self.subTest(method=method):
                self.both(method, "x" * 251, *args)
        for method, keys in (
            ("get_multi", ["x" * 251]),
            ("delete_multi", ["x" * 251]),
            ("set_multi", {"x" * 251: 1}),
        ):
            with self.subTest(method=method):
                self.both(method, keys)
                self.assertRaises(ValueError, getattr(self.ours, method), keys)

    def test_what_is_stored(self):
        """Byte for byte, flags included."""
        raw = self.memcached[0].ask
        for value in VALUES:
            for how in ({}, {"min_compress_len": 5}, {"min_compress_len": 5, "compress_level": 9}):
                if value == "" and how or value == b"" and how:
                    continue
                self.ours.set("k", value, **how)
                mine = raw(b"get k\r\n")
                self.theirs.set("k", value, **how)
                self.assertEqual(mine, raw(b"get k\r\n"))
        for size in (99, 100, 101):
            self.ours.set("k", "x" * 100, min_compress_len=size)
            mine = raw(b"get k\r\n")
            self.theirs.set("k", "x" * 100, min_compress_len=size)
            self.assertEqual(mine, raw(b"get k\r\n"))

    def test_flags_of_others(self):
        for flags in (*range(20), 32, 64, 256, 2**31):
            for value in (b"12", b"\xff\xfe", b"", b"x"):
                self.memcached[0].ask(b"set k %d 0 %d\r\n%s\r\n" % (flags, len(value), value))
                if (flags, value) == (1, b""):
                    continue  # pylibmc gives unpickling NULL
                outcomes = [
                    self.outcome(client, "get", ("k",), {}) for client in (self.ours, self.theirs)
                ]
                with self.subTest(flags=flags, value=value):
                    self.assertEqual(*outcomes)

    def test_cas(self):
        for client in (self.ours, self.theirs):
            client.behaviors["cas"] = True
            client.set("k", "one")
            value, cas = client.gets("k")
            self.assertEqual(value, "one")
            self.assertTrue(client.cas("k", "two", cas))
            self.assertFalse(client.cas("k", "three", cas))
            self.assertEqual(client.get("k"), "two")
            self.assertEqual(client.gets("none"), (None, None))
            error = ours.NotFound if client is self.ours else pylibmc.NotFound
            self.assertRaises(error, client.cas, "none", 1, cas)

    def test_serializers_of_ones_own(self):
        def make(module):
            class Own(module.Client):
                def serialize(self, value):
                    return b"own:" + value.encode(), 64

                def deserialize(self, data, flags):
                    if data == b"own:miss":
                        raise module.CacheMiss
                    return data.decode(), flags

            return Own(self.addresses, behaviors={"cas": 1})

        results = []
        for client in (make(ours), make(pylibmc)):
            client.set_multi({"a": "1", "b": "miss"})
            client.append("a", "2")
            results.append(
                (
                    client.get("a"),
                    client.get("b", 5),
                    client.get_multi(["a", "b"]),
                    client.gets("b"),
                    "b" in client,
                    self.outcome(client, "__getitem__", ("b",), {}),
                )
            )
        self.assertEqual(*results)

    def test_statistics(self):
        mine, theirs = self.ours.get_stats(), self.theirs.get_stats()
        self.assertEqual([name for name, _ in mine], [name for name, _ in theirs])
        self.assertRaises(ours.UnknownStatKey, self.ours.get_stats, "nonsense")
        self.assertTrue(dict(self.ours.get_stats("settings")[0][1])["maxbytes"])
        for key in ("pid", "version", "pointer_size"):
            self.assertEqual(mine[0][1][key], theirs[0][1][key])

    def test_clones(self):
        for client in (self.ours, self.theirs):
            client.behaviors["ketama"] = True
            client.set("k", 1)
            clone = client.clone()
            self.assertEqual(clone.behaviors, client.behaviors)
            self.assertEqual(clone.get("k"), 1)

    def test_a_client_is_cloned_and_not_copied(self):
        for client in (self.ours, self.theirs):
            self.assertRaises(TypeError, copy.copy, client)
            self.assertRaises(TypeError, copy.deepcopy, client)
            self.assertTrue(client.set("k", 1))
        words = r"a Client cannot be copied or pickled: clone\(\) makes another one"
        self.assert_is_not_copied(self.ours, words)
        self.assertRaisesRegex(TypeError, words, self.ours.set, "k", self.ours)
        self.assertEqual(self.ours.clone().get("k"), 1)

    def test_copies_of_pools(self):
        for module, client in ((ours, self.ours), (pylibmc, self.theirs)):
            pool = module.ClientPool(client, 1)
            with copy.copy(pool).reserve() as one:
                self.assertTrue(one.set("k", 1))
                self.assertTrue(pool.empty())
            self.assertRaises(TypeError, copy.deepcopy, pool)
            self.assertRaises(TypeError, copy.copy, module.ThreadMappedPool(client))
        pool = ours.ThreadMappedPool(self.ours)
        self.assert_is_not_copied(pool, "a ThreadMappedPool cannot be copied or pickled")
        self.assertRaisesRegex(TypeError, "a Client", pickle.dumps, ours.ClientPool(self.ours, 1))

    def test_words_about_it(self):
        self.assertEqual(repr(self.ours), repr(self.theirs))
        self.assertEqual(str(self.ours), str(self.theirs))


class SameOverBinary(Same):
    BINARY = True


class Module(unittest.TestCase):
    def test_all_of_pylibmc_is_there(self):
        missing = {name for name in dir(pylibmc) if not name.startswith("__")} - set(dir(ours))
        self.assertEqual(
            missing,
            {
                "_pylibmc",
                "client",
                "consts",
                "pools",
                "build_info",
                "exceptions",
                "libmemcached_version",
                "libmemcached_version_hex",
                "callback_namespace",
                "server_type_tcp",
                "server_type_udp",
                "server_type_unix",
                *(name for name in dir(pylibmc) if name.startswith(("hash_", "distribution_"))),
            },
        )
        missing = set(dir(pylibmc.Client)) - set(dir(ours.Client))
        self.assertEqual(missing, {"behaviours"})  # which raises AttributeError

    def test_exceptions(self):
        for name, kind in vars(pylibmc).items():
            if isinstance(kind, type) and issubclass(kind, Exception):
                mine = getattr(ours, name)
                self.assertTrue(issubclass(mine, ours.Error))
                if hasattr(kind, "retcode"):
                    self.assertEqual(mine.retcode, kind.retcode)

    def test_behaviors(self):
        theirs, mine = pylibmc.Client(["127.0.0.1"]), ours.Client(["127.0.0.1"])
        self.assertEqual(mine.behaviors, theirs.behaviors)
        self.assertEqual(list(ours.all_behaviors), list(pylibmc.all_behaviors))
        self.assertEqual(ours.hashers, pylibmc.hashers)
        known = {k: v for k, v in pylibmc.distributions.items() if k != "consistent max"}
        self.assertEqual(ours.distributions, known)
        for name in ours.all_behaviors:
            for value in (0, 1, 2, True, "word", "md5", "modula", None):
                outcomes = []
                for module in (ours, pylibmc):
                    client = module.Client(["127.0.0.1"])
                    try:
                        client.behaviors = {name: value}
                        outcomes.append(client.behaviors)
                    except Exception as error:
                        outcomes.append(type(error).__name__)
                if value and type(value) is not str and name in ("num_replicas", "_noreply"):
                    self.assertEqual(outcomes[0], "NotSupportedError")
                elif (name, value) == ("failure_limit", 0):
                    self.assertEqual(outcomes[1], "Error")
                else:
                    with self.subTest(name=name, value=value):
                        self.assertEqual(*outcomes)
        self.assertRaises(ValueError, ours.Client, ["127.0.0.1"], behaviors={"nonsense": 1})

    def test_servers(self):
        for servers in (
            ["127.0.0.1"],
            ["127.0.0.1:5"],
            ["127.0.0.1:5:9"],
            [(1, "127.0.0.1", 5)],
            ["/a/b"],
            ["[::1]:44"],
            [],
            ["localhost:x"],
            None,
        ):
            outcomes = []
            for module in (ours, pylibmc):
                try:
                    outcomes.append(repr(module.Client(servers)))
                except Exception as error:
                    outcomes.append(type(error).__name__)
            with self.subTest(servers=servers):
                self.assertEqual(*outcomes)
        self.assertRaises(ours.NotSupportedError, ours.Client, ["udp:127.0.0.1"])
        self.assertRaises(ValueError, ours.Client, ["a,b"])
        self.assertRaisesRegex(ValueError, "scheme", ours.Client, ["tls://127.0.0.1"])
        self.assertRaises(TypeError, ours.Client, [5])

    def test_a_user_needs_a_password(self):
        for how in ({"username": "u"}, {"password": "p"}):
            with self.assertRaises(TypeError):
                ours.Client(["127.0.0.1"], binary=True, **how)
        self.assertTrue(ours.support_sasl)


def spring():
    Trap.sprung.append(1)


class Trap:
    """Unpickling it leaves a mark."""

    sprung = []

    def __reduce__(self):
        return spring, ()


class Unpickling(support.TestCase):
    def test_only_what_carries_the_flag(self):
        mc = ours.Client(self.addresses)
        data = pickle.dumps(Trap())
        for flags in (f for f in range(64) if f & 23 != 1):
            self.memcached[0].ask(b"set k %d 0 %d\r\n%s\r\n" % (flags, len(data), data))
            try:
                mc.get("k")
            except (ours.Error, ValueError):
                pass
        self.assertEqual(Trap.sprung, [])
        self.memcached[0].ask(b"set k 1 0 %d\r\n%s\r\n" % (len(data), data))
        mc.get("k")
        self.assertEqual(Trap.sprung, [1])
        Trap.sprung.clear()

    def test_switched_off(self):
        mc = ours.Client(self.addresses, unpickle=False)
        mc.set_multi({"trap": Trap(), "text": "text", "number": 5})
        mc.set("small", [Trap()] * 100, min_compress_len=1)
        for client in (mc, mc.clone()):
            self.assertRaises(pickle.UnpicklingError, client.get, "trap")
            self.assertRaises(pickle.UnpicklingError, client.get, "small")
            self.assertRaises(pickle.UnpicklingError, client.get_multi, ["text", "trap"])
            self.assertEqual(client.get_multi(["text", "number"]), {"text": "text", "number": 5})
        self.assertEqual(Trap.sprung, [])


class Failing(unittest.TestCase):
    def setUp(self):
        self.server = support.Memcached()
        self.addCleanup(self.server.stop)

    def test_exceptions(self):
        mc = ours.Client([self.server.address], behaviors={"_poll_timeout": 100})
        mc.set("k", 1)
        self.server.pause()
        for call in (lambda: mc.get("k"), lambda: mc.set("k", 1), lambda: mc.get_multi(["k"])):
            with self.assertRaises(ours.Error) as caught:
                call()
            self.assertIs(type(caught.exception), ours.Error)  # as pylibmc does
        self.server.go_on()
        self.server.kill()
        for _ in range(3):
            for call in (
                lambda: mc.get("k"),
                lambda: mc.set("k", 1),
                lambda: mc.get_multi(["k"]),
                lambda: mc.set_multi({"k": 1}),
                lambda: mc.delete("k"),
                lambda: mc.incr("k"),
                lambda: mc.touch("k", 1),
                mc.get_stats,
                mc.flush_all,
            ):
                self.assertRaises((ours.ConnectionError, ours.ServerDown), call)

    def test_failover(self):
        other = support.Memcached()
        self.addCleanup(other.stop)
        addresses = [self.server.address, other.address]
        behaviors = {"ketama": True, "retry_timeout": 1}
        keys = ["key:%d" % i for i in range(20)]
        stays = ours.Client(addresses, behaviors=behaviors)
        moves = ours.Client(addresses, behaviors={**behaviors, "remove_failed": 1})
        gone = [key for key in keys if stays.hash(key) == 0]
        for client in (stays, moves):
            client.set_multi(dict.fromkeys(keys, 1))
        self.server.kill()
        for client in (stays, moves):
            for key in gone:
                try:
                    client.set(key, 2)
                except ours.Error:
                    pass
        self.assertRaises(ours.ServerDown, stays.get, gone[0])
        self.assertEqual(moves.get_multi(gone[1:]), dict.fromkeys(gone[1:], 2))


class Documented(support.TestCase):
    """What pylibmc's documentation shows, done here."""

    def test_the_introduction(self):
        mc = ours.Client(
            self.addresses, binary=True, behaviors={"tcp_nodelay": True, "ketama": True}
        )
        mc["some_key"] = "Some value"
        self.assertEqual(mc["some_key"], "Some value")
        self.assertTrue(mc.set("hey", "ho"))
        self.assertEqual(mc.get("hey"), "ho")
        del mc["some_key"]
        self.assertNotIn("some_key", mc)
        self.assertRaises(KeyError, lambda: mc["some_key"])
        self.assertTrue(mc.set("foo", 1))
        self.assertTrue(mc.add("bar", 2))
        self.assertFalse(mc.add("bar", 3))
        self.assertFalse(mc.replace("baz", 3))
        self.assertEqual(mc.incr("foo"), 2)
        self.assertEqual(mc.decr("foo"), 1)
        self.assertEqual(mc.get_multi(["foo", "bar", "baz"]), {"foo": 1, "bar": 2})
        self.assertEqual(mc.set_multi({"a": 1, "b": 2}, key_prefix="p_"), [])
        self.assertEqual(mc.get_multi(["a", "b"], key_prefix="p_"), {"a": 1, "b": 2})
        self.assertEqual(mc.get("p_a"), 1)
        self.assertTrue(mc.delete_multi(["a", "b"], key_prefix="p_"))
        self.assertTrue(mc.flush_all())

    def test_behaviors(self):
        mc = ours.Client(self.addresses)
        mc.behaviors = {"tcp_nodelay": True, "ketama": True}
        self.assertEqual(mc.behaviors["ketama"], 1)
        self.assertEqual(set(mc.behaviors), set(ours.all_behaviors))
        other = ours.Client(self.addresses)
        other.behaviors["hash"] = "fnv1a_32"
        self.assertEqual(other.behaviors["hash"], "fnv1a_32")
        mc.behaviors["no_block"] = True
        self.assertEqual(mc.behaviors["no_block"], 1)
        self.assertEqual(mc.behaviors["tcp_nodelay"], 1)
        mc.behaviors.update({"cas": True})
        self.assertEqual(mc.get_behaviors()["cas"], 1)

    def test_a_pool(self):
        mc = ours.Client(self.addresses)
        pool = ours.ClientPool()
        pool.fill(mc, 2)
        with pool.reserve() as one, pool.reserve() as two:
            self.assertIsNot(one, two)
            one.set("k", 5)
            self.assertEqual(two.get("k"), 5)
            with self.assertRaises(queue.Empty):
                with pool.reserve():
                    pass
        self.assertEqual(pool.qsize(), 2)
        pool = ours.ClientPool(mc, 1)
        seen = []

        def use():
            with pool.reserve(block=True) as client:
                seen.append(client)
                client.incr("k")

        threads = [threading.Thread(target=use) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(map(id, seen))), 1)
        self.assertEqual(mc.get("k"), 15)

    def test_a_pool_for_threads(self):
        mc = ours.Client(self.addresses)
        pool = ours.ThreadMappedPool(mc)
        mc.set("n", 0)
        used = {}

        def use(name):
            for _ in range(20):
                with pool.reserve() as client:
                    used.setdefault(name, set()).add(id(client))
                    client.incr("n")
            if name:
                pool.relinquish()

        use(0)
        threads = [threading.Thread(target=use, args=(n,)) for n in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(mc.get("n"), 100)
        self.assertEqual({len(ids) for ids in used.values()}, {1})
        self.assertEqual(len(pool), 1)
        with pool.reserve() as client:
            self.assertEqual({id(client)}, used[0])


if __name__ == "__main__":
    support.main()
