"""The client for asyncio: no call waits, nothing runs in a thread.

    async with omcache.aio.Client("10.0.0.1,10.0.0.2", timeout=0.5) as mc:
        await mc.set("greeting", b"hello", expiration=60)
        print(await mc.get("greeting"))
        one, two = await asyncio.gather(mc.get("one"), mc.get("two"))
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import warnings
import weakref
from select import POLLIN, POLLOUT
from typing import Any, Awaitable, Callable, Dict, Iterable, List, Mapping, Optional, Set, Tuple, Union

from ._omcache import ffi, lib
from .client import DEFAULT, Timeout
from .errors import Error, error_for
from .fetching import (
    FRESH,
    MAKE,
    STALE,
    STORE_ENDED,
    KeyMaker,
    both,
    found,
    kept_by,
    key_of,
    make_policy,
    same,
)
from .gather import (
    NOT_FOUND,
    OK,
    REPLY,
    Found,
    Gather,
    Outcome,
    debug_fields,
    make_outcome,
    read_rows,
)
from .handle import (
    Handle,
    Item,
    Key,
    MetaItem,
    Server,
    Servers,
    Value,
    encode_key,
    encode_value,
    make_meta,
    milliseconds,
)
from .hot import HotValues

NULL = ffi.NULL
_IDLE_MAX = 16  # batches whose memory is kept for later ones

# How a future is finished: from the row of its outcome, the value, the key, and what else the
# operation has said.
Finish = Callable[[Tuple[Any, ...], Optional[bytes], Any, Any], Any]


@ffi.def_extern()
def omcache_on_watch(mc: Any, fd: int, events: int, context: Any) -> None:
    client = ffi.from_handle(context)()
    if client is not None:
        client._watch(fd, events)


@ffi.def_extern()
def omcache_on_timeout(mc: Any, timeout_msec: int, context: Any) -> None:
    client = ffi.from_handle(context)()
    if client is not None:
        client._wake_in(timeout_msec)


def _value(row: Tuple[Any, ...], value: Optional[bytes], key: Any, default: Any) -> Any:
    if row[2] == OK:
        return value
    if row[2] == NOT_FOUND:
        return default
    raise error_for(row[2], key, value)


def _item(row: Tuple[Any, ...], value: Optional[bytes], key: Any, default: Any) -> Any:
    if row[2] == OK:
        return Item(value or b"", row[6], row[7])
    return _value(row, value, key, default)


def _done(row: Tuple[Any, ...], value: Optional[bytes], key: Any, extra: Any) -> Any:
    if row[2] != OK:
        raise error_for(row[2], key, value)


def _number(row: Tuple[Any, ...], value: Optional[bytes], key: Any, extra: Any) -> int:
    if row[2] != OK:
        raise error_for(row[2], key, value)
    return row[8]


def _outcome(row: Tuple[Any, ...], value: Optional[bytes], key: Any, extra: Any) -> Any:
    """For what needs more of it: extra makes the result."""
    return extra(make_outcome(row, b"", value), key)


def _as_it_is(outcome: Outcome, key: Any) -> Outcome:
    return outcome


def _statistics(
    row: Tuple[Any, ...], value: Optional[bytes], command: Any, parts: Any
) -> Dict[str, str]:
    if row[2] != OK:
        raise error_for(row[2], command, value)
    return {key.decode("utf-8", "replace"): text.decode("utf-8", "replace") for key, text in parts}


class _Group:
    """The operations on several keys that one future stands for."""

    def __init__(
        self, future: asyncio.Future[Any], count: int, fine: Tuple[int, ...], result: Any
    ) -> None:
        self.future = future
        self.result = result
        self.left = count
        self.fine = fine
        self.found: Dict[Any, Any] = {}
        self.failed: Dict[Any, Error] = {}

    def add(self, status: int, key: Any, result: Any, words: Optional[bytes] = None) -> None:
        self.left -= 1
        if status == OK:
            self.found[key] = result
        elif status not in self.fine:
            self.failed[key] = error_for(status, key, words)
        if self.left == 0:
            self.finish()

    def finish(self) -> None:
        if self.future.done():
            return
        if not self.failed:
            self.future.set_result(self.result(self.found))
            return
        error = next(iter(self.failed.values()))
        error.failed, error.values = self.failed, self.found
        self.future.set_exception(error)


class Client(Handle):
    """A client of a fleet of memcached servers, for asyncio.

    Settings, keys, values and exceptions are those of omcache.Client.  All methods that ask
    servers return a future at once; bad arguments are raised at once, too.  Requests made in one
    turn of the loop leave together.  A future that is cancelled is not told any more what
    became of its request, which may be carried out all the same.

    A client belongs to the event loop that runs when it is first used, and to that loop's
    thread; when that loop is closed, it can be used in another one.  It has to be closed.
    """

    def _prepare(self) -> None:
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._context = ffi.new_handle(weakref.ref(self))
        self._gather = Gather()
        self._idle: List[Gather] = []  # for batches
        self._chunks: List[Any] = []  # memory of slots
        self._slots: List[Any] = []
        self._pending: List[Any] = []  # for each slot what is under way there
        self._free: List[int] = []
        self._watched: Dict[int, int] = {}
        self._writers: Set[int] = set()
        self._flush_is_due = False
        self._timer: Optional[asyncio.TimerHandle] = None

    # --- In the loop ----------------------------------------------------------

    def _current_loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, which from now on is the client's."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._enter(loop)
        return loop

    def _enter(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._mc == NULL:
            raise ValueError("the client is closed")
        if self._loop is not None:
            if not self._loop.is_closed():
                raise RuntimeError("the client belongs to another event loop")
            self._leave()
        self._loop = loop
        lib.omcache_set_watch_callback(self._mc, lib.omcache_on_watch, self._context)
        lib.omcache_set_timeout_callback(self._mc, lib.omcache_on_timeout, self._context)

    def _leave(self) -> None:
        """Forgets a loop that is closed; what was under way there is given up."""
        lib.omcache_set_watch_callback(self._mc, NULL, NULL)
        lib.omcache_set_timeout_callback(self._mc, NULL, NULL)
        lib.omcache_reset_buffers(self._mc)
        lib.omcache_process_timeouts(self._mc)
        self._loop = None
        self._drain(False)
        self._watched.clear()
        self._writers.clear()
        self._timer = None
        self._flush_is_due = False

    def _watch(self, fd: int, events: int) -> None:
        """The library wants a descriptor to be watched.  What it wants to write is written by
        _flush, and only if it does not get rid of all of it is the descriptor watched for that."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        before = self._watched.pop(fd, 0)
        if events:
            self._watched[fd] = events
        if events & ~before & POLLIN:
            loop.add_reader(fd, self._ready, fd, POLLIN)
        elif before & ~events & POLLIN:
            loop.remove_reader(fd)
        if events & POLLOUT and fd not in self._writers:
            if not self._flush_is_due:
                self._flush_is_due = True
                loop.call_soon(self._flush)
        elif not events & POLLOUT and fd in self._writers:
            self._writers.discard(fd)
            loop.remove_writer(fd)

    def _flush(self) -> None:
        """Sends what was asked for in this turn of the loop."""
        self._flush_is_due = False
        loop = self._loop
        if self._mc == NULL or loop is None:
            return
        lib.omcache_process_timeouts(self._mc)
        for fd, events in self._watched.items():
            if events & POLLOUT and fd not in self._writers:
                self._writers.add(fd)
                loop.add_writer(fd, self._ready, fd, POLLOUT)
        self._drain()

    def _ready(self, fd: int, events: int) -> None:
        lib.omcache_process_fd(self._mc, fd, events)
        self._drain()

    def _wake_in(self, msec: int) -> None:
        """The library wants to be called at that time at the latest.  A timer that is early
        does no harm; so it is left alone until it fires."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        when = loop.time() + msec / 1000
        timer = self._timer
        if timer is not None:
            if timer.when() <= when:
                return
            timer.cancel()
        self._timer = loop.call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self._mc == NULL:
            return
        lib.omcache_process_timeouts(self._mc)
        self._drain()
        msec = lib.omcache_next_timeout(self._mc)
        if msec >= 0:
            self._wake_in(msec)

    def _drain(self, tell: bool = True) -> None:
        """Tells the futures the outcomes that have come."""
        gathered = self._gather
        if not gathered.c.count:
            return
        if gathered.c.lost:
            self._give_up(lib.OMCACHE_NO_MEMORY)
            return
        try:
            for row, key, value in read_rows(gathered.c):
                self._tell(row, key, value, tell)
        except BaseException:  # such as Ctrl-C: what was not told yet will never be
            self._give_up(lib.OMCACHE_CANCELLED)
            raise

    def _tell(self, row: Tuple[Any, ...], key: bytes, value: Optional[bytes], tell: bool) -> None:
        slot = row[0]
        future, finish, name, extra = self._pending[slot]
        if not row[1]:
            extra.append((key, value))
            return
        if tell and future is None:
            finish(row, value, name, extra)
        elif tell and not future.done():
            try:
                future.set_result(finish(row, value, name, extra))
            except Exception as error:
                future.set_exception(error)
        self._end(slot)

    def _give_up(self, reason: int) -> None:
        """Some outcome was lost, and nobody knows which."""
        futures = [each[0] or each[3].future for each in self._pending if each]
        self._gather.c.lost = self._gather.c.count = 0
        self._pending = [None] * len(self._pending)
        mc, self._mc = self._mc, NULL
        lib.omcache_free(mc)
        self._loop = None
        for future in futures:
            if not future.done():
                future.set_exception(error_for(reason))

    # --- Operations -----------------------------------------------------------

    def _more_slots(self) -> None:
        first, count = len(self._slots), max(64, len(self._slots))
        chunk = ffi.new("gather_slot_t[]", count)
        self._chunks.append(chunk)
        for i in range(count):
            slot = chunk + i
            slot.gather = self._gather.c
            slot.number = first + i
            self._slots.append(slot)
        self._pending += [None] * count
        self._free.extend(range(first + count - 1, first - 1, -1))

    def _begin(self, future: Any, finish: Any, key: Any, extra: Any, function: Any, *args: Any) -> int:
        """Begins an operation; its outcome goes to finish."""
        if not self._free:
            self._more_slots()
        number = self._free.pop()
        self._pending[number] = (future, finish, key, extra)
        try:
            rc = function(self._mc, *args, REPLY, self._slots[number])
        except Exception:  # an argument that C cannot have, or keys that are none
            self._end(number)
            raise
        if rc != OK:
            self._end(number)
        return rc

    def _end(self, number: int) -> None:
        self._pending[number] = None
        self._free.append(number)

    def _start(
        self, finish: Finish, key: Any, extra: Any, function: Any, *args: Any
    ) -> asyncio.Future[Any]:
        """The same, with a future."""
        future = self._current_loop().create_future()
        rc = self._begin(future, finish, key, extra, function, *args)
        if rc != OK:
            if rc == lib.OMCACHE_INVALID:
                raise self._refusal(key)
            future.set_exception(error_for(rc, key))
        return future

    def _refusal(self, key: Any) -> Exception:
        if self._mc == NULL:
            return ValueError("the client is closed")
        return error_for(lib.OMCACHE_INVALID, key)

    def _msec(self, timeout: Timeout) -> int:
        msec = self._timeout if timeout is DEFAULT else milliseconds(timeout)
        if msec == 0:
            raise ValueError("a timeout of 0 leaves no time at all")
        return msec

    def _several(
        self,
        keys: Iterable[Key],
        fine: Tuple[int, ...],
        finish: Finish,
        begin: Any,
        result: Any = dict,
    ) -> asyncio.Future[Any]:
        """One future for operations on several keys; begin makes the arguments for one, and
        result makes the result of what succeeded."""
        if isinstance(keys, (str, bytes)):
            raise TypeError("keys are several, not one")
        todo = [(key, begin(key, encode_key(key))) for key in dict.fromkeys(keys)]
        future = self._current_loop().create_future()
        group = _Group(future, len(todo) + 1, fine, result)
        for key, arguments in todo:
            rc = self._begin(None, finish, key, group, *arguments)
            if rc != OK:
                group.add(rc, key, None)
        group.left -= 1
        if group.left == 0:
            group.finish()
        return future

    def get(
        self, key: Key, default: Any = None, *, timeout: Timeout = DEFAULT
    ) -> Awaitable[Any]:
        """The value of a key, or default if it is not there."""
        name = encode_key(key)
        msec = self._msec(timeout)
        return self._start(_value, key, default, lib.omcache_async_get, name, len(name), msec)

    def gets(
        self, key: Key, default: Any = None, *, timeout: Timeout = DEFAULT
    ) -> Awaitable[Any]:
        """The Item of a key, with flags and cas, or default if it is not there."""
        name = encode_key(key)
        msec = self._msec(timeout)
        return self._start(_item, key, default, lib.omcache_async_get, name, len(name), msec)

    def gat(
        self, key: Key, expiration: int, default: Any = None, *, timeout: Timeout = DEFAULT
    ) -> Awaitable[Any]:
        """The Item of a key, which gets a new expiration; or default if it is not there."""
        name = encode_key(key)
        args = (name, len(name), expiration, self._msec(timeout))
        return self._start(_item, key, default, lib.omcache_async_gat, *args)

    def get_multi(
        self, keys: Iterable[Key], *, timeout: Timeout = DEFAULT
    ) -> Awaitable[Dict[Key, bytes]]:
        """The values of those keys that are there.  If a server fails, that is raised, with
        what was found as its `values`."""
        return self._find(keys, timeout, lambda found: dict(zip(found.keys, found.values)))

    def gets_multi(
        self, keys: Iterable[Key], *, timeout: Timeout = DEFAULT
    ) -> Awaitable[Dict[Key, Item]]:
        """The same, but with flags and cas."""
        return self._find(
            keys,
            timeout,
            lambda found: dict(zip(found.keys, map(Item, found.values, found.flags, found.cas))),
        )

    def _find(
        self, keys: Iterable[Key], timeout: Timeout, result: Callable[[Found], Any]
    ) -> Awaitable[Any]:
        """One future, and one call, for a batch of gets; result makes its result."""
        if isinstance(keys, (str, bytes)):
            raise TypeError("keys are several, not one")
        names, msec = list(dict.fromkeys(keys)), self._msec(timeout)
        future = self._current_loop().create_future()
        gathered = self._idle.pop() if self._idle else Gather()

        ended: List[int] = []  # its slot, if nothing could be begun

        def begin(mc: Any, reply: Any, slot: Any) -> int:
            gathered.begin(mc, lib.GATHER_GET, names, msec, 0, slot)
            if not gathered.c.pending:
                ended.append(slot.number)
            return OK

        def finish(row: Any, value: Any, key: Any, extra: Any) -> Any:
            try:
                return result(gathered.found(names))
            finally:
                if len(self._idle) < _IDLE_MAX:
                    self._idle.append(gathered)

        self._begin(future, finish, None, None, begin)
        for number in ended:
            self._tell((number, 1), b"", None, True)
        return future

    def set(
        self,
        key: Key,
        value: Value,
        expiration: int = 0,
        *,
        flags: int = 0,
        cas: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> Awaitable[None]:
        """Stores a value; if cas is not 0, only over the value that has it."""
        name, data = encode_key(key), encode_value(value)
        args = (name, len(name), data, len(data), expiration, flags, cas, self._msec(timeout))
        return self._start(_done, key, None, lib.omcache_async_set, *args)

    def add(
        self,
        key: Key,
        value: Value,
        expiration: int = 0,
        *,
        flags: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> Awaitable[None]:
        """Stores a value if there is none; otherwise raises KeyExistsError."""
        name, data = encode_key(key), encode_value(value)
        args = (name, len(name), data, len(data), expiration, flags, self._msec(timeout))
        return self._start(_done, key, None, lib.omcache_async_add, *args)

    def replace(
        self,
        key: Key,
        value: Value,
        expiration: int = 0,
        *,
        flags: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> Awaitable[None]:
        """Stores a value if there is one; otherwise raises NotFoundError."""
        name, data = encode_key(key), encode_value(value)
        args = (name, len(name), data, len(data), expiration, flags, self._msec(timeout))
        return self._start(_done, key, None, lib.omcache_async_replace, *args)

    def append(
        self, key: Key, value: Value, *, cas: int = 0, timeout: Timeout = DEFAULT
    ) -> Awaitable[None]:
        """Adds bytes behind a value that is there; otherwise raises NotStoredError."""
        name, data = encode_key(key), encode_value(value)
        args = (name, len(name), data, len(data), cas, self._msec(timeout))
        return self._start(_done, key, None, lib.omcache_async_append, *args)

    def prepend(
        self, key: Key, value: Value, *, cas: int = 0, timeout: Timeout = DEFAULT
    ) -> Awaitable[None]:
        """Adds bytes in front of a value that is there; otherwise raises NotStoredError."""
        name, data = encode_key(key), encode_value(value)
        args = (name, len(name), data, len(data), cas, self._msec(timeout))
        return self._start(_done, key, None, lib.omcache_async_prepend, *args)

    def set_multi(
        self,
        items: Mapping[Key, Value],
        expiration: int = 0,
        *,
        flags: Union[int, Mapping[Key, int]] = 0,
        timeout: Timeout = DEFAULT,
    ) -> Awaitable[None]:
        """Stores several values; flags are for all of them, or for each.  If some cannot be
        stored, one of the reasons is raised, with all of them as its `failed`."""
        msec = self._msec(timeout)
        function = lib.omcache_async_set

        def begin(key: Key, name: bytes) -> Tuple[Any, ...]:
            data = encode_value(items[key])
            each = flags if isinstance(flags, int) else flags.get(key, 0)
            return function, name, len(name), data, len(data), expiration, each, 0, msec

        return self._keys_of(items, (), begin, lambda found: None)

    def _keys_of(
        self, keys: Iterable[Key], fine: Tuple[int, ...], begin: Any, result: Any = None
    ) -> Awaitable[Any]:
        """A future for those keys that something succeeded with, in their order."""
        names = keys if isinstance(keys, (str, bytes)) else list(dict.fromkeys(keys))

        def finish(row: Tuple[Any, ...], value: Any, key: Any, group: _Group) -> None:
            group.add(row[2], key, None, value)

        def succeeded(found: Dict[Key, Any]) -> List[Key]:
            return [key for key in names if key in found]  # type: ignore[misc]

        return self._several(names, fine, finish, begin, result or succeeded)

    def delete(self, key: Key, *, timeout: Timeout = DEFAULT) -> Awaitable[None]:
        """Removes a value; raises NotFoundError if there is none."""
        name = encode_key(key)
        args = (name, len(name), self._msec(timeout))
        return self._start(_done, key, None, lib.omcache_async_delete, *args)

    def delete_multi(
        self, keys: Iterable[Key], *, timeout: Timeout = DEFAULT
    ) -> Awaitable[List[Key]]:
        """Removes several values, and returns the keys of those that were there."""
        msec = self._msec(timeout)
        function = lib.omcache_async_delete
        return self._keys_of(
            keys, (NOT_FOUND,), lambda key, name: (function, name, len(name), msec)
        )

    def touch(self, key: Key, expiration: int, *, timeout: Timeout = DEFAULT) -> Awaitable[None]:
        """Gives a value a new expiration; raises NotFoundError if there is none."""
        name = encode_key(key)
        args = (name, len(name), expiration, self._msec(timeout))
        return self._start(_done, key, None, lib.omcache_async_touch, *args)

    def increment(
        self,
        key: Key,
        delta: int = 1,
        *,
        initial: Optional[int] = None,
        expiration: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> Awaitable[int]:
        """Counts up and returns the new number.  A counter that is not there is made with
        initial and expiration, or if initial is None, NotFoundError is raised."""
        function = lib.omcache_async_increment
        return self._count(function, key, delta, initial, expiration, timeout)

    def decrement(
        self,
        key: Key,
        delta: int = 1,
        *,
        initial: Optional[int] = None,
        expiration: int = 0,
        timeout: Timeout = DEFAULT,
    ) -> Awaitable[int]:
        """Counts down, to 0 at most; otherwise as increment."""
        function = lib.omcache_async_decrement
        return self._count(function, key, delta, initial, expiration, timeout)

    def _count(
        self,
        function: Any,
        key: Key,
        delta: int,
        initial: Optional[int],
        expiration: int,
        timeout: Timeout,
    ) -> Awaitable[int]:
        name = encode_key(key)
        if initial is None:
            initial, expiration = 0, lib.OMCACHE_DELTA_NO_ADD
        args = (name, len(name), delta, initial, expiration, self._msec(timeout))
        return self._start(_number, key, None, function, *args)

    # --- With options: what the meta protocol adds ----------------------------

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
    ) -> Awaitable[Optional[MetaItem]]:
        """As omcache.Client.meta_get."""
        meta = make_meta(locals())
        name = encode_key(key)
        args = (name, len(name), meta, self._msec(timeout))

        def result(outcome: Outcome, key: Any) -> Optional[MetaItem]:
            return None if outcome.status == NOT_FOUND else outcome.check(key).meta_item()

        return self._start(_outcome, key, result, lib.omcache_async_meta_get, *args)

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
    ) -> Awaitable[int]:
        """As omcache.Client.meta_set."""
        meta = make_meta(locals())
        name, data = encode_key(key), encode_value(value)
        args = (name, len(name), data, len(data), flags, meta, self._msec(timeout))
        return self._start(
            _outcome, key, lambda o, key: o.check(key).cas, lib.omcache_async_meta_set, *args
        )

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
    ) -> Awaitable[None]:
        """As omcache.Client.meta_delete."""
        meta = make_meta(locals())
        name = encode_key(key)
        args = (name, len(name), meta, self._msec(timeout))
        return self._start(_done, key, None, lib.omcache_async_meta_delete, *args)

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
    ) -> Awaitable[Tuple[int, int]]:
        """As omcache.Client.meta_arithmetic."""
        meta = make_meta(locals())
        name = encode_key(key)
        args = (name, len(name), delta, meta, self._msec(timeout))

        def result(outcome: Outcome, key: Any) -> Tuple[int, int]:
            outcome.check(key)
            return outcome.number, outcome.cas

        return self._start(_outcome, key, result, lib.omcache_async_meta_arithmetic, *args)

    def meta_debug(
        self, key: Key, *, timeout: Timeout = DEFAULT
    ) -> Awaitable[Optional[Dict[str, str]]]:
        """As omcache.Client.meta_debug."""
        name = encode_key(key)
        args = (name, len(name), self._msec(timeout))
        return self._start(_outcome, key, debug_fields, lib.omcache_async_meta_debug, *args)

    # --- Values that one reader makes -----------------------------------------

    async def fetch(
        self,
        key: Key,
        make: Callable[[], Union[Value, Awaitable[Value]]],
        *,
        ttl: int,
        refresh: int = 0,
        stale: int = 0,
        making: int = 30,
        wait: Optional[float] = 5,
        hot: Optional[HotValues] = None,
        timeout: Timeout = DEFAULT,
    ) -> bytes:
        """As omcache.Client.fetch; make may be a coroutine function."""
        policy = make_policy(ttl, refresh, stale, making, wait)
        kept = kept_by(hot, key, policy)
        name, msec = encode_key(key), self._msec(timeout)
        args = (name, len(name), policy, both(wait, msec))
        asked = self._start(_outcome, key, _as_it_is, lib.omcache_async_fetch, *args)
        try:
            outcome = await asyncio.shield(asked)
        except asyncio.CancelledError:  # it may still be told to make the value
            asked.add_done_callback(lambda future: self._decline(name, future))
            raise
        if outcome.fetched == MAKE:
            return await self._make(key, name, make, policy, outcome.cas, msec)
        if outcome.fetched in (FRESH, STALE):
            return found(key, outcome, hot, kept)
        raise error_for(outcome.status, key, outcome.value)

    def _abandon(self, name: bytes, token: int) -> None:
        if self._mc != NULL:
            lib.omcache_async_fetch_abandon(self._mc, name, len(name), token, -1, NULL, NULL)

    def _decline(self, name: bytes, asked: asyncio.Future[Any]) -> None:
        if not asked.cancelled() and asked.exception() is None and asked.result().fetched == MAKE:
            self._abandon(name, asked.result().cas)

    async def _make(
        self, key: Key, name: bytes, make: Callable[[], Any], policy: Any, token: int, msec: int
    ) -> bytes:
        try:
            made = make()
            value = encode_value(await made if inspect.isawaitable(made) else made)
        except BaseException:
            self._abandon(name, token)
            raise
        args = (name, len(name), value, len(value), 0, token, policy, msec)
        try:
            stored = self._start(_outcome, key, _as_it_is, lib.omcache_async_fetch_store, *args)
            if (await stored).status not in STORE_ENDED:
                self._abandon(name, token)
        except Error:
            pass  # the value is there for whoever has made it
        return bytes(value)

    def invalidate(
        self, key: Key, *, stale: int = 0, timeout: Timeout = DEFAULT
    ) -> Awaitable[bool]:
        """As omcache.Client.invalidate."""
        policy, name = make_policy(1, 0, stale, 0, 0), encode_key(key)
        args = (name, len(name), policy, self._msec(timeout))

        def result(outcome: Outcome, key: Any) -> bool:
            return outcome.status != NOT_FOUND and outcome.check(key).status == OK

        return self._start(_outcome, key, result, lib.omcache_async_fetch_invalidate, *args)

    def cached(
        self,
        *,
        ttl: int,
        key: KeyMaker = None,
        dumps: Callable[[Any], Value] = same,
        loads: Callable[[bytes], Any] = same,
        **how: Any,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """As omcache.Client.cached, for a coroutine function."""

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            async def call(*args: Any, **kwargs: Any) -> Any:
                async def make() -> Value:
                    return dumps(await function(*args, **kwargs))

                name = key_of(key, function, args, kwargs)
                return loads(await self.fetch(name, make, ttl=ttl, **how))

            return call

        return decorate

    # --- Servers --------------------------------------------------------------

    def noop(self, index: int = 0, *, timeout: Timeout = DEFAULT) -> Awaitable[None]:
        """Asks a server for a sign of life."""
        return self._start(_done, index, None, lib.omcache_async_noop, index, self._msec(timeout))

    def version(self, index: int = 0, *, timeout: Timeout = DEFAULT) -> Awaitable[str]:
        """The version of a server."""

        def result(outcome: Outcome, index: Any) -> str:
            return (outcome.check(index).value or b"").decode("utf-8", "replace")

        args = (index, self._msec(timeout))
        return self._start(_outcome, index, result, lib.omcache_async_version, *args)

    def flush_all(
        self, expiration: int = 0, index: int = 0, *, timeout: Timeout = DEFAULT
    ) -> Awaitable[None]:
        """Has a server forget everything, now or in so many seconds."""
        args = (expiration, index, self._msec(timeout))
        return self._start(_done, index, None, lib.omcache_async_flush_all, *args)

    def stat(
        self, command: Optional[str] = None, index: int = 0, *, timeout: Timeout = DEFAULT
    ) -> Awaitable[Dict[str, str]]:
        """The statistics of a server: general ones, or those of a name such as "items"."""
        name = NULL if command is None else command.encode() + b"\0"
        args = (name, index, self._msec(timeout))

        def begin(mc: Any, *args: Any) -> int:
            slot = args[-1]
            slot.parts = 1
            rc = lib.omcache_async_stat(mc, *args)
            slot.parts = int(rc == OK)
            return rc

        return self._start(_statistics, command, [], begin, *args)

    def servers(self) -> List[Server]:
        """The servers, in the order of their indexes."""
        return self._server_list()

    def set_servers(self, servers: Servers) -> None:
        """Replaces the list of servers; those that stay keep their connections."""
        self._set_servers(servers)

    def server_protocol(self, index: int) -> str:
        """The protocol in use with a server; "auto" if it is not known yet."""
        return self._server_protocol(index)

    def server_counters(self, index: int) -> Dict[str, Any]:
        """What the library has counted for a server, by the names of omcache_server_stats_t."""
        return self._counters(index)

    # --- The end --------------------------------------------------------------

    async def close(self) -> None:
        """Closes all connections; what is under way ends with CancelledError."""
        self._close()

    def _close(self) -> None:
        mc, self._mc = self._mc, NULL
        if mc != NULL:
            lib.omcache_free(mc)
            self._drain(self._loop is not None and not self._loop.is_closed())
            if self._timer is not None:
                self._timer.cancel()
            self._loop = None

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *exc: Any) -> None:
        self._close()

    def __del__(self) -> None:
        if self.__dict__.get("_mc", NULL) != NULL:
            if self._loop is not None:
                warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self)
            self._close()
