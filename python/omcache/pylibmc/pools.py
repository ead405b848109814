"""pylibmc's pools of clients."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from typing import Iterator, Optional

from omcache.handle import NotCopied

from .client import Client


class ClientPool(queue.Queue):  # type: ignore[type-arg]
    """A number of clients, of which each is used by one at a time.

    >>> pool = ClientPool(Client(["127.0.0.1"]), 4)
    >>> with pool.reserve() as mc:
    ...     mc.set("key", "value")
    True
    """

    def __init__(self, mc: Optional[Client] = None, n_slots: int = 0) -> None:
        super().__init__(n_slots)
        if mc is not None:
            self.fill(mc, n_slots)

    @contextmanager
    def reserve(self, block: bool = False) -> Iterator[Client]:
        """A client for a with statement.  If none is free, queue.Empty is raised, or with
        block it waits for one."""
        mc = self.get(block)
        try:
            yield mc
        finally:
            self.put(mc)

    def fill(self, mc: Client, n_slots: int) -> None:
        """Puts n_slots clones of a client in."""
        for _ in range(n_slots):
            self.put(mc.clone())


class ThreadMappedPool(NotCopied, dict):  # type: ignore[type-arg]
    """A client for each thread: a clone of the master, made when it is first reserved."""

    def __new__(cls, master: Client) -> ThreadMappedPool:
        return super().__new__(cls)

    def __init__(self, master: Client) -> None:
        super().__init__()
        self.master = master

    @property
    def current_key(self) -> int:
        return threading.get_ident()

    @contextmanager
    def reserve(self) -> Iterator[Client]:
        """This thread's client for a with statement."""
        key = self.current_key
        mc = self.pop(key, None)
        if mc is None:
            mc = self.master.clone()
        try:
            yield mc
        finally:
            self[key] = mc

    def relinquish(self) -> Optional[Client]:
        """Gives up this thread's client; to be called before the thread ends."""
        return self.pop(self.current_key, None)
