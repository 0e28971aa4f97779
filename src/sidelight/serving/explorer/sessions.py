"""Who looks at the pages, and what they asked: kept in memory, under random names, for a while."""

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
"""What a form sent: pairs of name and value, in its order."""


@dataclass(frozen=True)
class Session:
    """Somebody who signed in with a key.

    Args:
        id: Random; the value of the cookie.
        key_id: Id of the key, never the key itself.
        name: What the key is called.
        scopes: What it may do.
        until: When it ends, in seconds of the clock it was opened by.
    """

    id: str
    key_id: int
    name: str
    scopes: frozenset[str]
    until: float


class Sessions:
    """Signed-in sessions. They end after some hours, at sign out, with their key, or with the process.

    Args:
        hours: How long one lasts.
        most: How many there may be; the oldest ends where one more is opened.
        clock: Seconds that only grow.
    """

    def __init__(
        self, hours: float = 8.0, most: int = 1000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._most, self._clock = hours * 3600, most, clock
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, key_id: int, name: str, scopes: frozenset[str]) -> Session:
        """A fresh session with a name that cannot be guessed."""
        made = Session(secrets.token_urlsafe(32), key_id, name, scopes, self._clock() + self._seconds)
        with self._lock:
            while len(self._open) >= self._most:
                self._open.popitem(last=False)
            self._open[made.id] = made
        return made

    def find(self, session_id: str) -> Session | None:
        """The session of a cookie, unless there is none or it has ended."""
        with self._lock:
            found = self._open.get(session_id)
            if found is not None and found.until <= self._clock():
                del self._open[session_id]
                return None
            return found

    def close(self, session_id: str) -> None:
        """End one; nothing happens where it has ended before."""
        with self._lock:
            self._open.pop(session_id, None)

    def close_key(self, key_id: int) -> None:
        """End every session of one key."""
        with self._lock:
            for each in [s.id for s in self._open.values() if s.key_id == key_id]:
                del self._open[each]


class SavedQueries:
    """What was asked, under random names: a page can be loaded again, and its address names nobody.

    Args:
        each: How many views one visitor keeps.
        most: How many letters all views together may hold; the oldest go first.
    """

    def __init__(self, each: int = 60, most: int = 16_000_000) -> None:
        self._each, self._most, self._held = each, most, 0
        self._kept: OrderedDict[str, OrderedDict[str, Fields]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, owner: str, fields: Fields) -> str:
        """The name under which the same owner finds these fields again."""
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
        """The fields, or None where they were another's, too long ago, or never."""
        with self._lock:
            own = self._kept.get(owner)
            return own.get(name) if own else None

    def _drop(self, owner: str) -> None:
        """Forget the oldest view of one owner."""
        own = self._kept[owner]
        self._held -= _letters(own.popitem(last=False)[1])
        if not own:
            del self._kept[owner]


class CsrfTokens:
    """Tokens for forms: each is bound to one cookie and to this process.

    A form of another site cannot know the token of a visitor, so it cannot act in their name.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def token(self, cookie: str) -> str:
        """The token that goes into the forms of whoever holds this cookie."""
        return hmac.new(self._secret, cookie.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def fits(self, cookie: str, token: str) -> bool:
        """Whether a form came from a page that was made for this cookie."""
        return hmac.compare_digest(self.token(cookie).encode(), token.encode("utf-8", "replace"))


def _letters(fields: Fields) -> int:
    return 200 + sum(len(name) + len(value) + 100 for name, value in fields)
