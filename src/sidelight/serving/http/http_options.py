"""`HttpOptions`: where the service listens, and the limits that it keeps."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, fields
from typing import Final

from sidelight.errors import SpecError, complain
from sidelight.option_types import checked

MOST_K: Final = 1000  # lists are never longer, whatever the options say
MOST_IDS: Final = 10_000  # candidates of one request
MOST_HISTORY: Final = 1000
MOST_BATCH: Final = 200  # requests in one batch
MOST_EVENTS: Final = 1000
MOST_ROWS: Final = 500  # items in one call
MOST_WAIT: Final = 30.0  # seconds that a call may wait for its items to be placed
_LEAST: Final = {"port": 0, "require_keys": 0, "rate": 0.0, "queue": 0, "explorer": 0}


def _threads() -> int:
    """Return twice the cores: while one request waits for the interpreter, another one uses the core."""
    return 2 * max(1, min(8, os.cpu_count() or 1))


@dataclass(frozen=True)
@checked
class HttpOptions:
    """How the service speaks HTTP.

    Args:
        host, port: Where it listens; port 0 takes a free one.
        require_keys: Ask every caller for a key. None: from the first key on that is made, for ever.
            False opens it again. Without keys the service listens to this machine alone.
        proxy: Addresses of the proxies in front, which say who asks, e.g. "127.0.0.1" or "10.0.0.2,10.0.0.3".
            Cookies are then `Secure`, and others than this machine may come through it.
        explorer: Serve the pages for people as well.
        most_body, most_items_body: Bytes of one request; of one that brings items, images included.
        max_k, max_ids, max_history, max_batch: Longest list, candidates, history, and batch that may be
            asked for; at most what the API description says.
        most_image, most_pixels: Bytes of one image, and its width times its height.
        deadline: Seconds in which a request is answered, or refused with 503.
        patience: Seconds for what takes long: loading another version, waiting for items.
        concurrency: Requests that are worked on at the same time, each in a thread.
        queue: Requests that may wait for their turn; one more is refused with 503.
        most_cost: Cost of one request, and of all that one key has at work, see `turns.cost`; beyond it
            the one is refused with 422, the others with 429.
        rate, burst: Requests a second that a key may make on average, and at once; a rate of 0 is no limit.
        connections: Open connections. Beyond them, the one that has owed a request for longest is closed.
        silent: Connections of one address that may owe a request; beyond it they have a second for it.
        grace: Seconds that requests have to finish when the service is stopped.

    Raises:
        SpecError: A number out of range.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    require_keys: bool | None = None
    proxy: str = ""
    explorer: bool = True
    most_body: int = 1 << 20
    most_items_body: int = 16 << 20
    max_k: int = MOST_K
    max_ids: int = MOST_IDS
    max_history: int = MOST_HISTORY
    max_batch: int = MOST_BATCH
    most_image: int = 4 << 20
    most_pixels: int = 16_000_000
    deadline: float = 10.0
    patience: float = 120.0
    concurrency: int = _threads()
    queue: int = 64
    most_cost: float = 3000.0
    rate: float = 200.0
    burst: int = 400
    connections: int = 1000
    silent: int = 64
    grace: float = 10.0

    def __post_init__(self) -> None:
        for each in self.proxy.split(",") if self.proxy else ():
            try:
                ipaddress.ip_network(each.strip())
            except ValueError:
                fix = "give the address from which the proxy asks, like 127.0.0.1"
                raise SpecError(complain("addresses of proxies", repr(each), "HTTP options", fix)) from None
        for field in fields(self):
            value, least = getattr(self, field.name), _LEAST.get(field.name, 0.001)
            if isinstance(value, (int, float)) and not least <= value < float("inf"):
                raise SpecError(complain(f"{field.name} >= {least}", repr(value), "HTTP options"))
        most = {"max_k": MOST_K, "max_ids": MOST_IDS, "max_history": MOST_HISTORY, "max_batch": MOST_BATCH}
        for name, top in {**most, "port": 65535}.items():
            if getattr(self, name) > top:
                raise SpecError(complain(f"{name} <= {top}", repr(getattr(self, name)), "HTTP options"))

    @property
    def each(self) -> int:
        """Short requests that one key may have at work or waiting: half of what there is room for."""
        return max(1, (self.concurrency + self.queue) // 2)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host) and not self.proxy


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own, seen from this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
