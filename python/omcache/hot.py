"""Values that are read often, kept in the process."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from typing import Any, NamedTuple, Optional

from ._omcache import lib
from .gather import Outcome
from .handle import Key, NotCopied, encode_key

_all: weakref.WeakSet[HotValues] = weakref.WeakSet()


class Kept(NamedTuple):
    value: bytes
    cas: int
    connection: int  # of the client that has found it: the cas of others is another one


class HotValues(NotCopied):
    """Values that fetches keep in the process, as they are read often.

    >>> hot = omcache.HotValues(max_bytes=64 << 20)
    >>> mc.fetch("page", make_page, ttl=60, hot=hot)

    The server is asked each time whether the value is still that one, so that it is never older
    than without; but memcached 1.6.40 and newer do not send it again.  (Older ones do, and so
    does every server over other protocols than meta: then this is of no use, and does no harm.)
    It saves the transfer of large values, not the round trip.

    A value is kept if somebody has read it before since it was stored.  All of them together have
    at most max_bytes bytes, keys included; those that were not read for longest go first.  One
    object is for one client, and any number of threads.  spared counts the values that were not
    sent, and spared_bytes their bytes.

    A server that was restarted may give the cas of a kept value to another one.  That is noticed,
    as its connections have ended; but not behind a proxy: do not use this there."""

    def __init__(self, max_bytes: int) -> None:
        if max_bytes < 0:
            raise ValueError("max_bytes is at least 0")
        self.max_bytes = max_bytes
        self.bytes = 0
        self.spared = 0
        self.spared_bytes = 0
        self._values: OrderedDict[bytes, Kept] = OrderedDict()
        self._lock = threading.Lock()
        _all.add(self)

    def __len__(self) -> int:
        return len(self._values)

    def clear(self) -> None:
        """Keeps nothing any more."""
        with self._lock:
            self._values.clear()
            self.bytes = 0

    def _ask(self, key: Key, policy: Any) -> Optional[Kept]:
        """Has a fetch tell what it takes; what is kept now."""
        with self._lock:
            kept = self._values.get(encode_key(key))
        policy.want = lib.OMCACHE_META_WANT_WAS_HIT
        if kept is not None:
            policy.known, policy.known_connection = kept.cas, kept.connection
        return kept

    def _take(self, key: Key, kept: Optional[Kept], outcome: Outcome) -> bytes:
        """The value that a fetch has found, which may be the one that was kept then."""
        item, name = outcome.meta_item(), encode_key(key)
        spared = kept is not None and item.unchanged
        value = kept.value if kept is not None and spared else outcome.value or b""
        may_be_known = outcome.cas != 0 and outcome.connection != 0
        with self._lock:
            self.spared += spared
            self.spared_bytes += len(value) if spared else 0
            self._drop(name)
            if item.was_hit and may_be_known and len(name) + len(value) <= self.max_bytes:
                self._keep(name, Kept(value, outcome.cas, outcome.connection))
        return value

    def _drop(self, name: bytes) -> None:
        kept = self._values.pop(name, None)
        self.bytes -= 0 if kept is None else len(name) + len(kept.value)

    def _keep(self, name: bytes, kept: Kept) -> None:
        self._values[name] = kept
        self.bytes += len(name) + len(kept.value)
        while self.bytes > self.max_bytes:
            self._drop(next(iter(self._values)))


def _after_fork() -> None:
    """Another thread may have had the lock, which does not go on in the child."""
    for hot in list(_all):
        hot._lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
