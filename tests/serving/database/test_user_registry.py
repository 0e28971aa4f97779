"""Users under numbers: marks, forgetting, return."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from serving.cases import START, event, shown
from serving.database.cases import raw, stored

from sidelight.serving.database import sql_tables, user_tables
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event, UserState


def test_forgetting_deletes_and_leaves_a_mark_without_the_name(db: Database) -> None:
    name = "someone@example.org"
    db.add_events([event(name, "a", name="event-of-someone"), event("v", "b")])
    db.add_exposures([shown(name), shown("v")])
    db.set_consent(name, True)
    assert name in raw(db)
    assert db.forget(name) == 2
    assert db.user_state(name) == UserState(forgotten=True)
    assert not db.user_state(name).uses_stored(datetime.now(UTC) + timedelta(days=1))
    assert name not in raw(db) and "someone" not in raw(db)
    assert [e.user_id for e in stored(db)] == ["v"] and [s.user_id for _, s in db.exposures()] == ["v"]
    assert db.add_events([event(name), event("v")]) == 1 and db.dropped == 1
    db.add_exposures([shown(name)])
    db.set_consent(name, False)  # changes nothing, and writes no name down
    assert db.user_state(name) == UserState(forgotten=True) and name not in raw(db)
    assert db.forget(name) == 0 and db.user_state(name).forgotten


def test_somebody_unknown_can_be_forgotten(db: Database) -> None:
    assert db.forget("u") == 0  # the bundle may know this person
    assert db.user_state("u").forgotten and not db.user_state("v").forgotten
    assert db.add_events([event("u")]) == 0


def test_marks_differ_between_databases(db: Database, tmp_path: Path) -> None:
    with Database.open(str(tmp_path / "other.db")) as other:
        for one in (db, other):
            one.forget("u")

        def marks(one: Database) -> list[bytes]:
            with one._connections._engine.connect() as connection:
                return list(connection.execute(sa.select(sql_tables.tombstones.c.mark)).scalars())

        assert len(marks(db)[0]) == 32 and marks(db) != marks(other)


def test_after_a_comeback_only_what_comes_then_counts(db: Database) -> None:
    db.add_events([event("u", "before")])
    db.forget("u")
    left = datetime.now(UTC)
    db.set_consent("u", True)
    back = db.user_state("u")
    assert back.consent is True and not back.forgotten and back.events == []
    assert back.since is not None and left <= back.since <= datetime.now(UTC)
    assert not back.uses_stored() and not back.uses_stored(left)
    assert back.uses_stored(datetime.now(UTC))  # a model trained afterwards
    new = Event("u", "after", "view", datetime.now(UTC))
    assert db.add_events([event("u", "old news"), new]) == 1 and db.dropped == 1
    assert db.history("u") == [new] and stored(db) == [new]
    db.set_consent("u", False)
    assert db.user_state("u") == UserState(False, since=back.since)
    db.set_consent("u", True)
    assert db.user_state("u").since == back.since
    assert db.forget("u") == 1 and db.user_state("u") == UserState(forgotten=True)


def test_the_tables_of_the_next_training_can_be_cleaned(db: Database) -> None:
    everyone = [f"u{n}" for n in range(2500)]
    for user in ("u1", "u2", "u3"):
        db.forget(user)
    db.set_consent("u2", True)
    db.set_consent("u4", False)
    db.set_consent("u5", True)
    found = db.barred(everyone)
    assert set(found) == {"u1", "u2", "u3", "u4"}
    assert found["u2"] == db.user_state("u2").since
    assert {found[u] for u in ("u1", "u3", "u4")} == {datetime.max.replace(tzinfo=UTC)}


@pytest.mark.parametrize("jump", [-86_400, -1, 0, 3600])
def test_a_clock_that_jumps_lets_in_nothing_from_before_the_forgetting(
    db: Database, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    clock = [sql_tables.to_micros(START)]
    monkeypatch.setattr(user_tables, "now", lambda: clock[0])
    db.forget("u")
    clock[0] += jump * 1_000_000
    db.set_consent("u", True)
    late = [Event("u", f"i{n}", "click", START - timedelta(seconds=n)) for n in (0, 1, 3000, 90_000)]
    assert db.add_events(late) == 0 and db.barred(["u"])["u"] > START
    assert db.add_events([Event("u", "new", "click", START + timedelta(days=1))]) == 1
