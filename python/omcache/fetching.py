"""What the two clients have in common of fetches: values that one reader makes."""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any, Callable, Dict, Iterator, Optional, Tuple, Union

from ._omcache import ffi, lib
from .gather import Outcome
from .handle import Key, Value, milliseconds
from .hot import HotValues, Kept

FRESH = lib.OMCACHE_FETCH_FRESH
STALE = lib.OMCACHE_FETCH_STALE
MAKE = lib.OMCACHE_FETCH_MAKE
WAITED = lib.OMCACHE_FETCH_WAITED

# What a store can answer after which there is nothing left to abandon.
STORE_ENDED = (lib.OMCACHE_OK, lib.OMCACHE_KEY_EXISTS, lib.OMCACHE_NOT_FOUND)

_KEY_MAX = 200  # bytes of a key that is made of arguments as they are

KeyMaker = Union[None, str, Callable[..., Key]]


def make_policy(ttl: int, refresh: int, stale: int, making: int, wait: Optional[float]) -> Any:
    """An omcache_fetch_policy_t *.  wait: seconds, or None for no limit."""
    policy = ffi.new("omcache_fetch_policy_t *")
    policy.struct_size = ffi.sizeof("omcache_fetch_policy_t")
    policy.ttl, policy.refresh, policy.stale, policy.making = ttl, refresh, stale, making
    policy.wait_msec = milliseconds(wait)
    return policy


def kept_by(hot: Optional[HotValues], key: Key, policy: Any) -> Optional[Kept]:
    """What is kept of a key, which the policy then names as known."""
    return None if hot is None else hot._ask(key, policy)


def found(key: Key, outcome: Outcome, hot: Optional[HotValues], kept: Optional[Kept]) -> bytes:
    """The value that a fetch has found."""
    return outcome.value or b"" if hot is None else hot._take(key, kept, outcome)


def both(wait: Optional[float], msec: int) -> int:
    """The limit for a fetch that waits for so many seconds, and for each answer so many ms."""
    return -1 if wait is None or msec < 0 else min(milliseconds(wait) + msec, 0x7FFFFFFF)


def pauses(wait: Optional[float]) -> Iterator[float]:
    """Seconds between two looks, until that is over: there is a look after the last one."""
    until = None if wait is None else time.monotonic() + wait
    pause = 0.005
    while True:
        left = pause if until is None else until - time.monotonic()
        if left <= 0:
            return
        yield min(pause, left)
        pause = min(2 * pause, 0.1)


def key_of(
    key: KeyMaker, function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]
) -> Key:
    """The key of a call: what `key` makes of the arguments, or the function's name (or `key`) and
    what repr() says of them, as a hash if that is long or has other characters than keys have
    over every protocol."""
    if callable(key):
        return key(*args, **kwargs)
    named = "".join(f",{name}={value!r}" for name, value in sorted(kwargs.items()))
    text = ",".join(map(repr, args)) + named
    prefix = key if key is not None else f"{function.__module__}.{function.__qualname__}"
    plain = f"{prefix}({text})"
    if len(plain) <= _KEY_MAX and plain.isascii() and plain.isprintable() and " " not in plain:
        return plain
    name = re.sub(r"[^!-~]", "_", prefix)[: _KEY_MAX - 70]
    return f"{name}#{hashlib.sha256(plain.encode('utf-8', 'surrogatepass')).hexdigest()}"


def same(value: Value) -> Value:
    """For values that are bytes already."""
    return value
