"""HTTP protocol of uvicorn with time and size limits that it lacks.

uvicorn accepts heads and trailers of any length, and waits for them and for bodies for ever; at its limit of
connections it refuses all new ones. Here a connection that owes a request is closed after some time, or after
some bytes; and where there are too many, those that have owed one for longest are closed for the others.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, OrderedDict
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST: Final = 128 << 10  # bytes of one request beside its body: head, trailers, chunk sizes
PATIENCE: Final = 20.0  # seconds from the first byte of a head, or from the connection, to its last
CROWDED: Final = 5.0  # up to twice as long for an address of which too many connections owe a request
UNWANTED: Final = 1.0  # seconds for the rest of a body whose response was already sent
RESTS: Final = 60.0  # seconds between two requests, whatever else is sent
SPARE: Final = 256  # descriptors beside those of connections: files, and connections until they are closed


class ConnectionLimits:
    """Limits over all connections of a server, and over those that owe bytes of a request.

    Args:
        most: Most connections.
        silent: Connections per address that may owe a request for long.
    """

    def __init__(self, most: int, silent: int) -> None:
        self._most, self._silent = most, silent
        # The connection that has owed a request for longest is the first.
        self._owing: OrderedDict[BoundedHttpProtocol, str] = OrderedDict()
        self._addresses: Counter[str] = Counter()
        self._open: set[BoundedHttpProtocol] = set()

    def admit(self, one: BoundedHttpProtocol) -> bool:
        """Admit a connection, closing one that owes a request where needed; return whether there is room."""
        if len(self._open) >= self._most and self._owing:
            oldest = next(iter(self._owing))
            self.leave(oldest)
            oldest.transport.abort()
        if len(self._open) >= self._most:
            return False
        self._open.add(one)
        return True

    def leave(self, one: BoundedHttpProtocol) -> None:
        """Remove a connection that is closed."""
        self.paid(one)
        self._open.discard(one)

    def owes(self, one: BoundedHttpProtocol, address: str) -> float:
        """Note that a connection owes a request from now on; return the seconds that it gets."""
        self.paid(one)
        self._owing[one] = address
        self._addresses[address] += 1
        if self._addresses[address] <= self._silent:
            return PATIENCE
        return CROWDED * (1 + random.random())  # not all at once: closing them is work as well

    def paid(self, one: BoundedHttpProtocol) -> None:
        """Note that a connection owes nothing any more."""
        address = self._owing.pop(one, None)
        if address is not None:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]


class BoundedHttpProtocol(HttpToolsProtocol):
    """Protocol of one connection.

    Args:
        crowd: Limits over all connections.
    """

    def __init__(self, *given: Any, crowd: ConnectionLimits, **named: Any) -> None:
        super().__init__(*given, **named)
        self._crowd = crowd
        self._beside = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Handle a new connection."""
        super().connection_made(transport)
        if self._crowd.admit(self):
            self._wait()
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end of the connection."""
        self._stop()
        self._crowd.leave(self)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Handle the first byte of a head."""
        self._beside = 0
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Handle the last byte of a head. The service has a deadline of its own for the body."""
        self._close_after(None)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Handle part of a body, for which the service has its own limit."""
        self._beside -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Handle the last byte of a request."""
        self._stop()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Handle the last byte of a response; the rest of a body is not needed any more."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._close_after(UNWANTED)
        elif self._timer is None and not self.transport.is_closing():  # else the next head is on its way
            self._owe()
            self._close_after(RESTS)

    def data_received(self, data: bytes) -> None:
        """Handle received bytes of any part."""
        super().data_received(data)
        self._beside += len(data)
        if self._beside > MOST and not self.transport.is_closing():
            self.transport.close()

    def _wait(self) -> None:
        self._close_after(self._owe())

    def _owe(self) -> float:
        return self._crowd.owes(self, self.client[0] if self.client else "")

    def _stop(self) -> None:
        self._crowd.paid(self)
        self._close_after(None)

    def _close_after(self, seconds: float | None) -> None:
        """Close the connection after some time; None means never."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.close)
