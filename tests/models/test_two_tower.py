"""User features and context of `TwoTower`: they help who has few clicks, and never act unasked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.errors import DataError, SpecError  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.models.explanation import EVERYBODY, USER  # noqa: E402
from sidelight.towers.side_features import SideFeatures  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.training_options import TrainingOptions  # noqa: E402

USERS, ITEMS, FEW = 240, 48, 160  # users from FEW on have no click to train on, or one
HOUR = 3_600_000_000
TITLE, PLAN, WHEN = sl.Text("title", min_df=1), sl.Categories("plan"), sl.Categories("hour")
QUICK = TrainingOptions(epochs=15, batch_size=64, lr=2e-2, patience=15)
ROLES = {
    "interactions": ("user_id", "item_id", "timestamp"),
    "items": ("item_id", "title"),
    "users": ("user_id", "plan", "secret", "agreed"),
}


def dataset(**users: list[Any]) -> sl.Dataset:
    """Items of two kinds and two times of day; the plan of a user decides the kind that is liked.

    `secret` is the plan again, to be looked at only where `agreed`; `users` replaces columns.
    """
    rng = np.random.default_rng(0)
    kind, evening = np.arange(ITEMS) % 2, np.arange(ITEMS) // 2 % 2
    rows = []
    for user in range(USERS):
        for day in range(7 if user < FEW else 3):
            late = int(rng.integers(2))
            chance = np.where(kind == user % 2, 9.0, 1.0) * np.where(evening == late, 9.0, 1.0)
            item = int(rng.choice(ITEMS, p=chance / chance.sum()))
            when = 480_000 + 24 * day + (20 if late else 8)
            rows.append((f"u{user:03d}", f"i{item:02d}", when * HOUR))
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    events = events.unique(["user_id", "item_id"], keep="first", maintain_order=True)
    titles = [
        f"{('red', 'blue')[k]} {('dawn', 'dusk')[e]} no{i}"
        for i, (k, e) in enumerate(zip(kind, evening, strict=True))
    ]
    table = {
        "user_id": [f"u{u:03d}" for u in range(USERS)],
        "plan": [None if u % 20 == 19 else ("free", "paid")[u % 2] for u in range(USERS)],
        "secret": [("f", "m")[u % 2] for u in range(USERS)],
        "agreed": [u % 4 > 0 for u in range(USERS)],
    }
    flags = {"secret": {"role": "category", "sensitive": True, "consent": "agreed"}}
    flags |= {"plan": {"role": "category"}, "title": {"role": "text"}, "agreed": {"role": "context"}}
    schema = sl.Schema(
        *(tuple(sl.Column(n, **flags.get(n, {"role": n})) for n in names) for names in ROLES.values())
    )
    return sl.from_frames(
        events.with_columns(pl.from_epoch("timestamp", "us")),
        {"item_id": [f"i{i:02d}" for i in range(ITEMS)], "title": titles},
        table | users,
        schema,
    )


def divided(data: sl.Dataset) -> sl.Split:
    """Two events of each user validate; of users from FEW on, every second one has nothing else."""
    user = data.interactions.user
    rank = np.arange(len(user)) - np.searchsorted(user, user)
    train = np.where(user < FEW, rank < 5, rank < user % 4 // 2)
    nothing = np.zeros(data.n_items, dtype=bool)
    parts = np.flatnonzero(train), np.flatnonzero(~train), np.empty(0, dtype=np.int64)
    return sl.Split(data, *parts, ~nothing, nothing, nothing)


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return divided(dataset())


def fit(split: sl.Split, **options: Any) -> sl.Recommender:
    return sl.TwoTower((TITLE,), **{"dim": 8, "options": QUICK, "floor": False, **options}).fit(split)


@pytest.fixture(scope="module")
def plain(split: sl.Split) -> sl.Recommender:
    return fit(split)


@pytest.fixture(scope="module")
def model(split: sl.Split) -> sl.Recommender:
    return fit(split, users=(PLAN,), context=(WHEN,))


def everybody(split: sl.Split) -> np.ndarray:
    return np.arange(split.data.n_users)


def of_newcomers(model: sl.Recommender, split: sl.Split) -> float:
    found = sl.evaluate(model, split, ks=(10,))
    return float(found.values["overall"]["ndcg@10"][found.users["overall"] >= FEW].mean())


def test_an_attribute_helps_users_with_no_click_or_one(split: sl.Split, plain: sl.Recommender) -> None:
    assert split.histories().lengths[FEW:].max() == 1
    assert of_newcomers(fit(split, users=(PLAN,)), split) > 1.1 * of_newcomers(plain, split)


def test_an_attribute_of_planted_tastes_is_used() -> None:
    split = sl.split.temporal(make_synthetic(120, 80, 1200, seed=1).data)
    model = fit(split, users=(sl.Categories("gender"),), sensitive=True, options=replace(QUICK, epochs=5))
    empty = split.histories().matrix()[:2] * 0
    people = split.data.users["gender"]
    one_each = np.array([people.index_of("f"), people.index_of("m")])
    women, men = model.with_context(one_each).score(empty)
    assert not np.allclose(women, men)


def test_missing_values_and_strangers_add_nothing(split: sl.Split, model: sl.Recommender) -> None:
    rows = split.histories().matrix()
    told, untold = model.with_context(everybody(split)).score(rows), model.score(rows)
    missing = split.data.users["plan"].is_null().to_numpy()
    assert np.array_equal(told[missing], untold[missing])
    assert (told[~missing] != untold[~missing]).any(axis=1).all()
    assert np.array_equal(model.with_context(np.full(len(told), -1)).score(rows), untold)


def test_a_sensitive_column_is_refused_unless_asked_for(split: sl.Split) -> None:
    with pytest.raises(SpecError, match=r"not sensitive; found 'secret'.*sensitive=True"):
        fit(split, users=(sl.Categories("secret"),))


def test_values_without_consent_have_no_effect(split: sl.Split) -> None:
    options = {"users": (sl.Categories("secret"),), "sensitive": True}
    asked = split.data.users["agreed"].to_list()
    other = [s if a else "unheard-of" for s, a in zip(split.data.users["secret"], asked, strict=True)]
    one, two = fit(split, **options), fit(divided(dataset(secret=other)), **options)
    rows, who = split.histories().matrix(), everybody(split)
    told = one.with_context(who).score(rows)
    assert np.array_equal(told, two.with_context(who).score(rows))
    assert np.array_equal((told != one.score(rows)).any(axis=1), np.array(asked))
    assert two.scorer.user_features.features[0].names == ("secret=f", "secret=m")
    assert np.array_equal(two.scorer.user_features.features[0].present, np.array(asked))
    nobody = dataset(agreed=[False] * USERS)
    with pytest.raises(SpecError, match="users who consented; found none"):
        fit(divided(nobody), **options)


def test_a_wrong_input_is_answered(split: sl.Split) -> None:
    with pytest.raises(SpecError, match="did you mean 'plan'"):
        fit(split, users=(sl.Categories("plans"),))
    with pytest.raises(SpecError, match="with a comma"):
        fit(split, users=PLAN)
    with pytest.raises(SpecError, match="did you mean 'hour'"):
        fit(split, context=(sl.Categories("hours"),))
    own = split.data.schema
    declared = replace(own, interactions=(*own.interactions, sl.Column("device", "context")))
    with pytest.raises(SpecError, match="found 'device', which these interactions do not hold"):
        fit(replace(split, data=replace(split.data, schema=declared)), context=(sl.Categories("device"),))
    timeless = replace(split.data, interactions=replace(split.data.interactions, timestamp=None))
    with pytest.raises(SpecError, match="timestamps"):
        fit(replace(split, data=timeless), context=(WHEN,))


def test_the_hour_changes_the_list(model: sl.Recommender) -> None:
    late = {}
    for hour in (8, "20"):
        rows = model.recommend(histories=[[]], k=10, context={"hour": hour})
        assert set(rows["source"]) <= {"personal", "popular"}
        late[int(hour)] = np.mean([int(item[1:]) // 2 % 2 for item in rows["item_id"]])
    assert late[20] > 0.5 > late[8]
    assert set(model.recommend(histories=[[]], k=3)["source"]) == {"popular:empty-history"}
    unknown = model.recommend(users=["nobody"], k=3, context={"hour": 8})
    assert set(unknown["source"]) == {"popular:unknown-user"}


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"huor": 8}, "did you mean 'hour'"),
        ({"hour": 24}, "hour from 0 to 23; found 24"),
        ({"hour": "noon"}, "hour from 0 to 23; found 'noon'"),
    ],
)
def test_wrong_context_is_refused(model: sl.Recommender, context: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        model.recommend(histories=[["i01"]], context=context)


def test_models_without_context_refuse_it(plain: sl.Recommender, split: sl.Split) -> None:
    for other in (plain, sl.Popular().fit(split)):
        with pytest.raises(SpecError, match=r"found 'hour'.*fit with context"):
            other.recommend(histories=[["i01"]], context={"hour": 8})


def test_an_hour_that_no_event_had_is_absent(model: sl.Recommender) -> None:
    some, none = ({"histories": [["i01"]], "context": c} for c in ({"hour": 3}, None))
    assert model.recommend(**some).equals(model.recommend(**none))


def test_evaluation_and_lists_agree(split: sl.Split, model: sl.Recommender) -> None:
    found = sl.evaluate(model, split, ks=(10,))
    known = ~split.data.users["plan"].is_null().to_numpy()
    assert not split.histories().lengths[known].all()  # some of them have no history
    log, told = split.data.interactions, set()
    hour = log.timestamp // HOUR % 24
    for at, user in enumerate(found.users["overall"]):
        ahead = set(hour[split.validation[log.user[split.validation] == user]].tolist())
        context = {"hour": ahead.pop()} if len(ahead) == 1 else None
        rows = model.recommend(users=[split.data.user_ids[user]], k=10, context=context)
        if known[user]:
            told.add(context is None)
            assert rows["item_id"].to_list() == split.data.item_ids[found.items[at]].tolist()
    assert told == {True, False}


def test_audience_and_reasons_know_the_user(split: sl.Split, model: sl.Recommender) -> None:
    scores = model.with_context(everybody(split)).score(split.histories())
    for user, score in model.audience(["i03"], k=20).select("user_id", "score").iter_rows():
        assert score == pytest.approx(scores[split.data.user_index([user])[0], 3], rel=1e-4)
    first = model.recommend(users=["u001"], k=1).row(0, named=True)
    assert model.explain(first["item_id"], user="u001").score == pytest.approx(first["score"], rel=1e-4)


def test_an_explanation_says_when_the_attributes_speak(
    split: sl.Split, plain: sl.Recommender, model: sl.Recommender
) -> None:
    length, known = (
        split.histories().lengths,
        split.data.users["plan"].is_not_null().to_numpy(),
    )
    newcomer = split.data.user_ids[np.flatnonzero((length == 0) & known)[0]]
    best = model.recommend(users=[newcomer], k=1).row(0, named=True)
    reason = model.explain(best["item_id"], user=newcomer)
    assert [name for name, _ in reason.because] == [USER]
    untold = model.explain(best["item_id"], history=[])
    assert reason.user * abs(reason.score) == pytest.approx(reason.score - untold.score, rel=1e-4)
    for said in (untold, model.explain(best["item_id"], user="nobody"), plain.explain("i01", user=newcomer)):
        assert said.user == said.context == 0 and not said.because and EVERYBODY in str(said)
    worst = model.recommend(users=[newcomer], k=ITEMS).row(-1, named=True)["item_id"]
    assert model.explain(worst, user=newcomer).user < 0
    item = model.recommend(users=["u001"], k=1)["item_id"][0]
    both, late = (model.explain(item, user="u001", context=c) for c in (None, {"hour": 20}))
    assert both.history and both.user > 0 and both.context == 0
    told = model.with_context(split.data.user_index(["u001"]), {"hour": 20}).score(
        split.histories().matrix()[split.data.user_index(["u001"])]
    )[0, split.data.item_index([item])[0]]
    assert late.score == pytest.approx(told, rel=1e-4)
    assert late.context * abs(late.score) == pytest.approx(late.score - both.score, rel=1e-3)


@pytest.mark.parametrize("kind", ["alone", "blend"])
def test_a_loaded_model_answers_alike(
    split: sl.Split, model: sl.Recommender, tmp_path: Any, kind: str
) -> None:
    if kind == "blend":
        parts = (sl.Popular(), model.spec, sl.EASE(5.0))
        model = sl.Blend(parts, depth=40).fit(split)
        assert model.scorer.context == ("hour",)
    model.save(tmp_path / "m")
    again = sl.load(tmp_path / "m")
    assert again.spec == model.spec
    who, rows, when = everybody(split), split.histories().matrix(), {"hour": 20}
    told = model.with_context(who, when).score(rows)
    assert np.array_equal(again.with_context(who, when).score(rows), told)
    assert not np.array_equal(told, model.score(rows))
    assert again.recommend(k=7, context=when).equals(model.recommend(k=7, context=when))
    grown = again.add_items({"item_id": ["new"], "title": ["blue dusk"]})
    lists = grown.recommend(users=["u001"], k=ITEMS + 1, context=when)
    assert "new" in lists["item_id"]


def test_numbers_and_tags_of_users_work(split: sl.Split) -> None:
    data = split.data
    more = data.users.with_columns(
        age=pl.Series([None if u % 3 == 0 else 20.0 + u % 2 for u in range(USERS)]),
        likes=pl.Series([[("x", "y")[u % 2]] if u % 5 else [] for u in range(USERS)]),
    )
    columns = (*data.schema.users, sl.Column("age", "number"), sl.Column("likes", "tags"))
    wide = replace(split, data=replace(data, users=more, schema=replace(data.schema, users=columns)))
    model = fit(wide, users=(sl.Numbers("age"), sl.Tags("likes")))
    same = model.with_context(everybody(split)).score(split.histories()) == model.score(split.histories())
    assert np.array_equal(same.all(axis=1), np.arange(USERS) % 15 == 0)


def test_models_that_listen_to_nobody_are_as_they_were(split: sl.Split, plain: sl.Recommender) -> None:
    rows = split.histories().matrix()
    assert plain.with_context(everybody(split)).scorer is plain.scorer
    assert not [name for name in plain.to_arrays()[0] if "people" in name or "moment" in name]
    before = {k: v for k, v in plain.scorer.state()[1].items() if k not in ("people", "moments")}
    old = type(plain.scorer).restore(plain.scorer.state()[0], before)  # a bundle of before
    assert np.array_equal(old.score(rows), plain.score(rows))


def test_before_training_attributes_change_nothing(split: sl.Split) -> None:
    """Equal weights, equal noise, equal batches: only what is learnt makes a difference."""
    space = ContentSpace.fit((TITLE,), split.data)
    bare, rich = (
        sl.TwoTower((TITLE,), dim=8, options=QUICK, users=users).towers(space, split)
        for users in ((), (PLAN,))
    )
    data = Batches.of(split, QUICK)
    one, two = data.make(3, bare), data.make(3, rich)
    for name in ("items", "vectors", "users", "history", "targets", "drawn"):
        assert torch.equal(getattr(one, name), getattr(two, name)), name
    assert one.side_vectors is None and not two.side_vectors.any()


def test_targets_share_the_moment_of_their_user(split: sl.Split) -> None:
    space = ContentSpace.fit((TITLE,), split.data)
    spec = sl.TwoTower((TITLE,), dim=8, options=QUICK, context=(WHEN,))
    towers, log = spec.towers(space, split).eval(), split.data.interactions
    data = Batches.of(split, QUICK)
    with torch.no_grad():
        for at, name in enumerate(towers.context_features.features[0].names):
            towers.context_maps[0][at] = {"hour=8": -1.0, "hour=20": 1.0}[name]
    hour = {(u, i): t // HOUR % 24 for u, i, t in zip(log.user, log.item, log.timestamp, strict=True)}
    batch = data.make(0, towers)
    found = set()
    for place, row in batch.targets.tolist():
        at = hour[int(batch.users[place]), int(batch.items[row])]
        assert batch.side_vectors[place, 0] == (1.0 if at == 20 else -1.0)
        found.add(at)
    assert found == {8, 20}
    everyone = set(range(len(batch.users)))
    assert {place for place, _ in batch.targets.tolist()} == everyone
    hidden = data.make(0, towers.train())
    assert 0 < int((hidden.side_vectors == 0).all(dim=1).sum()) < len(everyone) / 2


def test_context_is_read_off_the_clock() -> None:
    log = make_synthetic(30, 20, 100, seed=2).data.interactions
    specs = (sl.Categories("weekday"), sl.Numbers("month"))
    found = SideFeatures.of_contexts(specs, log, np.arange(50), sl.Schema())
    names, rows = found.features[0].names, found.features[0].values[found.row_of].toarray()
    for at in range(50):
        day = log.timestamp[at].astype("datetime64[us]").item().isoweekday()
        assert rows[at, names.index(f"weekday={day}")] == 1
    assert found.encode({"month": "3"})[0].present.tolist() == [False]
    with pytest.raises((SpecError, DataError)):
        found.encode({"weekday": 0})
