"""Rules and exploration in the lists of an engine."""

from __future__ import annotations

import numpy as np
import pytest
import served

from sidelight.errors import SpecError
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.exploration import Exploration
from sidelight.serving.rerank.rules import ItemCondition, Pin, Rules

EXPLORING = EngineOptions(exploration=Exploration(rate=0.5, pool=8))


@pytest.fixture
def engine(tmp_path):
    with served.engine(tmp_path, "blend") as made:
        yield made


def ids(answer):
    return [one.item_id for one in answer.items]


def brand(engine, answer):
    return [engine.item(one).row["brand"] for one in ids(answer)]


def test_rules_that_want_nothing_change_nothing(engine):
    for who in ({"user": "u03"}, {"user": "nobody"}, {"history": ()}, {"history": ("i03",)}):
        plain = engine.recommend(RecommendRequest(**who, k=80))
        ruled = engine.recommend(RecommendRequest(**who, k=80, rules=Rules()))
        assert plain.items == ruled.items and plain.cost is None and ruled.cost is None
        nudged = engine.recommend(
            RecommendRequest(**who, k=12, rules=Rules(boost=(ItemCondition("brand", "nobody's"),)))
        )
        assert nudged.items == plain.items[:12] and nudged.cost.total == 0


def test_blocked_buried_and_boosted_items_move(engine):
    plain = engine.recommend(RecommendRequest(user="u03", k=10))
    first = brand(engine, plain)[0]
    blocked = engine.recommend(
        RecommendRequest(user="u03", k=10, rules=Rules(block=(ItemCondition("brand", first),)))
    )
    assert first not in brand(engine, blocked) and len(blocked.items) == 10
    buried = engine.recommend(
        RecommendRequest(user="u03", k=10, rules=Rules(bury=(ItemCondition("brand", first, strength=3.0),)))
    )
    assert brand(engine, buried).count(first) < brand(engine, plain).count(first)
    assert 0 < buried.cost.total <= 1 and buried.cost.by_rule.keys() == {"bury"}
    places = {one.item_id: one.rank for one in engine.recommend(RecommendRequest(user="u03", k=80)).items}
    assert all(one.moved == places[one.item_id] - one.rank for one in buried.items)
    assert all(one.score == pytest.approx(_score(engine, one.item_id)) for one in buried.items)


def _score(engine, item):
    found = {one.item_id: one.score for one in engine.recommend(RecommendRequest(user="u03", k=80)).items}
    return found[item]


def test_a_pin_holds_its_place_unless_the_person_may_not_see_it(engine):
    plain = engine.recommend(RecommendRequest(user="u03", k=70))
    last = ids(plain)[-1]
    answer = engine.recommend(RecommendRequest(user="u03", k=5, rules=Rules(pin=(Pin(last, 2),))))
    assert ids(answer)[1] == last and answer.unplaced == ()
    own, people = served.model("blend").items, served.model("blend").people
    seen = str(own.ids[people.histories.matrix()[people.find(["u03"])[0]].indices[0]])
    engine.add_events([served.event("u03", last, "dismissal")])
    pins = Rules(pin=(Pin(last, 1), Pin(seen, 2), Pin("unheard of", 3)))
    answer = engine.recommend(RecommendRequest(user="u03", k=5, rules=pins))
    assert not {last, seen} & set(ids(answer)) and answer.unplaced == (last, seen, "unheard of")
    answer = engine.recommend(RecommendRequest(user="u03", k=5, rules=pins, filter_seen=False))
    assert answer.unplaced == (last, "unheard of") and seen in ids(answer)
    answer = engine.recommend(RecommendRequest(user="u01", k=5, rules=pins, candidates=("i05", "i09")))
    assert set(ids(answer)) <= {"i05", "i09"}


@pytest.mark.parametrize("who", [{"user": "u03"}, {"user": "nobody"}, {"history": ("i03", "i08")}])
def test_the_floor_brings_new_items(engine, who):
    answer = engine.recommend(RecommendRequest(**who, k=10, rules=Rules(floor=0.4)))
    assert sum(one.new for one in answer.items) >= 4 and len(set(ids(answer))) == 10
    assert answer.cost.slots_new_after >= 4
    engine.put_items([{"item_id": "fresh", "title": "a"}], wait=5)
    whole = engine.recommend(RecommendRequest(user="nobody", k=10, rules=Rules(floor=0.1)))
    assert "fresh" in ids(whole)  # of somebody unknown the newest item comes first


def test_freshness_prefers_what_has_just_arrived(engine):
    engine.put_items([{"item_id": "fresh", "title": "sturdy tent"}], wait=5)
    plain = engine.recommend(RecommendRequest(user="u03", k=81))
    ruled = engine.recommend(RecommendRequest(user="u03", k=81, rules=Rules(freshness=1.0)))
    place = [ids(a).index("fresh") for a in (plain, ruled)]
    assert place[1] < place[0] or place == [0, 0]
    others = [[i for i in ids(a) if i != "fresh"] for a in (plain, ruled)]
    assert others[0] == others[1]


def test_diversity_mixes_brands(engine):
    plain = engine.recommend(RecommendRequest(user="u03", k=10))
    mixed = engine.recommend(RecommendRequest(user="u03", k=10, rules=Rules(diversity=0.9)))
    assert len(set(brand(engine, mixed))) >= len(set(brand(engine, plain))) and ids(mixed) != ids(plain)


def test_rules_see_the_columns_of_arrived_items(engine):
    engine.put_items([{"item_id": "fresh", "title": "sturdy tent", "brand": "Novel"}], wait=5)
    answer = engine.recommend(
        RecommendRequest(
            user="u03", k=3, rules=Rules(boost=(ItemCondition("brand", "Novel", strength=10.0),))
        )
    )
    assert ids(answer)[0] == "fresh"
    with pytest.raises(SpecError, match="did you mean 'brand'"):
        engine.recommend(RecommendRequest(user="u03", rules=Rules(block=(ItemCondition("bramd", "x"),))))


def test_many_asks_may_differ_in_their_rules(engine):
    rules = Rules(block=(ItemCondition("brand", "Fernhill"),))
    asks = [
        RecommendRequest(user="u03", k=4),
        RecommendRequest(user="u03", k=4, rules=rules),
        RecommendRequest(user="u04", k=90),
    ]
    for ask, answer in zip(asks, engine.recommend_many(asks), strict=True):
        assert answer.items == engine.recommend(ask).items


def test_exploration_shows_new_items_with_their_probability(tmp_path):
    with served.engine(tmp_path, "blend", options=EXPLORING) as engine:
        plain = engine.recommend(RecommendRequest(user="u03", k=5, explore=False))
        assert not any(one.explored for one in plain.items)
        shown: dict[str, int] = {}
        chance: dict[str, float] = {}
        for _ in range(600):
            answer = engine.recommend(RecommendRequest(user="u03", k=5))
            for one in answer.items:
                assert one.new or not one.explored
                shown[one.item_id] = shown.get(one.item_id, 0) + 1
                chance[one.item_id] = one.propensity
        for item, count in shown.items():
            sigma = np.sqrt(chance[item] * (1 - chance[item]) / 600)
            assert abs(count / 600 - chance[item]) <= 4.5 * sigma + 1e-9
        assert any(p < 1 for p in chance.values())


def test_exposures_are_written_and_none_without_exploration(tmp_path):
    with served.engine(tmp_path, "blend", options=EXPLORING) as engine:
        engine.recommend(RecommendRequest(user="u03", k=5, explore=False))
        answer = engine.recommend(RecommendRequest(user="u03", k=5))
        engine.recommend(RecommendRequest(history=("i03",), k=2))
        assert engine.status().exposures_waiting == 7 and engine.database.exposures() == []
        engine.close()
        rows = [row for _, row in engine.database.exposures()]
        assert len(rows) == 7 and engine.status().exposures_waiting == 0
        mine = [row for row in rows if row.request_id == answer.request_id]
        told = [(o.item_id, o.rank, o.propensity, o.explored) for o in answer.items]
        assert [(r.item_id, r.rank, r.propensity, r.explored) for r in mine] == told
        assert {r.user_id for r in mine} == {"u03"} and {r.version for r in mine} == {"blend"}
        assert {r.user_id for r in rows if r not in mine} == {None}


def test_forgetting_takes_exposures_that_are_still_in_memory(tmp_path):
    with served.engine(tmp_path, "blend", options=EXPLORING) as engine:
        engine.recommend(RecommendRequest(user="u03", k=5))
        assert engine.forget("u03") == 5
        engine.close()
        assert engine.database.exposures() == []


def test_exploration_keeps_pins_and_blocks(tmp_path):
    with served.engine(tmp_path, "blend", options=EXPLORING) as engine:
        rules = Rules(pin=(Pin("i05", 1),), block=(ItemCondition("brand", "Copperline"),))
        for _ in range(50):
            answer = engine.recommend(RecommendRequest(user="nobody", k=5, rules=rules))
            assert ids(answer)[0] == "i05" and "Copperline" not in brand(engine, answer)
            assert len(set(ids(answer))) == 5
