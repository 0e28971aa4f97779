"""The contract of the database, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import postgres
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidelight.errors import DataError, SpecError
from sidelight.serving.database import sql_tables, user_tables
from sidelight.serving.database.database import Database
from sidelight.serving.domain import HISTORY, KINDS, DatabaseError, Event, Exposure, PersonState

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HARD_IDS = [
    "äöü",
    "a b\n\tc",
    "'; DROP TABLE sidelight_events; --",
    "%s %(x)s :user ?",
    "😀" * 256,
    " ",
    "x" * 512,
]
BAD_IDS: list[Any] = ["", "x" * 513, "a\0b", "\ud800", "ab\udfff", 7, None, b"a"]


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server | None]:
    if postgres.why_not():
        yield None
        return
    with postgres.running() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, server: postgres.Server | None) -> str:
    """Address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.db'}"
    if server is None:
        pytest.skip(str(postgres.why_not()))
    return server.space()


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with Database.open(url) as database:
        yield database


def event(
    user: str, item: str = "i", minute: float = 0, kind: Any = "click", name: str | None = None
) -> Event:
    return Event(user, item, kind, START + timedelta(minutes=minute), name)


def bare(given: Event) -> Event:
    """An event as it is read back: without its name."""
    return replace(given, event_id=None)


def shown(user: str | None, item: str = "i", minute: float = 0) -> Exposure:
    return Exposure("r1", user, item, 3, 0.1 + 0.2, True, "v1", START + timedelta(minutes=minute))


def stored(db: Database) -> list[Event]:
    return [e for _, e in db.events_since(0)]


def raw(db: Database) -> str:
    """Everything in all tables, as text."""
    with db._connections._engine.connect() as connection:
        return "\n".join(
            repr(tuple(r))
            for t in sql_tables.metadata.sorted_tables
            for r in connection.execute(sa.select(t))
        )


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


def test_any_text_is_an_id(db: Database) -> None:
    for n, name in enumerate(HARD_IDS, 1):
        given = event(name, name, name=name)
        assert (db.add_events([given]), db.add_events([given])) == (1, 0)
        db.set_consent(name, True)
        db.add_exposures([shown(name, name)])
        assert db.put_items([{"item_id": name}]) == n
        assert db.person(name) == PersonState(True, events=[bare(given)])
        assert [s.user_id for _, s in db.exposures()] == [name] and db.items_since(n - 1)[0].item_id == name
        assert db.forget(name) == 2 and db.person(name).forgotten


def test_an_id_that_a_database_could_not_store_is_refused_everywhere(db: Database) -> None:
    for bad in BAD_IDS:
        calls: list[Callable[[], Any]] = [
            lambda bad=bad: event(bad), lambda bad=bad: event("u", bad), lambda bad=bad: shown("u", bad),
            lambda bad=bad: db.person(bad), lambda bad=bad: db.history(bad), lambda bad=bad: db.consent(bad),
            lambda bad=bad: db.forget(bad), lambda bad=bad: db.set_consent(bad, True),
            lambda bad=bad: db.barred([bad]), lambda bad=bad: db.put_items([{"item_id": bad}]),
            lambda bad=bad: db.add_key(bad, frozenset({"read"})),
        ]  # fmt: skip
        if bad is not None:
            calls += [lambda bad=bad: event("u", name=bad), lambda bad=bad: shown(bad)]
        for call in calls:
            with pytest.raises(DataError) as found:
                call()
            assert "expected" in str(found.value)
            assert not isinstance(bad, str) or bad == "" or repr(bad)[1:-1] not in str(found.value)


def test_other_values_of_a_record_are_checked() -> None:
    with pytest.raises(DataError, match="view, click, purchase, dismissal"):
        event("u", kind="like")
    for at in (datetime(2026, 3, 1), 5, None):
        with pytest.raises(DataError, match="time zone"):
            Event("u", "i", "click", at)  # type: ignore[arg-type]
    for changed in ({"rank": 0}, {"propensity": 0.0}, {"propensity": 1.1}, {"propensity": float("nan")}):
        with pytest.raises(DataError):
            Exposure(**{**vars(shown("u")), **changed})


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
    assert db.consent("u") is None and db.person("u").uses_stored()
    db.set_consent("u", False)
    assert db.consent("u") is False and db.person("u") == PersonState(consent=False)
    assert not db.person("u").uses_stored() and not db.person("u").uses_stored(datetime.now(UTC))
    assert db.add_events([event("u", "c"), event("v", "d"), event("u", "e")]) == 1
    db.add_exposures([shown("u"), shown(None)])
    assert (db.dropped, db.dropped_exposures) == (2, 1)
    assert [e.item_id for e in stored(db)] == ["b", "d"]
    assert [s.user_id for _, s in db.exposures()] == ["v", None]
    db.set_consent("u", True)
    assert [e.item_id for e in db.history("u")] == ["a"]  # what was stored before is used again
    assert db.person("u").uses_stored() and db.add_events([event("u", "f")]) == 1


def test_consent_can_be_refused_before_anything_is_known(db: Database) -> None:
    db.set_consent("u", False)
    assert db.add_events([event("u")]) == 0 and db.dropped == 1 and stored(db) == []


def test_forgetting_deletes_and_leaves_a_mark_without_the_name(db: Database) -> None:
    name = "someone@example.org"
    db.add_events([event(name, "a", name="event-of-someone"), event("v", "b")])
    db.add_exposures([shown(name), shown("v")])
    db.set_consent(name, True)
    assert name in raw(db)
    assert db.forget(name) == 2
    assert db.person(name) == PersonState(forgotten=True)
    assert not db.person(name).uses_stored(datetime.now(UTC) + timedelta(days=1))
    assert name not in raw(db) and "someone" not in raw(db)
    assert [e.user_id for e in stored(db)] == ["v"] and [s.user_id for _, s in db.exposures()] == ["v"]
    assert db.add_events([event(name), event("v")]) == 1 and db.dropped == 1
    db.add_exposures([shown(name)])
    db.set_consent(name, False)  # changes nothing, and writes no name down
    assert db.person(name) == PersonState(forgotten=True) and name not in raw(db)
    assert db.forget(name) == 0 and db.person(name).forgotten


def test_somebody_unknown_can_be_forgotten(db: Database) -> None:
    assert db.forget("u") == 0  # the bundle may know this person
    assert db.person("u").forgotten and not db.person("v").forgotten
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
    back = db.person("u")
    assert back.consent is True and not back.forgotten and back.events == []
    assert back.since is not None and left <= back.since <= datetime.now(UTC)
    assert not back.uses_stored() and not back.uses_stored(left)
    assert back.uses_stored(datetime.now(UTC))  # a model trained afterwards
    new = Event("u", "after", "view", datetime.now(UTC))
    assert db.add_events([event("u", "old news"), new]) == 1 and db.dropped == 1
    assert db.history("u") == [new] and stored(db) == [new]
    db.set_consent("u", False)
    assert db.person("u") == PersonState(False, since=back.since)
    db.set_consent("u", True)
    assert db.person("u").since == back.since
    assert db.forget("u") == 1 and db.person("u") == PersonState(forgotten=True)


def test_the_tables_of_the_next_training_can_be_cleaned(db: Database) -> None:
    everyone = [f"u{n}" for n in range(2500)]
    for user in ("u1", "u2", "u3"):
        db.forget(user)
    db.set_consent("u2", True)
    db.set_consent("u4", False)
    db.set_consent("u5", True)
    found = db.barred(everyone)
    assert set(found) == {"u1", "u2", "u3", "u4"}
    assert found["u2"] == db.person("u2").since
    assert {found[u] for u in ("u1", "u3", "u4")} == {datetime.max.replace(tzinfo=UTC)}


def test_a_person_is_one_statement(db: Database) -> None:
    db.add_events([event("u", f"i{n}", n) for n in range(3)])
    db.set_consent("u", True)
    asked, engine = [], db._connections._engine
    sa.event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for user in ("u", "nobody"):
        db.person(user)
    assert len(asked) == 2 and all(text.lstrip().startswith("SELECT") for text in asked)


def test_item_rows_are_replaced_and_numbered(db: Database) -> None:
    row = {"item_id": "a", "title": "T\0\ud800 ä", "price": 1.5, "tags": ["x", None], "n": 2**60, "new": True}
    assert db.put_items([row, {"item_id": "b"}]) == 2
    assert [(c.change, c.item_id, c.row) for c in db.items_since(0)] == [
        (1, "a", row),
        (2, "b", {"item_id": "b"}),
    ]
    assert (
        db.put_items([{"item_id": "a", "title": "1"}, {"item_id": "c"}, {"item_id": "a", "title": "2"}]) == 4
    )
    found = db.items_since(0)
    assert [(c.change, c.item_id) for c in found] == [(2, "b"), (3, "a"), (4, "c")]
    assert found[1].row["title"] == "2" and abs(found[0].at - datetime.now(UTC)) < timedelta(minutes=1)
    assert [c.change for c in db.items_since(2, limit=1)] == [3] and db.items_since(4) == []
    assert db.put_items([]) == 4
    for bad in (float("nan"), float("inf"), {1, 2}, START, b"x"):
        with pytest.raises(DataError, match="'price'"):
            db.put_items([{"item_id": "d"}, {"item_id": "e", "price": bad}])
    with pytest.raises(DataError):
        db.put_items([{"title": "no id"}])
    assert db.items_since(4) == []


def test_exposures_come_back_with_their_propensities(db: Database) -> None:
    given = [shown("u"), shown(None, "j"), shown("v", "k", 5)]
    db.add_exposures(given[:2])
    db.add_exposures(given[2:])
    db.add_exposures([])
    found = db.exposures()
    assert [s for _, s in found] == given and found[0][1].propensity == 0.1 + 0.2
    assert [s for _, s in db.exposures(found[0][0], limit=1)] == given[1:2]


def test_keys_are_shown_once_and_can_be_revoked(db: Database) -> None:
    secret = db.add_key("shop window", frozenset({"read", "events"}))
    other = db.add_key("office", {"admin"})
    assert secret.startswith("sl_") and len(secret) == 46 and secret != other
    key = db.check_key(secret)
    assert key is not None and (key.name, key.scopes) == ("shop window", {"read", "events"})
    assert db.keys() == [key, db.check_key(other)]
    assert secret not in raw(db) and secret[3:] not in raw(db)
    for wrong in (
        "",
        "sl_",
        secret[:-1],
        secret[:-1] + "~",
        secret + "x",
        "ä" * 46,
        other.swapcase(),
        "\0" * 46,
    ):
        assert db.check_key(wrong) is None
    assert db.revoke_key(key.id) and not db.revoke_key(key.id) and not db.revoke_key(99)
    assert not db.revoke_key(-1) and not db.revoke_key(1 << 70)
    left = db.keys()
    assert db.check_key(secret) is None and [k.name for k in left] == ["office"]
    [ended, _] = db.keys(revoked=True)
    assert ended.id == key.id and ended.revoked is not None and ended.created == key.created
    with pytest.raises(SpecError, match="did you mean 'read'"):
        db.add_key("x", {"raed"})
    with pytest.raises(SpecError, match="none"):
        db.add_key("x", frozenset())


def test_what_was_stored_is_there_after_opening_again(url: str) -> None:
    with Database.open(url) as db:
        db.add_events([event("u", name="one")])
        db.forget("v")
        secret = db.add_key("k", {"read"})
        with Database.open(url) as other:
            assert other.history("u") == db.history("u")
            other.set_consent("u", False)
        assert db.consent("u") is False
        db.set_consent("u", True)
    with Database.open(url) as db:
        db.ping()
        assert db.add_events([event("u", name="one"), event("v")]) == 0
        assert db.person("v").forgotten and db.check_key(secret) is not None and len(db.history("u")) == 1


def test_many_may_open_a_new_database_at_once(url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: Database.open(url), range(6)))
    assert len({db._secret for db in found}) == 1
    for db in found:
        db.close()


def test_a_database_of_a_newer_version_is_refused_in_one_line(url: str) -> None:
    with Database.open(url) as db, db._connections._engine.begin() as connection:
        newer = (
            sa.update(sql_tables.meta).where(sql_tables.meta.c.name == "schema_version").values(value="99")
        )
        connection.execute(newer)
    with pytest.raises(
        DatabaseError, match=r"expected tables of version 1 to \d+; found version 99.*newer"
    ) as found:
        Database.open(url)
    assert len(str(found.value).splitlines()) == 1 and not found.value.retry


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


def aged(db: Database) -> None:
    """Turn tables back into those of version 1."""
    with db._connections._engine.begin() as connection:
        sql_tables.retirements.drop(connection)
        later = sql_tables.meta.c.name.in_(["keys_required", "database_id"])
        connection.execute(sa.delete(sql_tables.meta).where(later))
        first = sa.update(sql_tables.meta).where(sql_tables.meta.c.name == "schema_version")
        connection.execute(first.values(value="1"))


def test_retired_items_are_counted_once_and_numbered(db: Database) -> None:
    assert (db.retired(), db.retired_since(0)) == (frozenset(), None)
    assert db.retire(["a", "b", "a", *HARD_IDS]) == 2 + len(HARD_IDS) and db.retire(["b"]) == 0
    first, ids = db.retired_since(0) or (0, frozenset())
    assert ids == db.retired() == {"a", "b", *HARD_IDS} and db.retired_since(first) is None
    assert db.retire(["b", "never"], False) == 1 and db.retired() == {"a", *HARD_IDS}
    last, _ = db.retired_since(first) or (0, frozenset())
    assert last > first
    for bad in BAD_IDS:
        with pytest.raises(DataError):
            db.retire(["c", bad])
    assert "c" not in db.retired()


@pytest.mark.parametrize("revoked", [None, False, True])
def test_tables_of_version_1_are_migrated_and_lose_nothing(url: str, revoked: bool | None) -> None:
    """With a key in them, revoked or not, keys were and are required."""
    with Database.open(url) as db:
        db.add_events([event("u", name="one"), event("gone")])
        db.forget("gone")
        secret = None if revoked is None else db.add_key("old", {"read", "admin"})
        if revoked:
            db.revoke_key(1)
        aged(db)
    with Database.open(url, make=False) as db:
        assert db.keys_required() is (revoked is not None)
        assert stored(db) == [event("u")] and db.person("gone").forgotten
        assert (secret is not None and db.check_key(secret) is not None) is (revoked is False)
        assert {s for key in db.keys(revoked=True) for s in key.scopes} in (
            set(),
            {"read", "history", "metrics", "admin"},
        )
        identity = db.id
    with Database.open(url) as db:
        assert db.id == identity and len(identity) == 32


def test_keys_stay_required_from_the_first_key_on(url: str) -> None:
    with Database.open(url) as db:
        assert db.keys_required() is False
        db.add_key("only", {"admin"})
        with Database.open(url) as other:  # another process sees it at once
            assert other.keys_required() is True
        assert db.revoke_key(1) and db.keys() == [] and db.keys_required() is True
    with Database.open(url) as db:
        assert db.keys_required() is True
        with db._connections._engine.begin() as connection:
            connection.execute(sa.delete(sql_tables.meta).where(sql_tables.meta.c.name == "keys_required"))
        assert db.keys_required() is True, "a state that is lost is a closed one"


def test_a_database_of_another_program_is_not_taken_for_ours(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE shop (id INTEGER)"))
    with pytest.raises(DatabaseError, match=r"expected the database of a service; found none of its tables"):
        Database.open(url, make=False)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == ["shop"]
    Database.open(url, make=True).close()
    Database.open(url, make=False).close()


def test_a_batch_is_stored_whole_or_not_at_all(db: Database) -> None:
    broken = Event.stored("secret-user", None, "click", START)  # type: ignore[arg-type]
    with pytest.raises(DatabaseError) as found:
        db.add_events([event("u", name="one"), event("w"), broken, event("v")])
    assert stored(db) == [] and db.person("u").events == [] and "w" not in raw(db)
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
        assert db.person(user) == PersonState(forgotten=True) and user not in raw(db)
        assert user not in {e.user_id for e in stored(db)}
    with db._connections._engine.connect() as connection:
        for table, seen in ((sql_tables.events, stored(db)), (sql_tables.exposures, db.exposures())):
            left = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            assert left == len(seen)  # none without an owner


class Reference:
    """What a database should do, in the plainest way."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.consent: dict[str, bool] = {}
        self.gone: set[str] = set()
        self.back: set[str] = set()

    def do(self, action: str, user: str, name: str | None, n: int) -> Any:
        if action == "event":
            made = event(user, f"i{n}", n, name=name)
            allowed = self.consent.get(user) is not False and user not in self.gone | self.back  # all are old
            if not allowed or (name is not None and any(e.event_id == name for e in self.events)):
                return 0
            self.events.append(made)
            return 1
        if action == "forget":
            kept = [e for e in self.events if e.user_id != user]
            deleted, self.events = len(self.events) - len(kept), kept
            self.gone.add(user)
            self.back.discard(user)
            self.consent.pop(user, None)
            return deleted
        if action == "refuse" and user in self.gone:
            return None
        if user in self.gone:
            self.gone.discard(user)
            self.back.add(user)
        self.consent[user] = action == "allow"
        return None


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["event", "event", "event", "forget", "allow", "refuse"]),
        st.sampled_from("abc"),
        st.sampled_from([None, "x", "y", "z"]),
        st.integers(0, 5),
    ),
    max_size=14,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_any_course_of_events_ends_as_in_the_plain_reference(db: Database, actions: list[Any]) -> None:
    plain, run = Reference(), f"{json.dumps(actions)[:100]}{id(actions)}:"
    before = max((seq for seq, _ in db.events_since(0)), default=0)
    for action, user, name, n in actions:
        who, named = run + user, None if name is None else run + name
        calls: dict[str, Callable[[], Any]] = {
            "event": lambda who=who, n=n, named=named: db.add_events([event(who, f"i{n}", n, name=named)]),  # type: ignore[misc]
            "forget": lambda who=who: db.forget(who),  # type: ignore[misc]
            "allow": lambda who=who: db.set_consent(who, True),  # type: ignore[misc]
            "refuse": lambda who=who: db.set_consent(who, False),  # type: ignore[misc]
        }
        assert calls[action]() == plain.do(action, who, named, n)
    used = [e for e in plain.events if plain.consent.get(e.user_id) is not False]
    assert [e for _, e in db.events_since(before)] == list(map(bare, used))
    for user in "abc":
        who = run + user
        mine = sorted((bare(e) for e in used if e.user_id == who), key=lambda e: e.at)
        found = db.person(who)
        assert (found.consent, found.forgotten, found.events) == (
            plain.consent.get(who),
            who in plain.gone,
            mine,
        )
        assert (found.since is not None) == (who in plain.back)
        assert (who in db.barred([who])) == (not found.uses_stored())
