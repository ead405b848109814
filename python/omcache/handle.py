"""What the waiting client and the one for asyncio share: a handle and its settings."""

from __future__ import annotations

import logging
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Union

from ._omcache import ffi, lib
from .errors import error_for
from .text import c_string
from .tls import TLS, make_tls

Key = Union[str, bytes]
Value = Union[bytes, bytearray, memoryview]
Servers = Union[str, Iterable[str]]

KEY_MAX = 250
LEVELS = {3: logging.ERROR, 4: logging.WARNING, 7: logging.DEBUG}


class Server(NamedTuple):
    """A server of the list; `index` is its place there."""

    index: int
    host: str
    port: int


class Item(NamedTuple):
    """A value with what is stored with it."""

    value: bytes
    flags: int
    cas: int


class MetaItem(NamedTuple):
    """What meta_get tells; what was not asked for, or is not known, is None."""

    value: Optional[bytes]
    flags: int
    cas: int
    # The others are those of GATHER_DETAILS in gather.h, in any order and without an "is_", but
    # for what only fetches are told.
    won: bool
    already_won: bool
    stale: bool
    ttl: Optional[int]
    last_access: Optional[int]
    was_hit: Optional[bool]
    size: Optional[int]
    unchanged: bool


def check(rc: int, about: Any = None) -> None:
    if rc != lib.OMCACHE_OK:
        raise error_for(rc, about)


def encode_key(key: Key) -> bytes:
    """The bytes of a key; text is UTF-8.

    >>> encode_key("caf\\u00e9")
    b'caf\\xc3\\xa9'
    """
    if isinstance(key, str):
        key = key.encode()
    elif not isinstance(key, bytes):
        raise TypeError(f"a key is str or bytes, not {type(key).__name__}")
    if not 0 < len(key) <= KEY_MAX:
        raise ValueError(f"a key has 1 to {KEY_MAX} bytes, not {len(key)}")
    return key


def encode_value(value: Value) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"a value is bytes, not {type(value).__name__}")


def milliseconds(seconds: Optional[float]) -> int:
    """The library's form of a timeout; it must not become 0, which is another thing."""
    if seconds is None:
        return -1
    if not seconds >= 0:
        raise ValueError(f"a timeout is None or at least 0 seconds, not {seconds!r}")
    return min(max(int(seconds * 1000), int(seconds > 0)), 0x7FFFFFFF)


def functions(prefix: str) -> Dict[str, Any]:
    """The functions of the library whose names begin so, by what follows."""
    return {name[len(prefix) :]: getattr(lib, name) for name in dir(lib) if name.startswith(prefix)}


def constants(enum: str, prefix: str) -> Dict[str, int]:
    """The constants of an enum, by what follows this in their names: "ttl", "append"."""
    numbers = ffi.typeof("enum " + enum).relements
    return {name[len(prefix) :].lower(): number for name, number in numbers.items()}


SETTERS = functions("omcache_meta_set_")
MODES = constants("omcache_meta_mode_e", "OMCACHE_META_")
WANTS = constants("omcache_meta_want_e", "OMCACHE_META_WANT_")


def make_meta(arguments: Dict[str, Any]) -> Any:
    """An omcache_meta_t of those arguments that are options and not None.

    Options, modes and wants are those of omcache.h.  By hand they are named only as the
    keywords of the meta_* methods, in client.py and again in aio.py, because these are the API
    that people and type checkers read; there, locals() passes all of them.  test_docs.py
    compares them with omcache.h."""
    meta = ffi.gc(lib.omcache_meta_new(), lib.omcache_meta_free)
    if meta == ffi.NULL:
        raise MemoryError
    for name, setter in SETTERS.items():
        value = arguments.get(name)
        if value is None:
            continue
        if name == "want":
            value = want_bits(value)
        elif name == "mode":
            value = mode_number(value)
        check(setter(meta, value), name)
    return meta


def want_bits(want: Iterable[str]) -> int:
    """The sum of what a reply is to tell, by names such as "value" and "ttl"."""
    bits = 0
    for name in want:
        if name.lower() not in WANTS:
            raise ValueError(f"cannot want {name!r}")
        bits |= WANTS[name.lower()]
    return bits


def mode_number(name: str) -> int:
    if name.lower() not in MODES:
        raise ValueError(f"{name!r} is no mode")
    return MODES[name.lower()]


def constant(prefix: str, name: str) -> int:
    """The constant for a name: ("OMCACHE_PROTOCOL_", "meta")."""
    number = getattr(lib, prefix + name.upper(), None)
    if number is None:
        raise ValueError(f"{name!r} is no {prefix[8:-1].lower()}")
    return number


@ffi.def_extern()
def omcache_on_log(context: Any, level: int, message: Any) -> None:
    logger = ffi.from_handle(context)
    logger.log(LEVELS.get(level, logging.INFO), str(ffi.string(message), "utf-8", "replace"))


class Heard:
    """Stands before a logger, and keeps the last that it was told."""

    def __init__(self, log: Optional[logging.Logger]) -> None:
        self.log_of_user = log
        self.last = ""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG

    def log(self, level: int, message: str) -> None:
        self.last = message
        if self.log_of_user is not None:
            self.log_of_user.log(level, message)


class NotCopied:
    """What owns memory and connections of the library: a copy would free them, too."""

    _instead = "make another one"

    def __reduce__(self) -> Any:
        """copy, deepcopy and pickle ask this."""
        kind = type(self).__name__
        raise TypeError(f"a {kind} cannot be copied or pickled: {self._instead}")


class Handle(NotCopied):
    """A handle of the library.  See Client for what the settings are."""

    def __init__(
        self,
        servers: Servers = "127.0.0.1:11211",
        *,
        protocol: str = "auto",
        timeout: Optional[float] = None,
        prefix: Key = b"",
        hash_prefix: bool = False,
        hash_tag: Optional[str] = None,
        distribution: str = "ketama",
        hash: Optional[str] = None,
        failover: str = "next",
        connect_timeout: Optional[float] = None,
        reconnect_timeout: Optional[float] = None,
        dead_timeout: Optional[float] = None,
        send_buffer_max_size: Optional[int] = None,
        recv_buffer_max_size: Optional[int] = None,
        dns_servers: Optional[str] = None,
        tls: Union[TLS, bool, None] = None,
        username: Optional[Key] = None,
        password: Optional[Key] = None,
        log: Optional[logging.Logger] = None,
    ) -> None:
        self._mc = ffi.NULL
        self._settings = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self._prepare()
        self._open()

    def _prepare(self) -> None:
        """What a subclass needs before there is a handle."""

    def _open(self) -> None:
        """Makes a handle with the settings."""
        self._tls: Any = None
        self._mc = lib.omcache_init()
        if self._mc == ffi.NULL:
            raise MemoryError
        try:
            self._configure(**self._settings)
        except BaseException:
            lib.omcache_free(self._mc)
            self._mc = ffi.NULL
            raise

    def _configure(
        self,
        servers: Servers,
        protocol: str,
        timeout: Optional[float],
        prefix: Key,
        hash_prefix: bool,
        hash_tag: Optional[str],
        distribution: str,
        hash: Optional[str],
        failover: str,
        dns_servers: Optional[str],
        tls: Union[TLS, bool, None],
        username: Optional[Key],
        password: Optional[Key],
        log: Optional[logging.Logger],
        **limits: Optional[float],
    ) -> None:
        mc = self._mc
        self._timeout = milliseconds(timeout)
        if tls != self._tls:  # else its files would be read again
            self._set_tls(make_tls(tls), log)
            self._tls = tls
        self._set_credentials(username, password)
        self._set_log(log)
        for name, limit in limits.items():
            if limit is not None:
                number = milliseconds(limit) if name.endswith("timeout") else int(limit)
                check(getattr(lib, "omcache_set_" + name)(mc, number), name)
        prefix = prefix.encode() if isinstance(prefix, str) else prefix
        check(lib.omcache_set_key_prefix(mc, prefix, len(prefix), hash_prefix), prefix)
        check(lib.omcache_set_hash_tag(mc, c_string(hash_tag)), hash_tag)
        check(lib.omcache_set_protocol(mc, constant("OMCACHE_PROTOCOL_", protocol)))
        check(lib.omcache_set_failover(mc, constant("OMCACHE_FAILOVER_", failover)))
        check(lib.omcache_set_dns_servers(mc, c_string(dns_servers)), dns_servers)
        check(
            lib.omcache_set_distribution(mc, c_string(distribution), c_string(hash)),
            (distribution, hash),
        )
        self._set_servers(servers)

    def _set_log(self, log: Any) -> None:
        if log is None:
            logger, level, function = ffi.NULL, 0, ffi.NULL
        else:
            level = 7 if log.isEnabledFor(logging.DEBUG) else 6
            logger, function = ffi.new_handle(log), lib.omcache_on_log
        check(lib.omcache_set_log_callback(self._mc, level, function, logger))
        self._log = logger

    def _set_tls(self, tls: Any, log: Optional[logging.Logger]) -> None:
        """Why the files cannot be used is only said to the log."""
        heard = Heard(log)
        self._set_log(heard)
        rc = lib.omcache_set_tls(self._mc, tls)
        self._set_log(log)
        if rc != lib.OMCACHE_OK:
            raise error_for(rc, words=heard.last.encode())

    def _set_credentials(self, username: Optional[Key], password: Optional[Key]) -> None:
        """No exception has them."""
        if (username is None) != (password is None):
            raise TypeError("a username needs a password, and a password a username")
        if username is None or password is None:
            check(lib.omcache_set_credentials(self._mc, ffi.NULL, 0, ffi.NULL, 0))
            return
        if not isinstance(username, (str, bytes)) or not isinstance(password, (str, bytes)):
            raise TypeError("a username and a password are str or bytes")
        try:
            name = username.encode() if isinstance(username, str) else username
            word = password.encode() if isinstance(password, str) else password
        except UnicodeEncodeError:
            name = word = None
        if name is None or word is None:  # outside, so that the other one is not its context
            raise ValueError("the username, or the password, is no text that UTF-8 has")
        rc = lib.omcache_set_credentials(self._mc, name, len(name), word, len(word))
        check(rc, "the username, or the password")

    def _set_servers(self, servers: Servers) -> None:
        text = servers if isinstance(servers, str) else ",".join(servers)
        check(lib.omcache_set_servers(self._mc, c_string(text)), text)

    def _server_list(self) -> List[Server]:
        servers: List[Server] = []
        while True:
            info = lib.omcache_server_info(self._mc, len(servers))
            if info == ffi.NULL:
                return servers
            host = str(ffi.string(info.hostname), "utf-8", "surrogateescape")
            servers.append(Server(info.server_index, host, info.port))
            lib.omcache_server_info_free(self._mc, info)

    def _server_protocol(self, index: int) -> str:
        number = lib.omcache_server_protocol(self._mc, index)
        if number < 0:
            raise error_for(lib.OMCACHE_NO_SERVERS, index)
        return enum_name("enum omcache_protocol_e", number)

    def _counters(self, index: int) -> Dict[str, Any]:
        stats = ffi.new("omcache_server_stats_t *")
        stats.struct_size = ffi.sizeof("omcache_server_stats_t")
        check(lib.omcache_server_stats(self._mc, index, stats), index)
        names = [name for name, _ in ffi.typeof(stats[0]).fields]
        counters = {n: getattr(stats, n) for n in names if n not in ("struct_size", "reserved")}
        counters["state"] = enum_name("enum omcache_server_state_e", stats.state)
        counters["latency"] = list(stats.latency)
        return counters


def enum_name(kind: str, number: int) -> str:
    """The last word of an enum's name for a number: "meta", "ready"."""
    return ffi.typeof(kind).elements[number].rsplit("_", 1)[1].lower()
