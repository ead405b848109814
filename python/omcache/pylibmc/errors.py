"""pylibmc's exceptions, and what of omcache's becomes which."""

from __future__ import annotations

import functools
from typing import Any, Callable, Optional

import omcache


class Error(Exception):
    """What all of them are; `retcode` is libmemcached's number for it."""

    retcode: Optional[int] = None


MemcachedError = Error


class CacheMiss(Error):
    """To be raised by a deserialize() of one's own: the value is none."""


class BadKeyProvided(Error, ValueError):
    retcode = 33


def _exception(name: str, number: int) -> Any:
    return type(name, (Error,), {"retcode": number, "__module__": "omcache_pylibmc"})


Failure = _exception("Failure", 1)
HostLookupError = _exception("HostLookupError", 2)
ConnectionError = _exception("ConnectionError", 3)
ConnectionBindError = _exception("ConnectionBindError", 4)
WriteError = _exception("WriteError", 5)
ReadError = _exception("ReadError", 6)
UnknownReadFailure = _exception("UnknownReadFailure", 7)
ProtocolError = _exception("ProtocolError", 8)
ClientError = _exception("ClientError", 9)
ServerError = _exception("ServerError", 10)
SocketCreateError = _exception("SocketCreateError", 11)
DataExists = _exception("DataExists", 12)
DataDoesNotExist = _exception("DataDoesNotExist", 13)
NotFound = _exception("NotFound", 16)
AllocationError = _exception("AllocationError", 17)
SomeErrors = _exception("SomeErrors", 19)
NoServers = _exception("NoServers", 20)
UnixSocketError = _exception("UnixSocketError", 27)
NotSupportedError = _exception("NotSupportedError", 28)
FetchNotFinished = _exception("FetchNotFinished", 30)
InvalidHostProtocolError = _exception("InvalidHostProtocolError", 34)
ServerDead = _exception("ServerDead", 35)
UnknownStatKey = _exception("UnknownStatKey", 36)
TooBig = _exception("TooBig", 37)
ServerDown = _exception("ServerDown", 47)

_TRANSLATED = (
    (omcache.NotFoundError, NotFound),
    (omcache.KeyExistsError, DataExists),
    (omcache.TooLargeValueError, TooBig),
    (omcache.DeltaBadValueError, ClientError),
    (omcache.ServerFailureError, ConnectionError),
    (omcache.NoServersError, ServerDown),
    (omcache.BufferFullError, WriteError),
    (omcache.InvalidError, BadKeyProvided),
    (omcache.NoMemoryError, AllocationError),
)


def translate(error: omcache.Error) -> Error:
    for ours, theirs in _TRANSLATED:
        if isinstance(error, ours):
            return theirs(str(error))
    if isinstance(error, omcache.FailError):
        return (ClientError if "CLIENT_ERROR" in str(error) else ServerError)(str(error))
    return Error(str(error))


def translated(method: Callable[..., Any]) -> Callable[..., Any]:
    """Has a method raise pylibmc's exceptions."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except omcache.Error as error:
            raise translate(error) from error

    return wrapper
