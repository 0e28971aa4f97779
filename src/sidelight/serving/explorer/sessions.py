"""Sessions, saved queries and CSRF tokens of visitors: in memory, under random names, for a while."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

Fields = tuple[tuple[str, str], ...]
"""Fields of a form: pairs of name and value, in its order."""


@dataclass(frozen=True)
class Session:
    """Session of a visitor who signed in with a key.

    Args:
        id: Random value of the cookie.
        key_id: Id of the key, never the key itself.
        name: Name of the key.
        scopes: Scopes of the key.
        until: End of the session, in seconds of the clock it was opened by.
    """

    id: str
    key_id: int
    name: str
    scopes: frozenset[str]
    until: float


class Sessions:
    """Signed-in sessions. They end after some hours, at sign out, with their key, or with the process.

    They are kept here and not in a signed cookie: signing out and revoking a key must end them at once, also
    for a stolen cookie.

    Args:
        hours: Duration of a session.
        most: Number of sessions; the oldest ends where one more is opened.
        clock: Monotonic clock in seconds.
    """

    def __init__(
        self, hours: float = 8.0, most: int = 1000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._most, self._clock = hours * 3600, most, clock
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, key_id: int, name: str, scopes: frozenset[str]) -> Session:
        """Open a session under a name that cannot be guessed."""
        session = Session(secrets.token_urlsafe(32), key_id, name, scopes, self._clock() + self._seconds)
        with self._lock:
            while len(self._open) >= self._most:
                self._open.popitem(last=False)
            self._open[session.id] = session
        return session

    def find(self, session_id: str) -> Session | None:
        """Return the session of a cookie, unless there is none or it has ended."""
        with self._lock:
            session = self._open.get(session_id)
            if session is not None and session.until <= self._clock():
                del self._open[session_id]
                return None
            return session

    def close(self, session_id: str) -> None:
        """End a session, if it has not ended before."""
        with self._lock:
            self._open.pop(session_id, None)

    def close_key(self, key_id: int) -> None:
        """End every session of a key."""
        with self._lock:
            for each in [s.id for s in self._open.values() if s.key_id == key_id]:
                del self._open[each]


class SavedQueries:
    """Fields of forms under random names: a page can be loaded again, and its address names no user.

    Args:
        each: Number of queries per visitor.
        most: Letters of all queries together; the oldest go first.
    """

    def __init__(self, each: int = 60, most: int = 16_000_000) -> None:
        self._each, self._most, self._held = each, most, 0
        self._kept: OrderedDict[str, OrderedDict[str, Fields]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, owner: str, fields: Fields) -> str:
        """Save fields and return the name under which the same owner finds them again."""
        name = secrets.token_urlsafe(9)
        with self._lock:
            own = self._kept.setdefault(owner, OrderedDict())
            self._kept.move_to_end(owner)
            own[name] = fields
            self._held += _letters(fields)
            if len(own) > self._each:
                self._drop(owner)
            while self._held > self._most:
                self._drop(next(iter(self._kept)))
        return name

    def find(self, owner: str, name: str) -> Fields | None:
        """Return the fields, or None where they belong to another owner, were dropped, or never existed."""
        with self._lock:
            own = self._kept.get(owner)
            return own.get(name) if own else None

    def _drop(self, owner: str) -> None:
        """Drop the oldest query of an owner."""
        own = self._kept[owner]
        self._held -= _letters(own.popitem(last=False)[1])
        if not own:
            del self._kept[owner]


class CsrfTokens:
    """Tokens of forms, each bound to one cookie and to this process.

    A page of another site cannot know the token of a visitor, so it cannot send a form in their name.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def token(self, cookie: str) -> str:
        """Return the token for the forms of the holder of a cookie."""
        return hmac.new(self._secret, cookie.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def fits(self, cookie: str, token: str) -> bool:
        """Check that a form belongs to a page that was rendered for this cookie."""
        return hmac.compare_digest(self.token(cookie).encode(), token.encode("utf-8", "replace"))


def _letters(fields: Fields) -> int:
    return 200 + sum(len(name) + len(value) + 100 for name, value in fields)
