"""Servers as pylibmc writes them."""

from __future__ import annotations

from typing import Any, Tuple

from .errors import NotSupportedError


def parse_server(server: Any) -> Tuple[str, int, int]:
    """Host, port and weight of "host:port:weight", "/path", or (type, host, port)."""
    if isinstance(server, tuple):
        kind, host, port = server
        if kind == 2:
            raise NotSupportedError("memcached over UDP")
        return host, port, 1
    if not isinstance(server, str):
        raise TypeError(f"a server is a string or a tuple, not {type(server).__name__}")
    if server.startswith("udp:"):
        raise NotSupportedError("memcached over UDP")
    if "://" in server:
        raise ValueError(f"a scheme in {server!r}: `tls` is what chooses TLS, for all servers")
    if server.startswith("/"):
        return server, 0, 1
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        numbers = rest[1:].split(":") if rest else []
    else:
        host, *numbers = server.split(":")
    port, weight = [int(number) for number in numbers] + [11211, 1][len(numbers) :]
    return host, port, weight


def server_text(host: str, port: int, weight: int) -> str:
    if "," in host:
        raise ValueError(f"a comma in {host!r}")
    text = host if host.startswith("/") else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return text if weight == 1 else f"{text}/?{weight}"
