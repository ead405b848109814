"""OMcache in place of pylibmc.

    import omcache_pylibmc as pylibmc

    mc = pylibmc.Client(["10.0.0.1", "10.0.0.2"], behaviors={"ketama": True})
    mc.set("key", {"any": "object"})

Values written by pylibmc 1.6 are read here, the other way round, and on the same servers.
doc/python.md says what is different, and what it means to unpickle what a cache holds:
Client(..., unpickle=False) does not.
"""

from omcache.pylibmc.behaviors import all_behaviors, all_callbacks, distributions, hashers
from omcache.pylibmc.client import (
    FLAG_INTEGER,
    FLAG_LONG,
    FLAG_NONE,
    FLAG_PICKLE,
    FLAG_TEXT,
    FLAG_ZLIB,
    Client,
)
from omcache.pylibmc.errors import (
    AllocationError,
    BadKeyProvided,
    CacheMiss,
    ClientError,
    ConnectionBindError,
    ConnectionError,
    DataDoesNotExist,
    DataExists,
    Error,
    Failure,
    FetchNotFinished,
    HostLookupError,
    InvalidHostProtocolError,
    MemcachedError,
    NoServers,
    NotFound,
    NotSupportedError,
    ProtocolError,
    ReadError,
    ServerDead,
    ServerDown,
    ServerError,
    SocketCreateError,
    SomeErrors,
    TooBig,
    UnixSocketError,
    UnknownReadFailure,
    UnknownStatKey,
    WriteError,
)
from omcache.pylibmc.pools import ClientPool, ThreadMappedPool

__version__ = "1.6.3"  # of the pylibmc that this is like
support_compression = True
support_sasl = True

__all__ = [
    "AllocationError",
    "BadKeyProvided",
    "CacheMiss",
    "Client",
    "ClientError",
    "ClientPool",
    "ConnectionBindError",
    "ConnectionError",
    "DataDoesNotExist",
    "DataExists",
    "Error",
    "FLAG_INTEGER",
    "FLAG_LONG",
    "FLAG_NONE",
    "FLAG_PICKLE",
    "FLAG_TEXT",
    "FLAG_ZLIB",
    "Failure",
    "FetchNotFinished",
    "HostLookupError",
    "InvalidHostProtocolError",
    "MemcachedError",
    "NoServers",
    "NotFound",
    "NotSupportedError",
    "ProtocolError",
    "ReadError",
    "ServerDead",
    "ServerDown",
    "ServerError",
    "SocketCreateError",
    "SomeErrors",
    "ThreadMappedPool",
    "TooBig",
    "UnixSocketError",
    "UnknownReadFailure",
    "UnknownStatKey",
    "WriteError",
    "all_behaviors",
    "all_callbacks",
    "distributions",
    "hashers",
    "support_compression",
    "support_sasl",
]
