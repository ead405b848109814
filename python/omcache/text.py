"""Text for the library."""

from __future__ import annotations

from typing import Any, Optional

from ._omcache import ffi


def c_string(text: Optional[str]) -> Any:
    """For a parameter that is a C string or NULL."""
    if text is None:
        return ffi.NULL
    data = text.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise ValueError(f"a zero byte in {text!r}")
    return data
