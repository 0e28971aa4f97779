"""Options of the HTTP service: address, keys and limits."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import Annotated, Final

from sidelight.errors import SpecError, complain
from sidelight.option_types import Count, Natural, NonNegative, checked
from sidelight.option_values import Range

MOST_K: Final = 1000  # hard limits, whatever the options say: places in a list
MOST_IDS: Final = 10_000  # candidates of one request
MOST_HISTORY: Final = 1000
MOST_BATCH: Final = 200  # requests in one batch
MOST_EVENTS: Final = 1000
MOST_ROWS: Final = 500  # items in one call
# Twice the cores: while one request waits for the interpreter, another one uses the core.
THREADS: Final = 2 * max(1, min(8, os.cpu_count() or 1))
MOST_WAIT: Final = 30.0  # seconds that a call may wait for its items to be placed

Seconds = Annotated[float, Range("[0.001, inf)")]
Port = Annotated[int, Range("[0, 65535]")]
ListLength = Annotated[int, Range(f"[1, {MOST_K}]")]
Candidates = Annotated[int, Range(f"[1, {MOST_IDS}]")]
HistoryLength = Annotated[int, Range(f"[1, {MOST_HISTORY}]")]
BatchSize = Annotated[int, Range(f"[1, {MOST_BATCH}]")]


@dataclass(frozen=True)
@checked
class HttpOptions:
    """Options of the HTTP service.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        require_keys: Require an API key of every caller. None: from the first key on that is made, for ever.
            False opens it again. Without keys the service listens to this machine alone.
        proxy: Addresses of the proxies in front, which name the client, e.g. "127.0.0.1" or
            "10.0.0.2,10.0.0.3". Cookies are then `Secure`, and other machines may come through it.
        explorer: Serve the explorer's pages as well.
        most_body: Bytes of one request.
        most_items_body: Bytes of one request with items, images included.
        max_k: Longest list that may be requested, at most 1,000.
        max_ids: Most candidates of a request, at most 10,000.
        max_history: Longest history of a request, at most 1,000.
        max_batch: Largest batch of requests, at most 200.
        most_image: Bytes of one image.
        most_pixels: Width of an image times its height.
        deadline: Seconds in which a request is answered, or refused with 503.
        patience: Seconds for slow operations: loading another version, waiting for items.
        concurrency: Requests that are computed at the same time, each in a thread.
        queue: Requests that may wait for a thread; one more is refused with 503.
        most_cost: Cost of one request, and of all running requests per key, see `fair_turns.cost`; beyond it
            the one is refused with 422, the others with 429.
        rate: Mean requests per second and key; 0 is no limit.
        burst: Requests per key at once.
        connections: Open connections. Beyond them, the one that has owed a request for longest is closed.
        silent: Connections per address that may owe a request; beyond it they have a second for it.
        grace: Seconds that requests have to finish when the service is stopped.

    Raises:
        SpecError: A number out of range, or a proxy that is no address.
    """

    host: str = "127.0.0.1"
    port: Port = 8000
    require_keys: bool | None = None
    proxy: str = ""
    explorer: bool = True
    most_body: Count = 1 << 20
    most_items_body: Count = 16 << 20
    max_k: ListLength = MOST_K
    max_ids: Candidates = MOST_IDS
    max_history: HistoryLength = MOST_HISTORY
    max_batch: BatchSize = MOST_BATCH
    most_image: Count = 4 << 20
    most_pixels: Count = 16_000_000
    deadline: Seconds = 10.0
    patience: Seconds = 120.0
    concurrency: Count = THREADS
    queue: Natural = 64
    most_cost: Seconds = 3000.0
    rate: NonNegative = 200.0
    burst: Count = 400
    connections: Count = 1000
    silent: Count = 64
    grace: Seconds = 10.0

    def __post_init__(self) -> None:
        for each in self.proxy.split(",") if self.proxy else ():
            try:
                ipaddress.ip_network(each.strip())
            except ValueError:
                fix = "give the address from which the proxy asks, like 127.0.0.1"
                raise SpecError(complain("addresses of proxies", repr(each), "HTTP options", fix)) from None

    @property
    def each(self) -> int:
        """Short requests per key that run or wait: half of the places."""
        return max(1, (self.concurrency + self.queue) // 2)

    @property
    def loopback(self) -> bool:
        """True if only this machine can reach the service."""
        return is_loopback(self.host) and not self.proxy


def is_loopback(host: str) -> bool:
    """Check that the name or address of a host is this machine's own, seen from this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
