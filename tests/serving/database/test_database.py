"""The database as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving.cases import event, shown
from serving.database.cases import BAD_IDS, HARD_IDS

from sidelight.errors import DataError
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event, UserState


def bare(given: Event) -> Event:
    """An event as it is read back: without its name."""
    return replace(given, event_id=None)


def test_any_text_is_an_id(db: Database) -> None:
    for n, name in enumerate(HARD_IDS, 1):
        given = event(name, name, name=name)
        assert (db.add_events([given]), db.add_events([given])) == (1, 0)
        db.set_consent(name, True)
        db.add_exposures([shown(name, name)])
        assert db.put_items([{"item_id": name}]) == n
        assert db.user_state(name) == UserState(True, events=[bare(given)])
        assert [s.user_id for _, s in db.exposures()] == [name] and db.items_since(n - 1)[0].item_id == name
        assert db.forget(name) == 2 and db.user_state(name).forgotten


def test_an_id_that_a_database_could_not_store_is_refused_everywhere(db: Database) -> None:
    for bad in BAD_IDS:
        calls: list[Callable[[], Any]] = [
            lambda bad=bad: event(bad), lambda bad=bad: event("u", bad), lambda bad=bad: shown("u", bad),
            lambda bad=bad: db.user_state(bad), lambda bad=bad: db.history(bad),
            lambda bad=bad: db.consent(bad),
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
        assert db.user_state("v").forgotten and db.check_key(secret) is not None and len(db.history("u")) == 1


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
        found = db.user_state(who)
        assert (found.consent, found.forgotten, found.events) == (
            plain.consent.get(who),
            who in plain.gone,
            mine,
        )
        assert (found.since is not None) == (who in plain.back)
        assert (who in db.barred([who])) == (not found.uses_stored())
