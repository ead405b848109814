"""pylibmc's behaviors, and libmemcached's way to choose a ring by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from .errors import NotSupportedError

if TYPE_CHECKING:
    from .client import Client

hashers = {
    "default": 0,
    "md5": 1,
    "crc": 2,
    "fnv1_64": 3,
    "fnv1a_64": 4,
    "fnv1_32": 5,
    "fnv1a_32": 6,
    "hsieh": 7,
    "murmur": 8,
    "jenkins": 9,
}
distributions = {
    "modula": 0,
    "consistent": 1,
    "consistent ketama": 2,
    "random": 3,
    "consistent ketama spy": 4,
    "consistent weighted": 5,
    "virtual bucket": 6,
}
_NAMES = {"hash": hashers, "distribution": distributions}
RINGS = ("consistent", "consistent ketama", "consistent ketama spy", "consistent weighted")

# In the order in which they are applied: later ones override earlier ones.
BEHAVIORS: Dict[str, Any] = {
    "no_block": 0,
    "tcp_nodelay": 0,
    "tcp_keepalive": 0,
    "hash": "default",
    "ketama_hash": 0,
    "ketama": 0,
    "ketama_weighted": 0,
    "distribution": "modula",
    "cas": 0,
    "buffer_requests": 0,
    "verify_keys": 0,
    "connect_timeout": 4000,
    "send_timeout": 0,
    "receive_timeout": 0,
    "num_replicas": 0,
    "auto_eject": 0,
    "retry_timeout": 2,
    "remove_failed": 0,
    "failure_limit": 5,
    "_io_msg_watermark": 500,
    "_io_bytes_watermark": 66560,
    "_io_key_prefetch": 0,
    "_hash_with_prefix_key": 0,
    "_noreply": 0,
    "_sort_hosts": 0,
    "_poll_timeout": 5000,
    "_socket_send_size": 0,
    "_socket_recv_size": 0,
    "dead_timeout": 0,
    "pickle_protocol": -1,
}
all_behaviors = list(BEHAVIORS)
all_callbacks = ["namespace"]
EJECT = ("auto_eject", "remove_failed")
_FLAGS = (
    "no_block tcp_nodelay tcp_keepalive ketama ketama_weighted cas buffer_requests verify_keys "
    "auto_eject remove_failed _hash_with_prefix_key _noreply _sort_hosts"
).split()

# With these, a program would get other results than it expects.
_REFUSED = {
    "num_replicas": "values are not stored several times",
    "_noreply": "outcomes are always told",
}


class BehaviorDict(dict):  # type: ignore[type-arg]
    """A client's behaviors; setting one sets it in the client."""

    def __init__(self, client: Client, behaviors: Mapping[str, Any]) -> None:
        super().__init__(behaviors)
        self.client = client

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self.client.set_behaviors({name: value})

    def update(self, *args: Any, **kwargs: Any) -> None:
        changes = dict(*args, **kwargs)
        super().update(changes)
        self.client.set_behaviors(changes)


class Ring:
    """How keys are distributed: what libmemcached makes of behaviors set one by one."""

    def __init__(self) -> None:
        self.distribution = "modula"
        self.hash = "default"
        self.weighted = False
        self.point_hash = "default"

    def set(self, name: str, value: Any) -> None:
        if name == "hash":
            self.hash = value
        elif name == "distribution":
            self._choose(value)
        elif name == "ketama":
            self._choose("consistent ketama" if value else "modula")
        elif name == "ketama_weighted" and value:
            self.hash = "md5"
            self._choose("consistent weighted")
        elif name == "ketama_weighted":
            self._choose("consistent ketama")

    def _choose(self, distribution: str) -> None:
        self.distribution = distribution
        if distribution in ("consistent", "consistent ketama"):
            self.weighted = False
        elif distribution == "consistent weighted":
            self.weighted = True
        self.point_hash = self.hash

    def settings(self) -> Dict[str, str]:
        """The same, for omcache.Client."""
        spy = self.distribution == "consistent ketama spy"
        if self.distribution not in RINGS:
            name = self.distribution.replace(" ", "-")
        elif self.weighted:
            name = "ketama-spy-weighted" if spy else "ketama-weighted"
        elif self.point_hash != self.hash:
            raise NotSupportedError("set hash before or together with ketama or distribution")
        else:
            name = "ketama-spy" if spy else "ketama"
        return {
            "distribution": name,
            "hash": "one-at-a-time" if self.hash == "default" else self.hash,
        }


def behavior_value(name: str, value: Any) -> Any:
    """What is set and read back."""
    if name in ("hash", "distribution"):
        if value is None:
            raise TypeError(f"behavior {name} must be a name")
        if value not in _NAMES[name]:
            raise KeyError(value)
        return value
    if name == "ketama_hash" and value in hashers:
        return hashers[value]
    if not isinstance(value, int):
        raise TypeError(f"behavior {name} must be int, not {type(value).__name__}")
    if value and name in _REFUSED:
        raise NotSupportedError(f"behavior {name}: {_REFUSED[name]}")
    return int(bool(value)) if name in _FLAGS else int(value)
