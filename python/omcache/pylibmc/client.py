"""pylibmc's Client."""

from __future__ import annotations

import pickle
import zlib
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

import omcache
from omcache._omcache import lib
from omcache.client import DEFAULT
from omcache.handle import NotCopied

from .behaviors import BEHAVIORS, EJECT, RINGS, BehaviorDict, Ring, behavior_value
from .errors import (
    BadKeyProvided,
    CacheMiss,
    Error,
    NotFound,
    NotSupportedError,
    UnknownStatKey,
    translated,
)
from .servers import parse_server, server_text

Key = Union[str, bytes]

FLAG_NONE, FLAG_PICKLE, FLAG_INTEGER, FLAG_LONG, FLAG_ZLIB, FLAG_TEXT = 0, 1, 2, 4, 8, 16
_TYPES = FLAG_PICKLE | FLAG_INTEGER | FLAG_LONG | FLAG_TEXT

# memcached takes this for a time in 1970, which is over: what a negative time means.
_LONG_AGO = 30 * 24 * 3600 + 1


class Client(NotCopied):
    """pylibmc's client.  servers are "host", "host:port", "host:port:weight" and "/path".

    binary=True speaks memcached's binary protocol; otherwise what the server speaks is found
    out.  unpickle=False refuses to read pickled values.  It may be used by several
    threads, one at a time.
    """

    _instead = "clone() makes another one"

    def __init__(
        self,
        servers: Iterable[Any],
        behaviors: Optional[Mapping[str, Any]] = None,
        binary: bool = False,
        username: Optional[str] = None,
        password: Optional[str] = None,
        *,
        unpickle: bool = True,
        tls: Union[omcache.TLS, bool, None] = None,
    ) -> None:
        if (username is None) != (password is None):
            raise TypeError("a username needs a password, and a password a username")
        self.binary = bool(binary)
        self.addresses = list(servers)
        self.unpickle = unpickle
        self._security = {"tls": tls, "username": username, "password": password}
        if not self.addresses:
            raise Error("empty server list")
        self._servers = [parse_server(server) for server in self.addresses]
        self._behaviors = dict(BEHAVIORS)
        self._ring = Ring()
        self._namespace = b""
        self._client = omcache.Client(
            "",
            protocol="binary" if self.binary else "auto",
            **self._security,
        )
        self.set_behaviors(behaviors or {})
        # libmemcached is given the servers at this moment, and when it has a ring then, a
        # weight makes it a weighted one.
        if self._ring.distribution in RINGS and any(server[2] > 1 for server in self._servers):
            self._ring.weighted = True
            self.set_behaviors({})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.addresses!r}, binary={self.binary})"

    def __str__(self) -> str:
        addresses = ", ".join(map(str, self.addresses))
        return f"<{type(self).__name__} for {addresses}, binary={self.binary}>"

    def clone(self) -> Client:
        """Another client with the same settings, and with connections of its own."""
        behaviors: Dict[str, Any] = dict(self._behaviors)
        if self._namespace:
            behaviors["namespace"] = self._namespace
        clone = type(self)(self.addresses, behaviors, self.binary, **self._more())
        clone._ring.__dict__.update(self._ring.__dict__)
        clone._behaviors.update(self._behaviors)
        clone.set_behaviors({})
        return clone

    def _more(self) -> Dict[str, Any]:
        more = {name: value for name, value in self._security.items() if value is not None}
        return more if self.unpickle else {**more, "unpickle": False}

    # --- Behaviors ---

    @property
    def behaviors(self) -> BehaviorDict:
        """A dictionary of all behaviors; what is set there is set in the client."""
        return BehaviorDict(self, self._behaviors)

    @behaviors.setter
    def behaviors(self, behaviors: Mapping[str, Any]) -> None:
        self.set_behaviors(behaviors)

    def get_behaviors(self) -> BehaviorDict:
        return self.behaviors

    @translated
    def set_behaviors(self, behaviors: Mapping[str, Any]) -> None:
        """Sets some behaviors, by their names; see doc/python.md for what they do here."""
        wanted = dict(behaviors)
        namespace = wanted.pop("namespace", self._namespace)
        unknown = set(wanted) - set(BEHAVIORS)
        if unknown:
            raise ValueError("unknown behavior names: " + ", ".join(sorted(map(str, unknown))))
        ring = Ring()
        ring.__dict__.update(self._ring.__dict__)
        values = dict(self._behaviors)
        for name in BEHAVIORS:
            if name in wanted:
                values[name] = behavior_value(name, wanted[name])
                ring.set(name, values[name])
            # libmemcached has one setting for these two.
            if name in wanted and name in EJECT:
                values.update(dict.fromkeys(EJECT, values[name]))
        values["hash"] = ring.hash
        values["distribution"] = ring.distribution
        values["ketama"] = int(ring.distribution in RINGS)
        values["ketama_weighted"] = int(ring.weighted and ring.distribution in RINGS)
        values["ketama_hash"] = 1 if wanted.get("ketama_weighted") else values["ketama_hash"]
        namespace = namespace.encode() if isinstance(namespace, str) else bytes(namespace or b"")
        self._apply(values, ring, namespace)
        self._behaviors, self._ring, self._namespace = values, ring, namespace

    def _apply(self, values: Mapping[str, Any], ring: Ring, namespace: bytes) -> None:
        servers = self._servers
        if values["_sort_hosts"]:
            servers = sorted(servers, key=lambda server: server[:2])
        self._order = [server[:2] for server in servers]
        self._client.configure(
            servers=[server_text(*server) for server in servers],
            prefix=namespace,
            hash_prefix=bool(values["_hash_with_prefix_key"]),
            failover="next" if values["auto_eject"] else "none",
            connect_timeout=values["connect_timeout"] / 1000 or None,
            reconnect_timeout=values["retry_timeout"] or 0.001,
            timeout=values["_poll_timeout"] / 1000 or None,
            **ring.settings(),
        )

    # --- Values ---

    def serialize(self, value: Any) -> Tuple[bytes, int]:
        """The bytes and flags of an object; may be overridden.

        >>> Client(["127.0.0.1"]).serialize(5)
        (b'5', 4)
        """
        if isinstance(value, bytes):
            return value, FLAG_NONE
        if isinstance(value, str):
            return value.encode(), FLAG_TEXT
        if isinstance(value, bool):
            return b"%d" % value, FLAG_INTEGER
        if isinstance(value, int):
            return str(value).encode(), FLAG_LONG
        return pickle.dumps(value, self._behaviors["pickle_protocol"]), FLAG_PICKLE

    def deserialize(self, bytestring: bytes, flags: int) -> Any:
        """The object of bytes and flags; may be overridden."""
        kind = flags & _TYPES
        if kind == FLAG_NONE:
            return bytestring
        if kind == FLAG_TEXT:
            return bytestring.decode()
        if kind in (FLAG_INTEGER, FLAG_LONG):
            return int(bytestring.decode())
        if kind != FLAG_PICKLE:
            raise Error(f"unknown memcached key flags {kind}")
        if not self.unpickle:
            raise pickle.UnpicklingError("this client does not unpickle values")
        return pickle.loads(bytestring)

    def _encode(self, value: Any, min_compress_len: int, compress_level: int) -> Tuple[bytes, int]:
        data, flags = self.serialize(value)
        if compress_level != -1 and not 0 <= compress_level <= 9:
            raise ValueError("compress_level must be between 0 and 9 inclusive")
        if 0 < min_compress_len <= len(data):
            compressed = zlib.compress(data, compress_level)
            if len(compressed) < len(data):
                return compressed, flags | FLAG_ZLIB
        return data, flags

    def _decode(self, data: bytes, flags: int) -> Any:
        if flags & FLAG_ZLIB:
            try:
                data = zlib.decompress(data)
            except zlib.error as error:
                raise Error(f"Failed to decompress value: {error}") from error
        return self.deserialize(data, flags)

    # --- Getting ---

    @translated
    def get(self, key: Key, default: Any = None, /) -> Any:
        """The value of a key, or default."""
        if key in ("", b""):
            return default
        item = self._client.gets(key)
        if item is None:
            return default
        try:
            return self._decode(item.value, item.flags)
        except CacheMiss:
            return default

    @translated
    def gets(self, key: Key, /) -> Tuple[Any, Optional[int]]:
        """The value of a key and its cas, or (None, None)."""
        self._need_cas("gets")
        item = self._client.gets(key)
        if item is None:
            return None, None
        try:
            return self._decode(item.value, item.flags), item.cas
        except CacheMiss:
            return None, None

    def _need_cas(self, method: str) -> None:
        if not self._behaviors["cas"]:
            raise ValueError(f"{method} without cas behavior")

    @translated
    def get_multi(self, keys: Iterable[Key], key_prefix: Optional[Key] = None) -> Dict[Key, Any]:
        """The values of those keys that are there; key_prefix goes in front of each."""
        names = list(keys)
        if not key_prefix and not all(names):
            names = [key for key in names if key not in ("", b"")]
        client = self._client
        with client._turn():
            client._batch(lib.GATHER_GET, _prefixed(key_prefix, names), DEFAULT)
            found = client._gather.found(names)
        if not any(found.flags) and type(self).deserialize is Client.deserialize:
            return dict(zip(found.keys, found.values))
        values = {}
        for key, value, flags in zip(found.keys, found.values, found.flags):
            try:
                values[key] = self._decode(value, flags)
            except CacheMiss:
                pass
        return values

    # --- Storing ---

    def _store(self, method: Any, key: Key, encoded: Tuple[bytes, int], time: int) -> bool:
        try:
            method(key, encoded[0], _expiration(time), flags=encoded[1])
        except (omcache.KeyExistsError, omcache.NotStoredError, omcache.NotFoundError):
            return False
        return True

    @translated
    def set(
        self, key: Key, val: Any, time: int = 0, min_compress_len: int = 0, compress_level: int = -1
    ) -> bool:
        """Stores a value."""
        encoded = self._encode(val, min_compress_len, compress_level)
        return self._store(self._client.set, key, encoded, time)

    @translated
    def add(
        self, key: Key, val: Any, time: int = 0, min_compress_len: int = 0, compress_level: int = -1
    ) -> bool:
        """Stores a value if there is none; tells whether it did."""
        encoded = self._encode(val, min_compress_len, compress_level)
        return self._store(self._client.add, key, encoded, time)

    @translated
    def replace(
        self, key: Key, val: Any, time: int = 0, min_compress_len: int = 0, compress_level: int = -1
    ) -> bool:
        """Stores a value if there is one; tells whether it did."""
        encoded = self._encode(val, min_compress_len, compress_level)
        return self._store(self._client.replace, key, encoded, time)

    def _extend(self, method: Any, key: Key, val: Any) -> bool:
        try:
            method(key, self.serialize(val)[0])
        except omcache.NotStoredError:
            return False
        return True

    @translated
    def append(
        self, key: Key, val: Any, time: int = 0, min_compress_len: int = 0, compress_level: int = -1
    ) -> bool:
        """Adds behind a value; tells whether there was one.  Only bytes and text make sense."""
        return self._extend(self._client.append, key, val)

    @translated
    def prepend(
        self, key: Key, val: Any, time: int = 0, min_compress_len: int = 0, compress_level: int = -1
    ) -> bool:
        """Adds in front of a value; tells whether there was one."""
        return self._extend(self._client.prepend, key, val)

    @translated
    def cas(self, key: Key, val: Any, cas: int, time: int = 0) -> bool:
        """Stores a value over the one that has this cas; tells whether it did."""
        self._need_cas("cas")
        data, flags = self.serialize(val)
        try:
            self._client.set(key, data, _expiration(time), flags=flags, cas=cas)
        except omcache.KeyExistsError:
            return False
        return True

    def _store_multi(
        self, command: int, keys: Mapping[Key, Any], time: int, key_prefix: Any, how: Tuple[int, int]
    ) -> List[Key]:
        if not isinstance(keys, Mapping):
            raise TypeError(f"keys and values are a dict, not {type(keys).__name__}")
        names = list(keys)
        encoded = [self._encode(value, *how) for value in keys.values()]
        client = self._client
        with client._turn():
            client._batch(
                command,
                _prefixed(key_prefix, names),
                DEFAULT,
                values=[data for data, _ in encoded],
                flags=[flags for _, flags in encoded],
                expiration=_expiration(time),
            )
            fine = (lib.OMCACHE_OK, lib.OMCACHE_KEY_EXISTS, lib.OMCACHE_NOT_STORED)
            outcomes = client._gather.settle(names, fine)
        return [names[o.slot] for o in outcomes if o.status != lib.OMCACHE_OK]

    @translated
    def set_multi(
        self,
        keys: Mapping[Key, Any],
        time: int = 0,
        key_prefix: Optional[Key] = None,
        min_compress_len: int = 0,
        compress_level: int = -1,
    ) -> List[Key]:
        """Stores several values; returns the keys of those that were not stored."""
        how = (min_compress_len, compress_level)
        return self._store_multi(lib.GATHER_SET, keys, time, key_prefix, how)

    @translated
    def add_multi(
        self,
        keys: Mapping[Key, Any],
        time: int = 0,
        key_prefix: Optional[Key] = None,
        min_compress_len: int = 0,
        compress_level: int = -1,
    ) -> List[Key]:
        """Stores several values where there are none; returns the keys of the others."""
        how = (min_compress_len, compress_level)
        return self._store_multi(lib.GATHER_ADD, keys, time, key_prefix, how)

    # --- Deleting, counting ---

    @translated
    def delete(self, key: Key, /) -> bool:
        """Removes a value; tells whether there was one."""
        if key in ("", b""):
            return False
        try:
            self._client.delete(key)
        except omcache.NotFoundError:
            return False
        return True

    @translated
    def delete_multi(self, keys: Iterable[Key], key_prefix: Optional[Key] = None) -> bool:
        """Removes several values; tells whether all of them were there."""
        names = _prefixed(key_prefix, list(keys))
        return len(self._client.delete_multi(names)) == len(names)

    @translated
    def touch(self, key: Key, time: int, /) -> bool:
        """Gives a value a new time to live; tells whether there was one."""
        try:
            self._client.touch(key, _expiration(time))
        except omcache.NotFoundError:
            return False
        return True

    @translated
    def incr(self, key: Key, delta: int = 1, /) -> int:
        """Counts up, and returns the new number."""
        return self._client.increment(_counter(key), _delta(delta))

    @translated
    def decr(self, key: Key, delta: int = 1, /) -> int:
        """Counts down to 0 at most, and returns the new number."""
        return self._client.decrement(_counter(key), _delta(delta))

    @translated
    def incr_multi(
        self, keys: Iterable[Key], key_prefix: Optional[Key] = None, delta: int = 1
    ) -> None:
        """Counts several up; raises NotFound if some are not there."""
        names = _prefixed(key_prefix, list(keys))
        missing = len(names) - len(self._client.increment_multi(names, _delta(delta)))
        if missing:
            raise NotFound(f"{missing} keys not found")

    # --- As a mapping ---

    def __contains__(self, key: Key) -> bool:
        return self.get(key, self) is not self

    def __getitem__(self, key: Key) -> Any:
        value = self.get(key, self)
        if value is self:
            raise KeyError(key)
        return value

    def __setitem__(self, key: Key, value: Any) -> None:
        if not self.set(key, value):
            raise KeyError("failed setting " + repr(key))

    def __delitem__(self, key: Key) -> None:
        if not self.delete(key):
            raise KeyError(key)

    # --- Servers ---

    def _place(self, server: omcache.Server) -> int:
        """The place of a server in the list that this client was given."""
        port = 0 if server.host.startswith("/") else server.port
        return self._order.index((server.host, port))

    @translated
    def hash(self, key: Key, /) -> int:
        """The place in the list of the server that a key belongs to."""
        return self._place(self._client.servers()[self._client.server_for_key(key)])

    @translated
    def get_stats(self, args: str = "", /) -> List[Tuple[bytes, Dict[str, bytes]]]:
        """The statistics of all servers."""
        if not isinstance(args, str):
            raise TypeError(f"args is str, not {type(args).__name__}")
        stats = []
        for server in self._client.servers():
            try:
                found = self._client.stat(args or None, server.index)
            except omcache.NotFoundError as error:
                raise UnknownStatKey(args) from error
            place = self._place(server)
            host, port = self._order[place]
            name = f"{host}:{port} ({place})".encode()
            stats.append((place, name, {key: value.encode() for key, value in found}))
        return [(name, found) for _, name, found in sorted(stats, key=lambda each: each[0])]

    @translated
    def flush_all(self, time: int = 0) -> bool:
        """Has all servers forget everything."""
        if not isinstance(time, int):
            raise TypeError(f"time is int, not {type(time).__name__}")
        self._client.flush_all(max(time, 0))
        return True

    def disconnect_all(self) -> None:
        """Closes all connections; they are made again when they are needed."""
        self._client.disconnect()


def _expiration(time: int) -> int:
    return _LONG_AGO if time < 0 else time


def _delta(delta: int) -> int:
    if delta < 0:
        raise ValueError("delta must be positive")
    return delta


def _counter(key: Key) -> Key:
    if key in ("", b""):
        raise BadKeyProvided("a key without bytes")
    return key


def _prefixed(prefix: Optional[Key], keys: List[Key]) -> List[Key]:
    """The keys with a prefix; text and bytes can be mixed."""
    if not prefix:
        return keys
    text = prefix if isinstance(prefix, str) else None
    data = prefix.encode() if isinstance(prefix, str) else prefix
    if text is not None and all(isinstance(key, str) for key in keys):
        return [text + key for key in keys]  # type: ignore[operator]
    return [data + (key.encode() if isinstance(key, str) else _bytes(key)) for key in keys]


def _bytes(key: Any) -> bytes:
    if not isinstance(key, bytes):
        raise TypeError(f"a key is str or bytes, not {type(key).__name__}")
    return key
