"""What connections are to be made safe with."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Any, Optional, Union

from ._omcache import ffi, lib
from .errors import error_for
from .text import c_string

VERSIONS = {"1.2": lib.OMCACHE_TLS_1_2, "1.3": lib.OMCACHE_TLS_1_3}

Path = Union[str, "os.PathLike[str]"]


def path_string(path: Optional[Path]) -> Any:
    """For a parameter that is a path or NULL."""
    return c_string(None if path is None else os.fspath(path))


@dataclass(frozen=True)
class TLS:
    """Settings of TLS, for the clients' `tls`.

    ca             a file with the certificates that are trusted; ca_directory: a folder that
                   `openssl rehash` has prepared.  Without them: the system's
    cert, key      files with the certificate that is shown to servers which ask for one, and its
                   key, which has no passphrase
    server_name    whom the servers' certificates must be for, if not as the list names them
    verify         False: any certificate will do.  Anybody can pretend to be the server then
    min_version    "1.2" or "1.3"
    ciphers, suites     what may encrypt in TLS 1.2, and in 1.3, as OpenSSL lists them

    Why a server was not believed is said in the client's `log`, and by no exception.

    The files are read when a client is made, and again by client.configure(tls=...),
    client.disconnect() and, in a child, after a fork: where they cannot be read any more there,
    the client is closed.
    """

    ca: Optional[Path] = None
    ca_directory: Optional[Path] = None
    cert: Optional[Path] = None
    key: Optional[Path] = None
    server_name: Optional[str] = None
    verify: bool = True
    min_version: str = "1.2"
    ciphers: Optional[str] = None
    suites: Optional[str] = None

    def _make(self) -> Any:
        """The library's form of it."""
        made = ffi.gc(lib.omcache_tls_new(), lib.omcache_tls_free)
        if made == ffi.NULL:
            raise MemoryError
        version = VERSIONS.get(self.min_version)
        if version is None:
            raise ValueError(f"{self.min_version!r} is no version of TLS: '1.2' or '1.3'")
        self._set("ca", lib.omcache_tls_set_ca_file(made, path_string(self.ca)))
        self._set(
            "ca_directory", lib.omcache_tls_set_ca_directory(made, path_string(self.ca_directory))
        )
        self._set(
            "cert, and its key",
            lib.omcache_tls_set_certificate(made, path_string(self.cert), path_string(self.key)),
        )
        self._set("server_name", lib.omcache_tls_set_server_name(made, c_string(self.server_name)))
        self._set(
            "ciphers",
            lib.omcache_tls_set_ciphers(made, c_string(self.ciphers), c_string(self.suites)),
        )
        lib.omcache_tls_set_verification(made, self.verify)
        lib.omcache_tls_set_min_version(made, version)
        return made

    @staticmethod
    def _set(name: str, rc: int) -> None:
        if rc != lib.OMCACHE_OK:
            raise error_for(rc, name)


def make_tls(tls: Union[TLS, bool, None]) -> Any:
    """What omcache_set_tls takes: settings, or NULL for none."""
    if isinstance(tls, ssl.SSLContext):
        raise TypeError("an ssl.SSLContext cannot be taken over: use omcache.TLS(ca=..., ...)")
    if tls is None or tls is False:
        return ffi.NULL
    if tls is True:
        return TLS()._make()
    if not isinstance(tls, TLS):
        raise TypeError(f"tls is an omcache.TLS, True or None, not {type(tls).__name__}")
    return tls._make()
