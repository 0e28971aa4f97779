"""`Database`: what the service remembers, on SQLite or PostgreSQL with equal behaviour."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from sidelight.serving.database import (
    api_keys,
    consent_rows,
    event_log,
    exposure_log,
    item_rows,
    retired_items,
)
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.migrations import prepared
from sidelight.serving.domain import ChangedItem, Event, Exposure, Key, PersonState, check_id


class Database:
    """Events, consent, new items, exposures and API keys. Safe to use from many threads and processes.

    Made by `open`. Every method may raise `DatabaseError`; its `retry` says whether the same call
    may succeed later.

    Attributes:
        id: Random, given when the tables were made: a store keeps it, to know its database again.
    """

    def __init__(self, connections: Connections, secret: bytes, identity: str) -> None:
        self._connections = connections
        self._secret, self.id = secret, identity
        self._counting = threading.Lock()
        self._dropped = {"events": 0, "exposures": 0}

    @classmethod
    def open(cls, url: str, make: bool = True) -> Database:
        """The database at an address; a new one is made where there is none.

        Args:
            url: A path or "sqlite:///path" for SQLite, "postgresql+psycopg://..." for PostgreSQL.
            A password may also come from PGPASSWORD or ~/.pgpass.
            make: False refuses a file that is not there, and a database that has no tables of ours.

        Raises:
            SpecError: The address is of no such kind.
            MissingExtraError: The driver is not installed.
            DatabaseError: It cannot be reached, is none of ours, or its tables are of a newer version.
        """
        connections = Connections(url, make)
        try:
            secret, identity = connections.first(lambda c: prepared(c, make))
        except BaseException:
            connections.close()
            raise
        return cls(connections, secret, identity)

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open_pool(self) -> None:
        """Open at once the files of SQLite that would be opened later; nothing to do on PostgreSQL."""
        self._connections.open_pool()

    def ping(self) -> None:
        """Ask for nothing, to see that the database answers."""
        self._connections.read(lambda c: c.execute(sa.select(1)).one())

    @property
    def dropped(self) -> int:
        """Events since `open` that were not stored because the person did not allow it."""
        return self._dropped["events"]

    @property
    def dropped_exposures(self) -> int:
        """Exposures since `open` that were not stored because the person did not allow it."""
        return self._dropped["exposures"]

    def add_events(self, events_: Sequence[Event]) -> int:
        """Store events; they are on the disk when this returns, all of them or (on an error) none.

        An event whose `event_id` is stored already is the same event again. Events of people who
        withdrew consent or were forgotten are dropped and counted in `dropped`; of people who came
        back, those from before their comeback.

        Returns:
            How many were new and are stored.
        """
        return self.take_events(events_)[0]

    def take_events(self, events_: Sequence[Event]) -> tuple[int, int]:
        """`add_events`, with how many were dropped as well."""
        new, dropped = event_log.add(self._connections, self._secret, events_)
        self._count("events", dropped)
        return new, dropped

    def history(self, user: str) -> list[Event]:
        """The last 1000 events of a person, oldest first; none if they may not be used."""
        return self.person(user).events

    def events_since(self, seq: int, limit: int = 10_000) -> list[tuple[int, Event]]:
        """Events with their numbers, above one number, in order; without people who withdrew consent.

        Ask again with the last number until the list is empty. No event appears later below a
        number that was given out.
        """
        return event_log.since(self._connections, seq, limit)

    def put_items(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Store item rows, each in place of an older one with its `item_id`.

        Args:
            rows: Plain values by column, `item_id` (text) among them. Of rows with the same
                `item_id` the last one counts.

        Returns:
            The highest change number.

        Raises:
            DataError: An id or a value cannot be stored.
        """
        return item_rows.put(self._connections, rows)

    def items_since(self, change: int, limit: int = 1000) -> list[ChangedItem]:
        """Item rows that changed after a change number, oldest change first, each in its last form."""
        return item_rows.since(self._connections, change, limit)

    def items_waiting(self, change: int) -> int:
        """How many item rows changed after a change number; no row is read."""
        return item_rows.count(self._connections, change)

    def retire(self, items: Sequence[str], retired_: bool = True) -> int:
        """Keep items out of all lists, whether or not a version has them; False lets them in again.

        Returns:
            How many were not so already.

        Raises:
            DataError: An id that cannot be stored.
        """
        return retired_items.put(self._connections, items, retired_)

    def retired(self) -> frozenset[str]:
        """Ids of the items that are retired now."""
        found = retired_items.since(self._connections, 0)
        return frozenset() if found is None else found[1]

    def retired_since(self, change: int) -> tuple[int, frozenset[str]] | None:
        """The number of the last change to retired items, and all of these; None where nothing changed."""
        return retired_items.since(self._connections, change)

    def set_consent(self, user: str, given: bool) -> None:
        """Write down whether what a person does may be used.

        Withdrawn: events are neither used nor accepted. Given again: the stored ones are used again.
        Given by a forgotten person: only what comes from now on counts.
        """
        consent_rows.set_consent(self._connections, self._secret, check_id(user, "a user id"), given)

    def consent(self, user: str) -> bool | None:
        """What the person said last; None if never asked or forgotten."""
        return self.person(user).consent

    def forget(self, user: str) -> int:
        """Delete events, exposures and consent of a person, and keep only a keyed hash of the name.

        The hash tells later that the history in a bundle may not be used, and is of no use without
        this database.

        Returns:
            How many events and exposures were deleted.
        """
        return consent_rows.forget(self._connections, self._secret, check_id(user, "a user id"))

    def person(self, user: str) -> PersonState:
        """What may be used about a person, now; one round trip."""
        return consent_rows.person(self._connections, self._secret, check_id(user, "a user id"))

    def barred(self, users: Iterable[str]) -> dict[str, datetime]:
        """Until when nothing about these people may be used: to clean the tables of the next training.

        Returns:
            Only people with a limit: the end of time for those who withdrew consent or are
            forgotten, the moment of their comeback for those who came back.
        """
        return consent_rows.barred(
            self._connections, self._secret, [check_id(user, "a user id") for user in users]
        )

    def add_exposures(self, rows: Sequence[Exposure]) -> None:
        """Store what was shown; of people who do not allow it, it is dropped and counted."""
        self._count("exposures", exposure_log.add(self._connections, self._secret, rows))

    def exposures(self, since: int = 0, limit: int = 10_000) -> list[tuple[int, Exposure]]:
        """Exposures with their numbers, above one number, in order."""
        return exposure_log.since(self._connections, since, limit)

    def add_key(self, name: str, scopes: Iterable[str]) -> str:
        """Make an API key and give its secret, which is shown only now; from now on keys are required.

        Args:
            name: Who or what it is for.
            scopes: Some of `records.SCOPES`.

        Raises:
            SpecError: A scope is unknown, or there is none.
        """
        return api_keys.add(self._connections, name, scopes)

    def keys_required(self) -> bool:
        """Whether callers need a key: from the first one that is made on, for ever."""
        return api_keys.required(self._connections)

    def check_key(self, secret: str) -> Key | None:
        """The key with this secret, if it was made here and not revoked."""
        return api_keys.check(self._connections, secret)

    def keys(self, revoked: bool = False) -> list[Key]:
        """The keys that work, oldest first; with `revoked` also those that no longer do."""
        return api_keys.listed(self._connections, revoked)

    def revoke_key(self, id: int) -> bool:
        """End a key; False if there is no such key that works."""
        return api_keys.revoke(self._connections, id)

    def _count(self, what: str, more: int) -> None:
        with self._counting:
            self._dropped[what] += more
