"""`Bounded`: uvicorn's quick HTTP parser with limits that it does not have itself.

It takes heads and trailers of any length, and waits for them for ever. Here a connection that sends
neither a whole head nor a body that is wanted is closed: after some time, or after some bytes.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST: Final = 128 << 10  # bytes of one request beside its body: head, trailers, marks of chunks
PATIENCE: Final = 20.0  # seconds from the first byte of a head, or from the connection, to its last


class Bounded(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._beside = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connected."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        self._beside = 0
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The last byte of a head."""
        self._stop()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Part of a body; the service itself says how much of that it takes."""
        self._beside -= len(body)
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Bytes of any part."""
        super().data_received(data)
        self._beside += len(data)
        if self._beside > MOST and not self.transport.is_closing():
            self.transport.close()

    def _wait(self) -> None:
        self._stop()
        self._timer = self.loop.call_later(PATIENCE, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
