"""The client whose methods wait for the servers' answers."""

from __future__ import annotations

import functools
import itertools
import logging
import os
import threading
import time
import weakref
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from . import gather
from ._omcache import ffi, lib
from .errors import Error, error_for
from .fetching import (
    FRESH,
    MAKE,
    STALE,
    STORE_ENDED,
    WAITED,
    KeyMaker,
    found,
    kept_by,
    key_of,
    make_policy,
    pauses,
    same,
)
from .handle import (
    Handle,
    Item,
    Key,
    MetaItem,
    Server,
    Servers,
    Value,
    check,
    encode_key,
    encode_value,
    make_meta,
    milliseconds,
)
from .hot import HotValues

OK = lib.OMCACHE_OK
NOT_FOUND = lib.OMCACHE_NOT_FOUND
NULL = ffi.NULL
Timeout = Optional[float]


class _Default:
    """Stands for the client's timeout."""

    def __repr__(self) -> str:
        return "the client's"


DEFAULT: Any = _Default()
_clients: weakref.WeakSet[Client] = weakref.WeakSet()


class Client(Handle):
    """A client of a fleet of memcached servers.

    >>> with Client("127.0.0.1:11211", timeout=1.0) as mc:
    ...     mc.set("greeting", b"hello", expiration=60)
    ...     mc.get("greeting")
    b'hello'

    Its settings:

    servers        "host:port,[v6]:port,/path/to/socket", or a list of such
    protocol       "auto" (find out), "meta", "text" or "binary"
    timeout        seconds that an operation may take; None: until the server is given up.
                   Each method also takes one of its own.  With 0 storing and deleting do not
                   wait, and nobody is told the outcome.
    prefix         goes in front of every key that is sent; hash_prefix: also when the
                   server is chosen
    hash_tag       two characters such as "{}": only what is between them chooses the server
    distribution   "ketama", "ketama-weighted", "modula", ... with hash "md5", ...: see
                   omcache_set_distribution
    failover       "next": a dead server's keys go to the next one, or "none"
    connect_timeout, reconnect_timeout, dead_timeout     in seconds
    send_buffer_max_size, recv_buffer_max_size           in bytes, for each server
    dns_servers    "ip:port,...", if not the system's
    tls            an omcache.TLS, or True for its defaults: connections are encrypted, and servers
                   have to prove who they are
    username, password     what servers are told that want to know who asks
    log            a logging.Logger that gets the library's messages

    Keys are bytes, or text in UTF-8, of 1 to 250 bytes; values are bytes.  What goes wrong is
    raised, as one of omcache.errors; only get and the like return a default for what is not
    there.  A client may be used by several threads, one at a time: it has a lock.  Others
    run while it waits.  After a fork the child's copy makes connections of its own.
    """

    def _prepare(self) -> None:
        self._lock: Any = threading.RLock()

    def _turn(self) -> Any:
        """The lock, for whatever may change answers that a call is about to read.  A signal
        handler that runs in the middle of such a call has no turn of its own."""
        if self._lock._is_owned():
            raise RuntimeError("the client is in the middle of another call of this thread")
        return self._lock

    def _open(self) -> None:
        super()._open()
        _clients.add(self)
        self._gather = gather.Gather()
        self._value = ffi.new("unsigned char **")
        self._len = ffi.new("size_t *")
        self._flags = ffi.new("uint32_t *")
        self._number = ffi.new("uint64_t *")

    def _after_fork(self) -> None:
        """In the child: leaves the parent's connections alone.  If a call was under way, of
        whatever thread, its handle cannot be touched, and is lost."""
        idle = not self._lock._is_owned() and self._lock.acquire(blocking=False)
        self._lock = threading.RLock()
        old, self._mc = self._mc, NULL
        if old == NULL:
            return
        if idle:
            lib.omcache_free(old)
        self._open()

    def close(self) -> None:
        """Closes all connections; the client is of no use any more."""
        with self._turn():
            mc, self._mc = self._mc, NULL
            if mc != NULL:
                lib.omcache_free(mc)

    def disconnect(self) -> None:
        """Closes all connections; new ones are made when they are needed."""
        with self._turn():
            mc, self._mc = self._mc, NULL
            if mc != NULL:
                lib.omcache_free(mc)
                self._open()

    def configure(self, **settings: Any) -> None:
        """Changes settings; connections stay, and a new protocol is for new ones."""
        with self._turn():
            if self._mc == NULL:
                raise ValueError("the client is closed")
            unknown = set(settings) - set(self._settings)
            if unknown:
                raise TypeError(f"no such settings: {', '.join(sorted(unknown))}")
            wanted = {**self._settings, **settings}
            if "tls" in settings:
                self._tls = NotImplemented  # the same is set again, too
            self._configure(**wanted)
            self._settings = wanted

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if self.__dict__.get("_mc", NULL) != NULL:
            self.close()

    def _msec(self, timeout: Timeout) -> int:
        return self._timeout if timeout is DEFAULT else milliseconds(timeout)

    def _wait_msec(self, timeout: Timeout) -> int:
        """For what makes no sense without waiting."""
        msec = self._msec(timeout)
        if msec == 0:
            raise ValueError("this cannot be done with a timeout of 0")
        return msec

    def _done(self, rc: int, key: Any) -> None:
        """For what stores: without a timeout all that is known is that it was accepted."""
        if rc not in (OK, lib.OMCACHE_BUFFERED):
            raise self._error(rc, key)

    def _error(self, rc: int, key: Any) -> Exception:
        if self._mc == NULL:
            return ValueError("the client is closed")
        return error_for(rc, key)

    # --- Getting --------------------------------------------------------------

    def get(self, key: Key, default: Any = None, *, timeout: Timeout = DEFAULT) -> Any:
        """The value of a key, or default if it is not there."""
        name = encode_key(key)
        msec = self._timeout if timeout is DEFAULT else milliseconds(timeout)
        with self._turn():
            value, size = self._value, self._len
            rc = lib.omcache_get(self._mc, name, len(name), value, size, NULL, NULL, msec)
            if rc == OK:
                return ffi.buffer(value[0], size[0])[:]
        if rc == NOT_FOUND:
            return default
        raise self._error(rc, key)

    def gets(self, key: Key, default: Any = None, *, timeout: Timeout = DEFAULT) -> Any:
        """The Item of a key, with flags and cas, or default if it is not there."""
        name = encode_key(key)
        with self._turn():
            out = (self._value, self._len, self._flags, self._number)
            rc = lib.omcache_get(self._mc, name, len(name), *out, self._msec(timeout))
            return self._item(rc, key, default)

    def gat(
        self, key: Key, expiration: int, default: Any = None, *, timeout: Timeout = DEFAULT
    ) -> Any:
        """The Item of a key, which gets a new expiration; or default if it is not there."""
        name = encode_key(key)
        with self._turn():
            rc = lib.omcache_gat(
                self._mc,
                name,
                len(name),
                self._value,
                self._len,
                expiration,
                self._flags,
                self._number,
                self._msec(timeout),
            )
            return self._item(rc, key, default)

    def _item(self, rc: int, key: Key, default: Any) -> Any:
        if rc == OK:
            value = ffi.buffer(self._value[0], self._len[0])[:]
            return Item(value, self._flags[0], self._number[0])
        if rc == NOT_FOUND:
            return default
        raise self._error(rc, key)

    def get_multi(self, keys: Iterable[Key], *, timeout: Timeout = DEFAULT) -> Dict[Key, bytes]:
        """The values of those keys that are there.  If a server fails, that is raised, with
        what was found as its `values`."""
        names = _names(keys)
        with self._turn():
            found = self._find(lib.GATHER_GET, names, timeout)
            return dict(zip(found.keys, found.values))

    def gets_multi(self, keys: Iterable[Key], *, timeout: Timeout = DEFAULT) -> Dict[Key, Item]:
        """The same, but with flags and cas."""
        names = _names(keys)
        with self._turn():
            found = self._find(lib.GATHER_GET, names, timeout)
            return dict(zip(found.keys, map(Item, found.values, found.flags, found.cas)))

    def gat_multi(
        self, keys: Iterable[Key], expiration: int, *, timeout: Timeout = DEFAULT
    ) -> Dict[Key, Item]:
        """The same, and each value gets a new expiration."""
        names = _names(keys)
        with self._turn():
            found = self._find(lib.GATHER_GAT, names, timeout, expiration)
            return dict(zip(found.keys, map(Item, found.values, found.flags, found.cas)))

    def _find(
        self, command: int, names: Sequence[Key], timeout: Timeout, expiration: int = 0
    ) -> gather.Found:
        self._batch(command, names, timeout, expiration=expiration)
        return self._gather.found(names)

    def _batch(
        self, command: int, names: Sequence[Key], timeout: Timeout, **more: Any
    ) -> None:
        if self._mc == NULL:
            raise ValueError("the client is closed")
        self._gather.batch(self._mc, command, names, self._wait_msec(timeout), **more)

    # --- Storing --------------------------------------------------------------

    def set(
        self,
        key: Key,
        value: Value,
        expiration: int = 0,
        *,
        flags: int = 0,
        cas: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> None:
        """Stores a value; if cas is not 0, only over the value that has it."""
        name, data, msec = encode_key(key), encode_value(value), self._msec(timeout)
        with self._turn():
            rc = lib.omcache_set(
                self._mc, name, len(name), data, len(data), expiration, flags, cas, msec
            )
        self._done(rc, key)

    def add(
        self,
        key: Key,
        value: Value,
        expiration: int = 0,
        *,
        flags: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> None:
        """Stores a value if there is none; otherwise raises KeyExistsError."""
        name, data, msec = encode_key(key), encode_value(value), self._msec(timeout)
        with self._turn():
            rc = lib.omcache_add(
                self._mc, name, len(name), data, len(data), expiration, flags, msec
            )
        self._done(rc, key)

    def replace(
        self,
        key: Key,
        value: Value,
        expiration: int = 0,
        *,
        flags: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> None:
        """Stores a value if there is one; otherwise raises NotFoundError."""
        name, data, msec = encode_key(key), encode_value(value), self._msec(timeout)
        with self._turn():
            rc = lib.omcache_replace(
                self._mc, name, len(name), data, len(data), expiration, flags, msec
            )
        self._done(rc, key)

    def append(
        self, key: Key, value: Value, *, cas: int = 0, timeout: Timeout = DEFAULT
    ) -> None:
        """Adds bytes behind a value that is there; otherwise raises NotStoredError."""
        name, data, msec = encode_key(key), encode_value(value), self._msec(timeout)
        with self._turn():
            rc = lib.omcache_append(self._mc, name, len(name), data, len(data), cas, msec)
        self._done(rc, key)

    def prepend(
        self, key: Key, value: Value, *, cas: int = 0, timeout: Timeout = DEFAULT
    ) -> None:
        """Adds bytes in front of a value that is there; otherwise raises NotStoredError."""
        name, data, msec = encode_key(key), encode_value(value), self._msec(timeout)
        with self._turn():
            rc = lib.omcache_prepend(self._mc, name, len(name), data, len(data), cas, msec)
        self._done(rc, key)

    def set_multi(
        self,
        items: Mapping[Key, Value],
        expiration: int = 0,
        *,
        flags: Union[int, Mapping[Key, int]] = 0,
        timeout: Timeout = DEFAULT,
    ) -> None:
        """Stores several values; flags are for all of them, or for each.  If some cannot be
        stored, one of the reasons is raised, with the others as its `failed`."""
        self._store(lib.GATHER_SET, items, expiration, flags, timeout)

    def add_multi(
        self,
        items: Mapping[Key, Value],
        expiration: int = 0,
        *,
        flags: Union[int, Mapping[Key, int]] = 0,
        timeout: Timeout = DEFAULT,
    ) -> None:
        """Stores several values where there are none; otherwise as set_multi."""
        self._store(lib.GATHER_ADD, items, expiration, flags, timeout)

    def _store(
        self,
        command: int,
        items: Mapping[Key, Value],
        expiration: int,
        flags: Union[int, Mapping[Key, int]],
        timeout: Timeout,
    ) -> None:
        names = list(items)
        values = [encode_value(value) for value in items.values()]
        if isinstance(flags, int):
            each: Iterable[int] = [flags] * len(names)
        else:
            each = [flags.get(name, 0) for name in names]
        with self._turn():
            self._batch(command, names, timeout, values=values, flags=each, expiration=expiration)
            self._gather.done(names)

    # --- Deleting, touching, counting -----------------------------------------

    def delete(self, key: Key, *, timeout: Timeout = DEFAULT) -> None:
        """Removes a value; raises NotFoundError if there is none."""
        name, msec = encode_key(key), self._msec(timeout)
        with self._turn():
            rc = lib.omcache_delete(self._mc, name, len(name), msec)
        self._done(rc, key)

    def delete_multi(self, keys: Iterable[Key], *, timeout: Timeout = DEFAULT) -> List[Key]:
        """Removes several values, and returns the keys of those that were there."""
        names = _names(keys)
        with self._turn():
            self._batch(lib.GATHER_DELETE, names, timeout)
            outcomes = self._gather.settle(names, (OK, NOT_FOUND))
        return [names[outcome.slot] for outcome in outcomes if outcome.status == OK]

    def touch(self, key: Key, expiration: int, *, timeout: Timeout = DEFAULT) -> None:
        """Gives a value a new expiration; raises NotFoundError if there is none."""
        name, msec = encode_key(key), self._msec(timeout)
        with self._turn():
            rc = lib.omcache_touch(self._mc, name, len(name), expiration, msec)
        self._done(rc, key)

    def touch_multi(
        self, keys: Iterable[Key], expiration: int, *, timeout: Timeout = DEFAULT
    ) -> List[Key]:
        """Gives values a new expiration, and returns the keys of those that are there."""
        names = _names(keys)
        with self._turn():
            self._batch(lib.GATHER_TOUCH, names, timeout, expiration=expiration)
            outcomes = self._gather.settle(names, (OK, NOT_FOUND))
        return [names[outcome.slot] for outcome in outcomes if outcome.status == OK]

    def increment(
        self,
        key: Key,
        delta: int = 1,
        *,
        initial: Optional[int] = None,
        expiration: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> int:
        """Counts up and returns the new number.  A counter that is not there is made with
        initial and expiration, or if initial is None, NotFoundError is raised."""
        return self._count(lib.omcache_increment, key, delta, initial, expiration, timeout)

    def decrement(
        self,
        key: Key,
        delta: int = 1,
        *,
        initial: Optional[int] = None,
        expiration: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> int:
        """Counts down, to 0 at most; otherwise as increment."""
        return self._count(lib.omcache_decrement, key, delta, initial, expiration, timeout)

    def _count(
        self,
        function: Any,
        key: Key,
        delta: int,
        initial: Optional[int],
        expiration: int,
        timeout: Timeout,
    ) -> int:
        name, msec = encode_key(key), self._wait_msec(timeout)
        if initial is None:
            initial, expiration = 0, lib.OMCACHE_DELTA_NO_ADD
        with self._turn():
            number = self._number
            rc = function(self._mc, name, len(name), delta, initial, expiration, number, msec)
            if rc != OK:
                raise self._error(rc, key)
            return number[0]

    def increment_multi(
        self,
        keys: Iterable[Key],
        delta: int = 1,
        *,
        initial: Optional[int] = None,
        expiration: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> Dict[Key, int]:
        """Counts several up, and returns the numbers of those that are there, or are made as
        with increment."""
        if initial is None:
            initial, expiration = 0, lib.OMCACHE_DELTA_NO_ADD
        more = {"delta": delta, "initial": initial, "expiration": expiration}
        names = _names(keys)
        with self._turn():
            self._batch(lib.GATHER_INCREMENT, names, timeout, **more)
            outcomes = self._gather.settle(names, (OK, NOT_FOUND))
        return {names[o.slot]: o.number for o in outcomes if o.status == OK}

    # --- With options: what the meta protocol adds ----------------------------

    def _single(self, function: Any, key: Key, *args: Any, timeout: Timeout) -> gather.Outcome:
        """One operation whose outcome is gathered."""
        name, msec = encode_key(key), self._wait_msec(timeout)
        with self._turn():
            slot = self._gather.slot()
            rc = function(self._mc, name, len(name), *args, msec, gather.REPLY, slot)
            return self._gather.wait(self._mc, rc, key)[0]

    def meta_get(
        self,
        key: Key,
        *,
        want: Iterable[str] = ("value", "flags", "cas"),
        ttl: Optional[int] = None,
        recache: Optional[int] = None,
        vivify: Optional[int] = None,
        no_lru_bump: bool = False,
        cas: Optional[int] = None,
        new_cas: Optional[int] = None,
        timeout: Timeout = DEFAULT,
    ) -> Optional[MetaItem]:
        """What is wanted of a value ("value", "flags", "cas", "ttl", "last_access",
        "was_hit", "size"), or None if it is not there.  cas: that of a value which is known;
        if it is still that one, memcached 1.6.40 and newer do not send it again, and the item
        is `unchanged`.  For the options see omcache_meta_set_*."""
        meta = make_meta(locals())
        outcome = self._single(lib.omcache_async_meta_get, key, meta, timeout=timeout)
        return None if outcome.status == NOT_FOUND else outcome.check(key).meta_item()

    def meta_set(
        self,
        key: Key,
        value: Value,
        ttl: Optional[int] = None,
        *,
        flags: int = 0,
        mode: str = "default",
        vivify: Optional[int] = None,
        cas: Optional[int] = None,
        new_cas: Optional[int] = None,
        invalidate: bool = False,
        timeout: Timeout = DEFAULT,
    ) -> int:
        """Stores a value, and returns its cas.  mode: "default", "add", "replace", "append"
        or "prepend".  For the options see omcache_meta_set_*."""
        meta = make_meta(locals())
        data = encode_value(value)
        outcome = self._single(
            lib.omcache_async_meta_set, key, data, len(data), flags, meta, timeout=timeout
        )
        return outcome.check(key).cas

    def meta_delete(
        self,
        key: Key,
        *,
        invalidate: bool = False,
        cas: Optional[int] = None,
        ttl: Optional[int] = None,
        new_cas: Optional[int] = None,
        drop_value: bool = False,
        timeout: Timeout = DEFAULT,
    ) -> None:
        """Removes a value, or makes it stale.  For the options see omcache_meta_set_*."""
        meta = make_meta(locals())
        self._single(lib.omcache_async_meta_delete, key, meta, timeout=timeout).check(key)

    def meta_arithmetic(
        self,
        key: Key,
        delta: int = 1,
        *,
        mode: str = "default",
        ttl: Optional[int] = None,
        vivify: Optional[int] = None,
        initial: Optional[int] = None,
        cas: Optional[int] = None,
        new_cas: Optional[int] = None,
        timeout: Timeout = DEFAULT,
    ) -> Tuple[int, int]:
        """Counts up, or down with mode "decrement", and returns the new number and the cas.
        For the options see omcache_meta_set_*."""
        meta = make_meta(locals())
        outcome = self._single(
            lib.omcache_async_meta_arithmetic, key, delta, meta, timeout=timeout
        ).check(key)
        return outcome.number, outcome.cas

    def meta_debug(self, key: Key, *, timeout: Timeout = DEFAULT) -> Optional[Dict[str, str]]:
        """What the server knows of an item, such as {"exp": "-1", "la": "3", "cas": "2", "fetch":
        "no", "cls": "1", "size": "63"}, or None if it is not there."""
        outcome = self._single(lib.omcache_async_meta_debug, key, timeout=timeout)
        return gather.debug_fields(outcome, key)

    # --- Values that one reader makes -----------------------------------------

    def fetch(
        self,
        key: Key,
        make: Callable[[], Value],
        *,
        ttl: int,
        refresh: int = 0,
        stale: int = 0,
        making: int = 30,
        wait: Optional[float] = 5,
        hot: Optional[HotValues] = None,
        timeout: Timeout = DEFAULT,
    ) -> bytes:
        """The value of a key; if it is not there, make() makes it, in one reader of many, and the
        others wait for that.

        ttl: for so many seconds a value is fresh.  refresh: so many seconds before their end one
        reader makes the next one.  stale: so many seconds after it the old one will do meanwhile.
        making: so many seconds make() takes at most.  wait: so many seconds (None: any) others
        wait for a value that is missing; then TimeoutError is raised.  hot: where values are kept
        that are read often.

        If make() raises, the next reader makes the value, and what was raised goes on.  What was
        made and cannot be stored, whatever the reason, is returned all the same.  Where the server
        cannot be asked that is raised, and make() is not called."""
        policy = make_policy(ttl, refresh, stale, making, 0)
        kept = kept_by(hot, key, policy)
        for pause in itertools.chain(pauses(wait), [0]):
            outcome = self._single(lib.omcache_async_fetch, key, policy, timeout=timeout)
            if outcome.fetched == MAKE:
                return self._make(key, make, policy, outcome.cas, timeout)
            if outcome.fetched in (FRESH, STALE):
                return found(key, outcome, hot, kept)
            if outcome.fetched != WAITED:
                raise error_for(outcome.status, key, outcome.value)
            if pause:
                time.sleep(pause)  # other threads may use the client meanwhile
        raise error_for(lib.OMCACHE_TIMEOUT, key)

    def _make(
        self, key: Key, make: Callable[[], Value], policy: Any, token: int, timeout: Timeout
    ) -> bytes:
        try:
            value = encode_value(make())
        except BaseException:
            try:
                self._single(lib.omcache_async_fetch_abandon, key, token, timeout=timeout)
            except Error:
                pass  # its time will be over
            raise
        args = (value, len(value), 0, token, policy)
        try:
            outcome = self._single(lib.omcache_async_fetch_store, key, *args, timeout=timeout)
            if outcome.status not in STORE_ENDED:
                self._single(lib.omcache_async_fetch_abandon, key, token, timeout=timeout)
        except Error:
            pass  # the value is there for whoever has made it
        return bytes(value)

    def invalidate(self, key: Key, *, stale: int = 0, timeout: Timeout = DEFAULT) -> bool:
        """Says that a value that was fetched is not right any more: the next reader makes it.  For
        `stale` seconds (0: not at all) the others may have the old one meanwhile.  Whether there
        was one."""
        policy = make_policy(1, 0, stale, 0, 0)
        outcome = self._single(lib.omcache_async_fetch_invalidate, key, policy, timeout=timeout)
        return outcome.status != NOT_FOUND and outcome.check(key).status == OK

    def cached(
        self,
        *,
        ttl: int,
        key: KeyMaker = None,
        dumps: Callable[[Any], Value] = same,
        loads: Callable[[bytes], Any] = same,
        **how: Any,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A decorator: what the function returns is fetched, and so made only once in a while.

        key: makes the key of the arguments; or a name in place of the function's, behind which
        the arguments go as repr() shows them.  dumps and loads: make bytes of what the function
        returns, and that of bytes, such as pickle's.  The others are those of fetch."""

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def call(*args: Any, **kwargs: Any) -> Any:
                name = key_of(key, function, args, kwargs)
                value = self.fetch(name, lambda: dumps(function(*args, **kwargs)), ttl=ttl, **how)
                return loads(value)

            return call

        return decorate

    # --- Servers --------------------------------------------------------------

    def set_servers(self, servers: Servers) -> None:
        """Replaces the list of servers; those that stay keep their connections."""
        with self._turn():
            self._set_servers(servers)
            self._settings["servers"] = servers

    def servers(self) -> List[Server]:
        """The servers, in the order of their indexes."""
        with self._lock:
            return self._server_list()

    def server_for_key(self, key: Key) -> int:
        """The index of the server that a key belongs to now."""
        name = encode_key(key)
        with self._turn():
            index = lib.omcache_server_index_for_key(self._mc, name, len(name))
        if index < 0:
            raise self._error(lib.OMCACHE_NO_SERVERS, key)
        return index

    def server_protocol(self, index: int) -> str:
        """The protocol in use with a server: "meta", "text", "binary", or "auto" if it is
        not known yet."""
        with self._lock:
            return self._server_protocol(index)

    def server_counters(self, index: int) -> Dict[str, Any]:
        """What the library has counted for a server, by the names of omcache_server_stats_t."""
        with self._lock:
            return self._counters(index)

    def _indexes(self, index: Optional[int]) -> List[int]:
        return [server.index for server in self.servers()] if index is None else [index]

    def noop(self, index: Optional[int] = None, *, timeout: Timeout = DEFAULT) -> None:
        """Asks a server, or all of them, for a sign of life."""
        msec = self._wait_msec(timeout)
        for each in self._indexes(index):
            with self._turn():
                rc = lib.omcache_noop(self._mc, each, msec)
            self._done(rc, each)

    def version(self, index: int = 0, *, timeout: Timeout = DEFAULT) -> str:
        """The version of a server."""
        msec = self._wait_msec(timeout)
        with self._turn():
            slot = self._gather.slot()
            rc = lib.omcache_async_version(self._mc, index, msec, gather.REPLY, slot)
            value = self._gather.wait(self._mc, rc, index)[0].check(index).value
        return _text(value)

    def flush_all(
        self, expiration: int = 0, index: Optional[int] = None, *, timeout: Timeout = DEFAULT
    ) -> None:
        """Has a server, or all of them, forget everything, now or in so many seconds."""
        for each in self._indexes(index):
            with self._turn():
                rc = lib.omcache_flush_all(self._mc, expiration, each, self._msec(timeout))
            self._done(rc, each)

    def stat(
        self, command: Optional[str] = None, index: int = 0, *, timeout: Timeout = DEFAULT
    ) -> Iterator[Tuple[str, str]]:
        """Iterates over the statistics of a server: general ones, or those of a name such as
        "items".

        >>> dict(Client().stat())["pid"].isdigit()
        True
        """
        msec = self._wait_msec(timeout)
        name = NULL if command is None else command.encode() + b"\0"
        with self._turn():
            slot = self._gather.slot(parts=True)
            rc = lib.omcache_async_stat(self._mc, name, index, msec, gather.REPLY, slot)
            *parts, end = self._gather.wait(self._mc, rc, command)
        end.check(command)
        return ((_text(part.key), _text(part.value)) for part in parts)

    def stats(
        self, command: Optional[str] = None, *, timeout: Timeout = DEFAULT
    ) -> Iterator[Tuple[Server, Dict[str, str]]]:
        """Iterates over the statistics of all servers."""
        for server in self.servers():
            yield server, dict(self.stat(command, server.index, timeout=timeout))


def _names(keys: Iterable[Key]) -> Sequence[Key]:
    """What iterates over keys may use the client itself, and so is done with before its turn."""
    if isinstance(keys, (str, bytes)):
        raise TypeError("keys are several, not one")
    return keys if isinstance(keys, (list, tuple)) else list(keys)


def _text(data: Optional[bytes]) -> str:
    return (data or b"").decode("utf-8", "replace")


def _after_fork() -> None:
    for client in list(_clients):
        try:
            client._after_fork()
        except Exception as error:  # it is closed; files of its TLS may not be there any more
            log = client._settings["log"] or logging.getLogger("omcache")
            log.error("a client is closed in this child: %s", error)


os.register_at_fork(after_in_child=_after_fork)
