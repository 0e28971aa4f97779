"""Sessions end when they should, views belong to one visitor and stay few, tokens fit one cookie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidelight.serving.explorer.sessions import CsrfTokens, SavedQueries, Sessions

READ = frozenset({"read"})


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_found_until_it_ends() -> None:
    clock = Clock()
    sessions = Sessions(hours=1, clock=clock)
    one, other = sessions.open(7, "shop", READ), sessions.open(7, "shop", READ)
    assert one.id != other.id and len(one.id) >= 40 and "7" not in (one.id, other.id)
    assert sessions.find(one.id) == one and sessions.find("") is None and sessions.find(one.id[:-1]) is None
    sessions.close(one.id)
    assert sessions.find(one.id) is None and sessions.find(other.id) == other
    clock.now = 3600.0
    assert sessions.find(other.id) is None
    sessions.close(other.id)


def test_all_sessions_of_a_key_end_together() -> None:
    sessions = Sessions()
    of_one, of_other = [sessions.open(1, "a", READ) for _ in range(3)], sessions.open(2, "b", READ)
    sessions.close_key(1)
    assert [sessions.find(s.id) for s in of_one] == [None] * 3 and sessions.find(of_other.id) is not None


def test_there_are_never_too_many_sessions() -> None:
    sessions = Sessions(most=3)
    opened = [sessions.open(n, "k", READ) for n in range(5)]
    assert [sessions.find(s.id) is not None for s in opened] == [False, False, True, True, True]


def test_a_view_belongs_to_who_made_it() -> None:
    views = SavedQueries()
    name = views.keep("me", (("user", "u1"),))
    assert views.find("me", name) == (("user", "u1"),)
    assert views.find("you", name) is None and views.find("me", "other") is None
    assert "u1" not in name


def test_each_visitor_keeps_the_latest_views_only() -> None:
    views = SavedQueries(each=3)
    names = [views.keep("me", (("n", str(n)),)) for n in range(5)]
    other = views.keep("you", ())
    assert [views.find("me", name) is not None for name in names] == [False, False, True, True, True]
    assert views.find("you", other) == ()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3000)), max_size=40))
def test_views_hold_a_bounded_number_of_letters(asked: list[tuple[str, int]]) -> None:
    views = SavedQueries(each=5, most=10_000)
    names = [(owner, views.keep(owner, (("x", "y" * size),)), size) for owner, size in asked]
    kept = [size for owner, name, size in names if views.find(owner, name) is not None]
    assert sum(kept) <= 10_000
    if names:
        assert views.find(*names[-1][:2]) is not None, "what was asked last is there"


def test_a_token_fits_one_cookie_and_one_process() -> None:
    seal = CsrfTokens()
    assert seal.fits("mine", seal.token("mine"))
    assert not seal.fits("yours", seal.token("mine")) and not seal.fits("mine", "")
    assert not CsrfTokens().fits("mine", seal.token("mine"))
    assert not seal.fits("mine", "\u00e9\ud800")
