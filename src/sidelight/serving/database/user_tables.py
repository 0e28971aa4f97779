"""Tables of users: events, exposures, consent, and forgetting."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from sidelight.serving.database import locks
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.sql_tables import (
    events,
    exposures,
    from_micros,
    insert_or_ignore,
    names,
    now,
    people,
    to_micros,
    tombstones,
)
from sidelight.serving.database.user_registry import UserRecord, register_users, user_mark, user_record
from sidelight.serving.domain import HISTORY, Event, Exposure, UserState, check_id

Logged = TypeVar("Logged", Event, Exposure)

_INSERT_EVENT: Final = insert_or_ignore(events, "event_mark", events.c.seq)


def _select_user_state() -> sa.Select[Any]:
    """Build one statement for consent, tombstone and the last events of one user."""
    of_mark = sa.bindparam("mark", type_=sa.LargeBinary)
    number = sa.select(people.c.person).where(people.c.mark == of_mark).scalar_subquery()
    e = events.c
    last = (
        sa.select(e.seq, e.item_id, e.kind, e.at)
        .where(e.person == number)
        .order_by(e.at.desc(), e.seq.desc())
        .limit(HISTORY)
        .subquery()
    )
    one = sa.select(sa.literal(1).label("one")).subquery()
    joined = (
        one.outerjoin(people, people.c.mark == of_mark)
        .outerjoin(tombstones, tombstones.c.mark == of_mark)
        .outerjoin(last, sa.true())
    )
    about = (people.c.consent, tombstones.c.forgotten, tombstones.c.since)
    done = (last.c.item_id, last.c.kind, last.c.at)
    return sa.select(*about, *done).select_from(joined).order_by(last.c.at, last.c.seq)


_USER_STATE: Final = _select_user_state()


class UserTables:
    """Part of `Database`: events, exposures and consent of users."""

    _connections: Connections
    _secret: bytes

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._dropped = {"events": 0, "exposures": 0}

    @property
    def dropped(self) -> int:
        """Events since `open` that were not stored because the user does not allow it."""
        return self._dropped["events"]

    @property
    def dropped_exposures(self) -> int:
        """Exposures since `open` that were not stored because the user does not allow it."""
        return self._dropped["exposures"]

    def add_events(self, events_: Sequence[Event]) -> int:
        """Store events; they are on disk when this returns, all of them or (on an error) none.

        An event whose `event_id` is stored already is the same event again. Events of users who
        withdrew consent or were forgotten are dropped and counted in `dropped`; of users who came
        back, those from before their return.

        Returns:
            Number of events that were new and are stored.
        """
        return self.take_events(events_)[0]

    def take_events(self, events_: Sequence[Event]) -> tuple[int, int]:
        """Store events, see `add_events`; return the numbers of new and of dropped ones."""

        def work(connection: sa.Connection) -> tuple[int, int]:
            kept, record = self._admit(connection, locks.EVENTS, events_)
            if not kept:
                return 0, len(events_)
            rows = [_event_row(event, record.numbers[event.user_id], self._secret) for event in kept]
            new = connection.execute(_INSERT_EVENT[connection.dialect.name], rows).all()
            return len(new), len(events_) - len(kept)

        new, dropped = self._connections.write(work) if events_ else (0, 0)
        self._count("events", dropped)
        return new, dropped

    def history(self, user: str) -> list[Event]:
        """Return the last 1000 events of a user, oldest first; none if they may not be used."""
        return self.user_state(user).events

    def events_since(self, seq: int, limit: int = 10_000) -> list[tuple[int, Event]]:
        """Return numbered events above a number, in order; without users who withdrew consent.

        Repeat with the last number until the list is empty. No event appears later below a
        number that was returned.
        """
        e = events.c
        wanted = (
            sa.select(e.seq, names.c.user_id, e.item_id, e.kind, e.at)
            .join(people, people.c.person == e.person)
            .join(names, names.c.person == e.person)
        )
        rows = self._read_after(seq, limit, wanted, locks.EVENTS, e.seq)
        return [(r.seq, Event.stored(r.user_id, r.item_id, r.kind, from_micros(r.at))) for r in rows]

    def add_exposures(self, rows: Sequence[Exposure]) -> None:
        """Store exposures; those of users who do not allow it are dropped and counted."""
        if not rows:
            return

        def work(connection: sa.Connection) -> int:
            kept, record = self._admit(connection, locks.EXPOSURES, rows)
            if kept:
                connection.execute(sa.insert(exposures), [_exposure_row(shown, record) for shown in kept])
            return len(rows) - len(kept)

        self._count("exposures", self._connections.write(work))

    def exposures(self, since: int = 0, limit: int = 10_000) -> list[tuple[int, Exposure]]:
        """Return numbered exposures above a number, in order."""
        e = exposures.c
        wanted = (
            sa.select(exposures, names.c.user_id)
            .outerjoin(people, people.c.person == e.person)
            .outerjoin(names, names.c.person == e.person)
        )
        rows = self._read_after(since, limit, wanted, locks.EXPOSURES, e.seq)
        return [(row.seq, _exposure(row._mapping)) for row in rows]

    def user_state(self, user: str) -> UserState:
        """Return the present state of a user: consent, and the events that may be used; one round trip."""
        mark = user_mark(self._secret, check_id(user, "a user id"))
        rows = self._connections.read(lambda c: c.execute(_USER_STATE, {"mark": mark}).all())
        consent, forgotten, since = rows[0][:3]
        if forgotten is not None and since is None:
            return UserState(forgotten=True)
        back = None if since is None else from_micros(since)
        if consent is False:
            return UserState(consent, since=back)
        done = [
            Event.stored(user, item, kind, from_micros(at))
            for _, _, _, item, kind, at in rows
            if item is not None
        ]
        return UserState(consent, events=done, since=back)

    def consent(self, user: str) -> bool | None:
        """Return the last decision of a user; None if there is none, or the user is forgotten."""
        return self.user_state(user).consent

    def set_consent(self, user: str, given: bool) -> None:
        """Record whether the interactions of a user may be used.

        Withdrawn: events are neither used nor accepted. Given again: the stored ones are used again.
        Given by a forgotten user: only what comes from now on counts.
        """
        secret, mark = self._secret, user_mark(self._secret, check_id(user, "a user id"))

        def work(connection: sa.Connection) -> None:
            locks.exclusive_user(connection, user)
            buried = tombstones.c.mark == mark
            wanted = sa.select(tombstones.c.since, tombstones.c.forgotten).where(buried)
            gone = connection.execute(wanted).first()
            if gone is not None and gone[0] is None:
                if not given:
                    return  # nothing is used or accepted already, and the id is not to be stored
                # A clock that was set back meanwhile must not admit events from before the forgetting.
                back = max(now(), gone[1] + 1)
                connection.execute(sa.update(tombstones).where(buried).values(since=back))
            register_users(connection, secret, [user], user_record(connection, secret, [user]))
            row = sa.update(people).where(people.c.mark == mark)
            connection.execute(row.values(consent=given, asked=now()))

        self._connections.write(work)

    def forget(self, user: str) -> int:
        """Delete events, exposures and consent of a user, and keep only a keyed hash of the id.

        The hash tells later that the history in a bundle may not be used, and is of no use without
        this database.

        Returns:
            Number of events and exposures deleted.
        """
        mark = user_mark(self._secret, check_id(user, "a user id"))

        def work(connection: sa.Connection) -> int:
            locks.exclusive_user(connection, user)
            connection.execute(sa.delete(tombstones).where(tombstones.c.mark == mark))
            connection.execute(sa.insert(tombstones).values(mark=mark, forgotten=now()))
            number = connection.execute(sa.select(people.c.person).where(people.c.mark == mark)).scalar()
            if number is None:
                return 0
            # Blanks of the same length are written over the id; a shorter text would move the row.
            blank = sa.update(names).where(names.c.person == number)
            connection.execute(blank.values(user_id=" " * len(user.encode())))
            connection.execute(sa.delete(people).where(people.c.person == number))
            both = [connection.execute(sa.delete(t).where(t.c.person == number)) for t in (events, exposures)]
            return sum(int(result.rowcount) for result in both)

        deleted = self._connections.write(work)
        self._connections.wipe()
        return deleted

    def barred(self, users: Iterable[str]) -> dict[str, datetime]:
        """Return the time before which no data of a user may be used, to clean the next training tables.

        Returns:
            Only users with a limit: the end of time for those who withdrew consent or are forgotten, the
            time of return for those who came back.
        """
        wanted = list(dict.fromkeys(check_id(user, "a user id") for user in users))
        record = self._connections.read(lambda c: user_record(c, self._secret, wanted))
        return {user: from_micros(until) for user, until in record.until.items()}

    def _admit(
        self, connection: sa.Connection, lock: int, rows: Sequence[Logged]
    ) -> tuple[list[Logged], UserRecord]:
        """Return the rows that their users allow to be stored, and a record that has these users."""
        users = list(dict.fromkeys(row.user_id for row in rows if row.user_id is not None))
        locks.shared(connection, lock, users)
        record = user_record(connection, self._secret, users)
        kept = [row for row in rows if row.user_id is None or record.allows(row.user_id, to_micros(row.at))]
        named = dict.fromkeys(row.user_id for row in kept if row.user_id is not None)
        register_users(connection, self._secret, named, record)
        return kept, record

    def _read_after(
        self, number: int, limit: int, wanted: sa.Select[Any], lock: int, seq: sa.Column[int]
    ) -> Sequence[sa.Row[Any]]:
        """Run a query for rows above a number, in order; without users who withdrew consent."""
        wanted = wanted.where(seq > number, people.c.consent.is_not(False)).order_by(seq).limit(limit)
        wanted = locks.settled(self._connections, wanted, lock, seq)
        return self._connections.read(lambda c: c.execute(wanted).all())

    def _count(self, what: str, more: int) -> None:
        with self._counting:
            self._dropped[what] += more


def _event_row(event: Event, person: int, secret: bytes) -> dict[str, Any]:
    return {
        "person": person,
        "item_id": event.item_id,
        "kind": event.kind,
        "at": to_micros(event.at),
        "event_mark": None if event.event_id is None else user_mark(secret, event.event_id)[:16],
    }


def _exposure_row(shown: Exposure, record: UserRecord) -> dict[str, Any]:
    values = {**vars(shown), "at": to_micros(shown.at)}
    user = values.pop("user_id")
    return {**values, "person": None if user is None else record.numbers[user]}


def _exposure(row: sa.RowMapping) -> Exposure:
    values = {name: value for name, value in row.items() if name not in ("seq", "person")}
    return Exposure(**{**values, "at": from_micros(row["at"])})
