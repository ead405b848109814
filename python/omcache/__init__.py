"""OMcache: a memcached client.

    import omcache

    mc = omcache.Client("10.0.0.1,10.0.0.2", timeout=0.5)
    mc.set("greeting", b"hello", expiration=60)
    mc.get("greeting")                      # b"hello"
    mc.get_multi(["greeting", "nothing"])   # {"greeting": b"hello"}

omcache.aio has the same for asyncio, and omcache_pylibmc is in place of pylibmc.
"""

from ._omcache import lib as _lib
from .client import Client
from .errors import (
    AgainError,
    AuthFailedError,
    BufferedError,
    BufferFullError,
    CancelledError,
    DeltaBadValueError,
    Error,
    FailError,
    InvalidError,
    KeyExistsError,
    NoDescriptorsError,
    NoMemoryError,
    NoServersError,
    NotFoundError,
    NotStoredError,
    ServerFailureError,
    TimedOutError,
    TooLargeValueError,
)
from .handle import Item, MetaItem, Server
from .hot import HotValues
from .tls import TLS

__version__ = ".".join(str(_lib.OMCACHE_VERSION >> shift & 255) for shift in (16, 8, 0))

__all__ = [
    "TLS",
    "AgainError",
    "AuthFailedError",
    "BufferFullError",
    "BufferedError",
    "CancelledError",
    "Client",
    "DeltaBadValueError",
    "Error",
    "FailError",
    "HotValues",
    "InvalidError",
    "Item",
    "KeyExistsError",
    "MetaItem",
    "NoDescriptorsError",
    "NoMemoryError",
    "NoServersError",
    "NotFoundError",
    "NotStoredError",
    "Server",
    "ServerFailureError",
    "TimedOutError",
    "TooLargeValueError",
    "__version__",
]
