"""Records of the service: events, exposures, user states, keys, changed items.

Every record checks itself on creation, so that no value reaches a database that only one kind of
database could store. Messages never repeat an id: they end in logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from sidelight.data.schema import ID_LENGTH
from sidelight.errors import DataError, SidelightError, complain

Kind = Literal["view", "click", "purchase", "dismissal"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
SCOPES: Final = frozenset({"read", "history", "events", "metrics", "admin"})  # permissions of an API key
HISTORY: Final = 1000  # events per user that are used


class DatabaseError(SidelightError):
    """Failure of the database: full, locked, unreachable, damaged, of another version.

    Args:
        message: One line without ids or stored values.
        retry: The same call may succeed later, so the caller should keep its data.
    """

    def __init__(self, message: str, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry


def check_id(text: Any, what: str) -> str:
    """Return an outside id unchanged if every database can store it.

    Args:
        text: The id.
        what: Name of the id in the message: "a user id".

    Raises:
        DataError: It is not text, empty, longer than 512 characters, or holds a NUL or half a
            surrogate pair.
    """
    if not isinstance(text, str):
        raise DataError(complain(f"{what} as text", type(text).__name__))
    if not 0 < len(text) <= ID_LENGTH:
        raise DataError(complain(f"{what} of 1 to {ID_LENGTH} characters", f"{len(text):,}"))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            found = f"half a surrogate pair at position {error.start}"
            raise DataError(complain(f"{what} that is valid Unicode", found)) from None
    if "\0" in text:
        raise DataError(complain(f"{what} without a NUL", f"one at position {text.index(chr(0))}"))
    return text


def check_time(at: Any, what: str) -> datetime:
    """Convert a datetime to UTC.

    Raises:
        DataError: It is not a datetime, or has no time zone.
    """
    if not isinstance(at, datetime) or at.tzinfo is None:
        found = "one without a time zone" if isinstance(at, datetime) else type(at).__name__
        raise DataError(
            complain(f"{what} as a datetime with a time zone", found, fix="use datetime.now(UTC)")
        )
    return at if at.tzinfo is UTC else at.astimezone(UTC)


@dataclass(frozen=True)
class Event:
    """Interaction of a user with an item.

    Args:
        user_id, item_id: Outside ids, 1 to 512 characters.
        kind: "view", "click" and "purchase" count for the item, "dismissal" against it.
        at: Time of the event; any time zone, kept in UTC to the microsecond.
        event_id: Unique id of the event: a second one with this id is the same event sent again, and is
            not stored. None: every sending is an event of its own. A database keeps a hash of it, so an
            event that is read back has None.

    Raises:
        DataError: A value is invalid.
    """

    user_id: str
    item_id: str
    kind: Kind
    at: datetime
    event_id: str | None = None

    def __post_init__(self) -> None:
        check_id(self.user_id, "a user id")
        check_id(self.item_id, "an item id")
        if self.event_id is not None:
            check_id(self.event_id, "an event id")
        if self.kind not in KINDS:
            raise DataError(complain(f"a kind of event: {', '.join(KINDS)}", "another"))
        object.__setattr__(self, "at", check_time(self.at, "the time of an event"))

    @classmethod
    def stored(cls, user_id: str, item_id: str, kind: Kind, at: datetime) -> Event:
        """Return an event that was checked before it was stored, without checking it again."""
        event = object.__new__(cls)
        vars(event).update(user_id=user_id, item_id=item_id, kind=kind, at=at, event_id=None)
        return event


@dataclass(frozen=True)
class Exposure:
    """Exposure of one item, with its propensity.

    Args:
        request_id: Id of the response that contained the item.
        user_id: Id of the user, or None for a history that was given with the request.
        item_id: Outside id of the item.
        rank: Place in the list, 1 is the top.
        propensity: Probability that the item is in this list, 0 < p <= 1.
        explored: Exploration put it there.
        version: Version of the model.
        at: Time of the response; any time zone, kept in UTC.

    Raises:
        DataError: A value is invalid.
    """

    request_id: str
    user_id: str | None
    item_id: str
    rank: int
    propensity: float
    explored: bool
    version: str
    at: datetime

    def __post_init__(self) -> None:
        check_id(self.request_id, "a request id")
        check_id(self.item_id, "an item id")
        check_id(self.version, "a version")
        if self.user_id is not None:
            check_id(self.user_id, "a user id")
        if self.rank < 1:
            raise DataError(complain("a rank from 1", f"{self.rank}", "an exposure"))
        if not 0 < self.propensity <= 1:
            raise DataError(complain("a propensity above 0, at most 1", f"{self.propensity}", "an exposure"))
        object.__setattr__(self, "at", check_time(self.at, "the time of an exposure"))


@dataclass(frozen=True)
class UserState:
    """Present state of a user in the database, with the events that may be used.

    Args:
        consent: True given, False withdrawn, None no decision; only False forbids.
        forgotten: The user asked to be forgotten and has not come back.
        events: Stored events, oldest first, at most the last 1000; empty when consent is
            withdrawn or the user is forgotten.
        since: Time at which a forgotten user came back: nothing from before may be used.
    """

    consent: bool | None = None
    forgotten: bool = False
    events: list[Event] = field(default_factory=list)
    since: datetime | None = None

    def uses_stored(self, trained: datetime | None = None) -> bool:
        """Return whether the history of this user in a bundle may be used.

        Args:
            trained: Time at which that bundle was trained; None when unknown, which counts as before
                the return.
        """
        if self.forgotten or self.consent is False:
            return False
        return self.since is None or (trained is not None and trained > self.since)


@dataclass(frozen=True)
class Key:
    """An API key without its secret.

    Args:
        id: Number by which it is revoked.
        name: Person or program that it was created for.
        scopes: Permissions, some of `SCOPES`.
        created: Time of creation.
        revoked: Time of revocation, or None.
    """

    id: int
    name: str
    scopes: frozenset[str]
    created: datetime
    revoked: datetime | None = None


@dataclass(frozen=True)
class ChangedItem:
    """Item row that arrived after the bundle, or replaced another one.

    Args:
        change: Number of the change; later changes have higher numbers.
        item_id: Outside id.
        row: Columns as they were given, `item_id` among them.
        at: Time at which it was stored.
    """

    change: int
    item_id: str
    row: Mapping[str, Any]
    at: datetime
