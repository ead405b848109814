"""Operations whose outcomes are gathered in C (gather.h), and read here all at once."""

from __future__ import annotations

import os
import struct
from array import array
from errno import EINTR, EINVAL
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ._omcache import ffi, lib
from .errors import Error, error_for
from .handle import Key, MetaItem, NotCopied, encode_key, functions

_KINDS = {"uint64_t": "Q", "int64_t": "q"}
_FIELDS = ffi.typeof("gather_outcome_t").fields
_ROW = struct.Struct("=" + "".join(_KINDS[field.type.cname] for _, field in _FIELDS))
assert _ROW.size == ffi.sizeof("gather_outcome_t")

REPLY = ffi.addressof(lib, "gather_reply")
OK = lib.OMCACHE_OK
NOT_FOUND = lib.OMCACHE_NOT_FOUND


class Outcome(NamedTuple):
    """How an operation ended, or a part of one; the members are those of the C struct,
    with the bytes of key and value in place of their lengths, and GATHER_DETAILS in one."""

    slot: int
    last: int
    status: int
    key: bytes
    value: Optional[bytes]
    has_value: int
    flags: int
    cas: int
    number: int
    details: Tuple[int, ...]  # the others, which only operations with options have

    def check(self, key: Any = None) -> Outcome:
        """Raises what went wrong."""
        if self.status != OK:
            raise error_for(self.status, key, self.value)
        return self

    def meta_item(self) -> MetaItem:
        told = {
            name: tell(n)
            for (name, tell), n in zip(_DETAILS, self.details)
            if name in MetaItem._fields
        }
        return MetaItem(self.value, self.flags, self.cas, **told)

    @property
    def connection(self) -> int:
        """Over which the value came that a fetch has found; 0: that is not known."""
        return self.details[_PLACES["connection"]]

    @property
    def fetched(self) -> int:
        """What to do after a fetch."""
        return self.details[_PLACES["fetched"]]


def debug_fields(outcome: Outcome, key: Any) -> Optional[Dict[str, str]]:
    """The words "name=number" of a debug request's answer."""
    if outcome.status == NOT_FOUND:
        return None
    words = (outcome.check(key).value or b"").decode("utf-8", "replace").split()
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def make_outcome(row: Tuple[Any, ...], key: bytes, value: Optional[bytes]) -> Outcome:
    """Of what read_rows gives."""
    return Outcome(*row[:3], key, value, *row[5:_FIRST_DETAIL], row[_FIRST_DETAIL:])


def _make_teller(name: str) -> Callable[[int], Any]:
    """What makes Python's form of a number of omcache_reply_NAME: those that return an int
    say yes or no, and -1 is "unknown", unless that is a time to live: forever."""
    unknown = -2 if name == "ttl" else -1
    form = bool if ffi.typeof(_REPLY_TELLS[name]).result.cname == "int" else int
    return lambda number: None if number == unknown else form(number)


# How a MetaItem is made of the details, in their order.
_FIRST_DETAIL = Outcome._fields.index("details")
_REPLY_TELLS = functions("omcache_reply_")
_DETAILS = [
    (name[3:] if name.startswith("is_") else name, _make_teller(name))
    for name, _ in _FIELDS[_FIRST_DETAIL:]
]


_PLACES = {name: place for place, (name, _) in enumerate(_FIELDS[_FIRST_DETAIL:])}


class Found(NamedTuple):
    """What a batch of gets has found."""

    keys: Iterable[Key]
    values: Tuple[bytes, ...]
    flags: List[int]
    cas: List[int]


def read_rows(c: Any) -> Iterator[Tuple[Tuple[Any, ...], bytes, Optional[bytes]]]:
    """All outcomes of a gather_t, each as a tuple of the struct's members, its key and its
    value.  They then are no more there; until the last one was asked for, nothing else may
    be done with the handle."""
    count, used = c.count, c.used
    if c.lost:
        c.lost = c.count = c.used = 0
        raise MemoryError
    if not count:
        return
    data = ffi.buffer(c.bytes, used) if used else b""
    at = 0
    try:
        for row in _ROW.iter_unpack(ffi.buffer(c.outcomes, count * _ROW.size)):
            key_end = at + row[3]
            end = key_end + row[4]
            yield row, data[at:key_end], data[key_end:end] if row[5] else None
            at = end
    finally:
        c.count = c.used = 0


class Gather(NotCopied):
    """The outcomes of operations of one handle."""

    def __init__(self) -> None:
        self.c = ffi.gc(ffi.new("gather_t *"), lib.gather_fini)
        self._batch = ffi.new("gather_batch_t *")
        self._hits = ffi.new("gather_hits_t *")
        self._make_room(128)

    def _make_room(self, room: int) -> None:
        """For batches of so many operations."""
        self._room = room
        self._slots = ffi.new("gather_slot_t[]", room)
        memory = (
            ffi.new("uint32_t[]", room),
            ffi.new("uint64_t[]", room),
            ffi.new("uint64_t[]", room),
            ffi.new("char[]", 22 * room),
        )
        self._memory = memory
        hits = self._hits
        hits.slots, hits.flags, hits.cas, hits.format = memory

    def outcomes(self) -> List[Outcome]:
        """All outcomes, which then are no more here."""
        return [make_outcome(*row) for row in read_rows(self.c)]

    def slot(self, parts: bool = False) -> Any:
        """The context of a single operation that is then waited for with wait()."""
        self.c.count = self.c.used = 0
        slot = self._slots + 0
        slot.gather = self.c
        slot.number = 0
        slot.parts = parts
        return slot

    def wait(self, mc: Any, rc: int, key: Any = None) -> List[Outcome]:
        """The outcomes of the operation with slot(); rc is what beginning it returned."""
        if rc != OK:
            raise error_for(rc, key)
        self.c.pending = 1
        self._finish(mc, lambda: lib.gather_run(mc, self.c))
        return self.outcomes()

    def batch(
        self,
        mc: Any,
        command: int,
        keys: Sequence[Key],
        timeout: int,
        values: Optional[Sequence[bytes]] = None,
        flags: Iterable[int] = (),
        expiration: int = 0,
        delta: int = 0,
        initial: int = 0,
    ) -> None:
        """Runs a command for each key; the slots of the outcomes are the places of the keys."""
        batch = self._set_up(command, keys, timeout, expiration)
        batch.delta = delta
        batch.initial = initial
        memory: Any = None
        if values is not None:
            memory = (
                ffi.from_buffer("unsigned char[]", b"".join(values)),
                ffi.from_buffer("size_t[]", array("Q", map(len, values))),
                ffi.from_buffer("uint32_t[]", array("I", flags)),
            )
            batch.values, batch.value_lens, batch.flags = memory
        self._pass(keys, lambda: self._finish(mc, lambda: lib.gather_batch(mc, self.c, batch)))
        del memory

    def begin(
        self, mc: Any, command: int, keys: Sequence[Key], timeout: int, expiration: int, done: Any
    ) -> None:
        """Begins a command for each key.  When all of those that are pending then have ended,
        the slot `done` of another Gather gets an outcome."""
        batch = self._set_up(command, keys, timeout, expiration)
        self.c.done = done
        self._pass(keys, lambda: lib.gather_begin(mc, self.c, batch) == 0)

    def _set_up(self, command: int, keys: Sequence[Key], timeout: int, expiration: int) -> Any:
        """The C form of a batch."""
        count = len(keys)
        if count > self._room:
            self._make_room(2 * count)
        c, batch = self.c, self._batch
        c.count = c.used = c.pending = 0
        batch.command = command
        batch.timeout_msec = timeout
        batch.count = count
        batch.slots = self._slots
        batch.expiration = expiration
        batch.value_lens = ffi.NULL
        return batch

    def _pass(self, keys: Sequence[Key], run: Callable[[], bool]) -> None:
        """Runs a batch with its keys: as one string, which is quick, or if they are not all text
        or there are newlines in them, one by one."""
        if not keys:
            return
        try:
            joined = "\n".join(keys).encode()  # type: ignore[arg-type]
        except TypeError:
            joined = b""
        if not joined or not self._pass_bytes(joined, None, run):
            encoded = [encode_key(key) for key in keys]
            if not self._pass_bytes(b"".join(encoded), encoded, run):
                raise error_for(lib.OMCACHE_INVALID)

    def _pass_bytes(
        self, joined: bytes, keys: Optional[List[bytes]], run: Callable[[], bool]
    ) -> bool:
        batch = self._batch
        batch.keys = text = ffi.from_buffer("unsigned char[]", joined)
        batch.keys_len = len(joined)
        lens: Any = ffi.NULL
        if keys is not None:
            lens = ffi.from_buffer("size_t[]", array("Q", map(len, keys)))
        batch.key_lens = lens
        batch.next = batch.key_at = batch.value_at = 0
        done = run()
        del text, lens
        return done

    def _finish(self, mc: Any, run: Callable[[], int]) -> bool:
        """Runs until all has ended; False if that makes no sense.  In between, Python handles
        signals; if a handler raises, all that is under way is given up."""
        try:
            while True:
                rc = run()
                if rc == 0:
                    return True
                if rc == EINVAL:
                    return False
                if rc != EINTR:
                    raise OSError(rc, os.strerror(rc))
        except BaseException:
            lib.omcache_reset_buffers(mc)
            lib.omcache_process_timeouts(mc)
            raise

    def found(self, keys: Sequence[Key]) -> Found:
        """What a batch of gets has found.  If some have failed, that is raised, with what
        was found."""
        hits = self._hits
        lib.gather_hits(self.c, hits)
        if hits.failed or self.c.lost:
            self.settle(keys, (OK, NOT_FOUND))
        count = hits.count
        if not count:
            return Found((), (), [], [])
        names: Iterable[Key] = keys
        if not hits.in_order:
            names = map(keys.__getitem__, ffi.unpack(hits.slots, count))
        data = ffi.buffer(self.c.bytes, hits.bytes_len) if hits.bytes_len else b""
        values = struct.unpack(ffi.buffer(hits.format, hits.format_len)[:], data)
        return Found(names, values, ffi.unpack(hits.flags, count), ffi.unpack(hits.cas, count))

    def settle(self, keys: Sequence[Key], fine: Tuple[int, ...] = (OK,)) -> List[Outcome]:
        """The outcomes of a batch in the order of its keys.  If some are none that is fine,
        the first of them is raised, with all of them and the values of the others."""
        outcomes = sorted(self.outcomes())
        if all(outcome.status in fine for outcome in outcomes):
            return outcomes
        failed, values = {}, {}
        for outcome in outcomes:
            key = keys[outcome.slot]
            if outcome.status not in fine:
                failed[key] = error_for(outcome.status, key, outcome.value)
            elif outcome.has_value:
                values[key] = outcome.value
        error: Error = next(iter(failed.values()))
        error.failed, error.values = failed, values
        raise error

    def done(self, keys: Sequence[Key]) -> None:
        """Raises if something of a batch without values has failed."""
        hits = self._hits
        lib.gather_hits(self.c, hits)
        if hits.count != len(keys):
            self.settle(keys)
