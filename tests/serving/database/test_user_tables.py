"""Events, consent and exposures."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from serving.cases import START, event, shown
from serving.database.cases import raw, stored

from sidelight.serving.database import sql_tables
from sidelight.serving.database.database import Database
from sidelight.serving.domain import HISTORY, KINDS, DatabaseError, Event, UserState


def bare(given: Event) -> Event:
    """An event as it is read back: without its name."""
    return replace(given, event_id=None)


def test_events_come_back_as_they_were_given(db: Database) -> None:
    late = datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-7)))
    given = [
        Event(f"u{n}", item, kind, late, f"e{n}")
        for n, (item, kind) in enumerate(zip("abcd", KINDS, strict=True))
    ]
    assert db.add_events(given) == 4
    assert stored(db) == list(map(bare, given))
    assert db.history("u2") == [bare(given[2])]
    assert given[0].at == late and given[0].at.tzinfo is UTC
    assert (db.dropped, db.add_events([]), db.history("nobody")) == (0, 0, [])


def test_an_event_sent_again_is_the_same_event(db: Database) -> None:
    a, b = event("u", "a", name="one"), event("u", "b", name="two")
    assert db.add_events([a, a]) == 1
    assert db.add_events([b, a]) == 1
    assert db.add_events([event("v", "c", name="one")]) == 0  # the name is of the event, not of the person
    assert db.history("u") == [bare(a), bare(b)]
    nameless = event("u", "a")
    assert db.add_events([nameless, nameless]) == 2


def test_history_is_in_the_order_of_time_then_of_arrival(db: Database) -> None:
    db.add_events([event("u", "c", 2), event("u", "a", 1), event("v", "x", 0), event("u", "d", 2)])
    db.add_events([event("u", "b", 1), event("u", "e", 2)])
    assert [e.item_id for e in db.history("u")] == ["a", "b", "c", "d", "e"]
    db.add_events([event("w", f"i{n}", -n) for n in range(HISTORY + 50)])
    assert [e.item_id for e in db.history("w")] == [f"i{n}" for n in reversed(range(HISTORY))]


def test_events_since_goes_through_all_in_pages(db: Database) -> None:
    given = [event(f"u{n % 7}", f"i{n}", -n) for n in range(57)]
    for at in range(0, 57, 5):
        db.add_events(given[at : at + 5])
    found, seq = [], 0
    while page := db.events_since(seq, limit=10):
        assert len(page) <= 10 and page[0][0] > seq
        found += [e for _, e in page]
        seq = page[-1][0]
    assert found == given


def test_numbers_are_not_given_again_after_the_last_rows_are_gone(db: Database) -> None:
    db.add_events([event("u"), event("v")])
    db.add_exposures([shown("v")])
    [(_, _), (last, _)], [(seen, _)] = db.events_since(0), db.exposures()
    db.forget("v")
    db.add_events([event("u", "new")])
    db.add_exposures([shown("u")])
    assert [e.item_id for _, e in db.events_since(last)] == ["new"]
    assert len(db.exposures(seen)) == 1


def test_without_consent_nothing_is_used_or_accepted(db: Database) -> None:
    db.add_events([event("u", "a"), event("v", "b")])
    db.add_exposures([shown("u"), shown("v")])
    assert db.consent("u") is None and db.user_state("u").uses_stored()
    db.set_consent("u", False)
    assert db.consent("u") is False and db.user_state("u") == UserState(consent=False)
    assert not db.user_state("u").uses_stored() and not db.user_state("u").uses_stored(datetime.now(UTC))
    assert db.add_events([event("u", "c"), event("v", "d"), event("u", "e")]) == 1
    db.add_exposures([shown("u"), shown(None)])
    assert (db.dropped, db.dropped_exposures) == (2, 1)
    assert [e.item_id for e in stored(db)] == ["b", "d"]
    assert [s.user_id for _, s in db.exposures()] == ["v", None]
    db.set_consent("u", True)
    assert [e.item_id for e in db.history("u")] == ["a"]  # what was stored before is used again
    assert db.user_state("u").uses_stored() and db.add_events([event("u", "f")]) == 1


def test_consent_can_be_refused_before_anything_is_known(db: Database) -> None:
    db.set_consent("u", False)
    assert db.add_events([event("u")]) == 0 and db.dropped == 1 and stored(db) == []


def test_a_person_is_one_statement(db: Database) -> None:
    db.add_events([event("u", f"i{n}", n) for n in range(3)])
    db.set_consent("u", True)
    asked, engine = [], db._connections._engine
    sa.event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for user in ("u", "nobody"):
        db.user_state(user)
    assert len(asked) == 2 and all(text.lstrip().startswith("SELECT") for text in asked)


def test_exposures_come_back_with_their_propensities(db: Database) -> None:
    given = [shown("u"), shown(None, "j"), shown("v", "k", 5)]
    db.add_exposures(given[:2])
    db.add_exposures(given[2:])
    db.add_exposures([])
    found = db.exposures()
    assert [s for _, s in found] == given and found[0][1].propensity == 0.1 + 0.2
    assert [s for _, s in db.exposures(found[0][0], limit=1)] == given[1:2]


def test_a_batch_is_stored_whole_or_not_at_all(db: Database) -> None:
    broken = Event.stored("secret-user", None, "click", START)  # type: ignore[arg-type]
    with pytest.raises(DatabaseError) as found:
        db.add_events([event("u", name="one"), event("w"), broken, event("v")])
    assert stored(db) == [] and db.user_state("u").events == [] and "w" not in raw(db)
    assert len(str(found.value).splitlines()) == 1 and "secret" not in str(found.value)
    assert found.value.__cause__ is None and found.value.__suppress_context__
    assert db.add_events([event("u", name="one")]) == 1


def test_many_writers_store_each_event_once(db: Database) -> None:
    names = [f"e{n}" for n in range(240)]

    def write(worker: int) -> int:
        mine = names[worker * 20 :] + names[: worker * 20]  # each in another order
        batches = [mine[at : at + 12] for at in range(0, 240, 12)]
        return sum(
            db.add_events([event(f"u{int(n[1:]) % 9}", n, name=n) for n in batch]) for batch in batches
        )

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(4))) == len(names)
    assert sorted(e.item_id for e in stored(db)) == sorted(names)


def test_who_reads_in_pages_misses_nothing_that_is_being_written(db: Database) -> None:
    done = threading.Event()

    def write(worker: int) -> None:
        for n in range(12):
            db.add_events([event(f"u{worker}", f"{worker}-{n}-{m}") for m in range(3)])
            db.add_exposures([shown(f"u{worker}", f"{worker}-{n}")])

    def read() -> tuple[list[str], list[str]]:
        events, exposures, seq, seen = [], [], 0, 0
        while True:
            last = done.is_set()
            page, more = db.events_since(seq, 7), db.exposures(seen, 7)
            events += [e.item_id for _, e in page]
            exposures += [s.item_id for _, s in more]
            seq, seen = page[-1][0] if page else seq, more[-1][0] if more else seen
            if last and not page and not more:
                return events, exposures

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(read)
        for writer in [pool.submit(write, worker) for worker in range(4)]:
            writer.result()
        done.set()
        events, exposures = reader.result()
    assert len(events) == len(set(events)) == 4 * 12 * 3 and len(exposures) == len(set(exposures)) == 4 * 12


def test_nothing_of_a_person_is_left_when_writers_race_with_forgetting(db: Database) -> None:
    for turn in range(8):
        user = f"racer{turn}"
        db.add_events([event(user)])

        def write(n: int, user: str = user) -> None:
            db.add_events([event(user, f"i{n}"), event("other")])
            db.add_exposures([shown(user)])

        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(write, n) for n in range(3)]
            pool.submit(db.forget, user).result()
            for job in jobs:
                job.result()
        assert db.user_state(user) == UserState(forgotten=True) and user not in raw(db)
        assert user not in {e.user_id for e in stored(db)}
    with db._connections._engine.connect() as connection:
        for table, seen in ((sql_tables.events, stored(db)), (sql_tables.exposures, db.exposures())):
            left = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            assert left == len(seen)  # none without an owner
