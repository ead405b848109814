"""An exception class for each way in which an operation can end badly."""

from __future__ import annotations

from typing import Any, Dict, Optional, Type

from ._omcache import ffi, lib


class Error(Exception):
    """What all of them are.  `code` is the library's number for it.

    If it comes from an operation on several keys, `failed` says what became of those that
    failed, by key, and `values` has what was found for the others.
    """

    code: int = 0

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.key: Any = None
        self.failed: Dict[Any, Error] = {}
        self.values: Dict[Any, Any] = {}

    def __str__(self) -> str:
        return self.text


class NotFoundError(Error, LookupError):
    """The key is not there."""

    code = lib.OMCACHE_NOT_FOUND


class KeyExistsError(Error):
    """The key is there already, or its cas differs."""

    code = lib.OMCACHE_KEY_EXISTS


class TooLargeValueError(Error, ValueError):
    """The value is larger than the server takes."""

    code = lib.OMCACHE_TOO_LARGE_VALUE


class NotStoredError(Error):
    """There was nothing to append or prepend to."""

    code = lib.OMCACHE_NOT_STORED


class DeltaBadValueError(Error, ValueError):
    """What was to be counted is not a number."""

    code = lib.OMCACHE_DELTA_BAD_VALUE


class FailError(Error):
    """The server refused for another reason."""

    code = lib.OMCACHE_FAIL


class AgainError(Error, TimeoutError):
    """There was no answer in time; it may have been carried out all the same."""

    code = lib.OMCACHE_AGAIN


class InvalidError(Error, ValueError):
    """The arguments make no sense, or the protocol cannot carry them; nothing was done."""

    code = lib.OMCACHE_INVALID


class BufferedError(Error):
    """It was accepted and nobody will be told the outcome, because the timeout was 0."""

    code = lib.OMCACHE_BUFFERED


class BufferFullError(Error):
    """There is more unsent than allowed, or the answer is larger than allowed."""

    code = lib.OMCACHE_BUFFER_FULL


class NoServersError(Error, ConnectionError):
    """There is no server, or none that can be used now."""

    code = lib.OMCACHE_NO_SERVERS


class ServerFailureError(Error, ConnectionError):
    """The server or its connection failed; it may have been carried out all the same."""

    code = lib.OMCACHE_SERVER_FAILURE


class TimedOutError(AgainError):
    """The time of one operation of several is over; otherwise as AgainError."""

    code = lib.OMCACHE_TIMEOUT


class CancelledError(Error):
    """The client was closed before the answer came."""

    code = lib.OMCACHE_CANCELLED


class NoMemoryError(Error, MemoryError):
    """The library could not get memory."""

    code = lib.OMCACHE_NO_MEMORY


class NoDescriptorsError(Error, OSError):
    """There was no file descriptor, or local port, left to connect with."""

    code = lib.OMCACHE_NO_DESCRIPTORS


class AuthFailedError(Error, ConnectionError):
    """The server refuses the username and the password, or wants some."""

    code = lib.OMCACHE_AUTH_FAILED


BY_CODE: Dict[int, Type[Error]] = {
    kind.code: kind for kind in (*Error.__subclasses__(), TimedOutError)
}


def error_for(code: int, key: Any = None, words: Optional[bytes] = None) -> Error:
    """The exception for a return code; `words` are the server's."""
    text = str(ffi.string(lib.omcache_strerror(code)), "utf-8")
    if words:
        text += ": " + words.decode("utf-8", "replace")
    if key is not None:
        text += f" ({key!r})"
    error = BY_CODE.get(code, FailError)(text)
    error.code = code
    error.key = key
    return error
