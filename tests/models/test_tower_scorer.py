"""Context columns of `TwoTower`: declared with the events, given with a request, used by `evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
from sidelight.data.context import common_context, context_rows  # noqa: E402
from sidelight.errors import SpecError  # noqa: E402
from sidelight.evaluation.prediction_context import predicted  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.training.gradient_signals import ValidationGradient  # noqa: E402
from sidelight.training.training_options import TrainingOptions  # noqa: E402
from sidelight.training.validation_scores import TowerScores, item_vectors  # noqa: E402

USERS, ITEMS = 120, 24
TITLE, DEVICE, PLAN = sl.Text("title", min_df=1), sl.Categories("device"), sl.Categories("plan")
QUICK = TrainingOptions(epochs=12, batch_size=64, lr=2e-2, patience=12)


def dataset(**flags: dict[str, Any]) -> sl.Dataset:
    """On the phone people choose red items, at the desk blue ones; half of the users stay at one device."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(USERS):
        for day in range(7):
            phone = bool(user // 2 % 2) if user % 2 else bool(rng.integers(2))
            item = int(rng.choice(np.arange(int(not phone), ITEMS, 2)))
            rows.append((f"u{user:03d}", f"i{item:02d}", day, "phone" if phone else "desk", 3.5 + item % 2))
    names = ["user_id", "item_id", "timestamp", "device", "price"]
    events = pl.DataFrame(rows, schema=names, orient="row")
    events = events.unique(["user_id", "item_id"], keep="first", maintain_order=True)
    table = events.with_columns(pl.from_epoch("timestamp", "d"), agreed=pl.col("user_id") > "u059")
    roles = {n: {"role": n} for n in names[:3]} | {
        n: {"role": "context", **flags.get(n, {})} for n in ("device", "price", "agreed")
    }
    schema = sl.Schema(
        tuple(sl.Column(n, **about) for n, about in roles.items()),
        (sl.Column("item_id", "item_id"), sl.Column("title", "text")),
        (sl.Column("user_id", "user_id"), sl.Column("plan", "category")),
    )
    items = {
        "item_id": [f"i{i:02d}" for i in range(ITEMS)],
        "title": [f"{('red', 'blue')[i % 2]} no{i}" for i in range(ITEMS)],
    }
    users = {
        "user_id": [f"u{u:03d}" for u in range(USERS)],
        "plan": [("free", "paid")[u % 2] for u in range(USERS)],
    }
    return sl.from_frames(table, items, users, schema)


def divided(data: sl.Dataset) -> sl.Split:
    """The last two events of each user validate."""
    user = data.interactions.user
    late = np.searchsorted(user, user, side="right") - np.arange(len(user)) <= 2
    nothing = np.zeros(data.n_items, dtype=bool)
    parts = np.flatnonzero(~late), np.flatnonzero(late), np.empty(0, dtype=np.int64)
    return sl.Split(data, *parts, ~nothing, nothing, nothing)


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return divided(dataset())


def fit(split: sl.Split, **options: Any) -> sl.Recommender:
    return sl.TwoTower((TITLE,), **{"dim": 8, "options": QUICK, **options}).fit(split)


@pytest.fixture(scope="module")
def model(split: sl.Split) -> sl.Recommender:
    return fit(split, context=(DEVICE, sl.Numbers("price"), sl.Categories("weekday")))


def test_the_device_changes_the_list(model: sl.Recommender) -> None:
    share = {}
    for device in ("phone", "desk"):
        rows = model.recommend(histories=[[]], k=8, context={"device": device})
        share[device] = np.mean([int(item[1:]) % 2 for item in rows["item_id"]])
    assert share["desk"] > 0.8 and share["phone"] < 0.2
    assert model.context == ("device", "price", "weekday")


def test_types_are_kept_and_text_of_a_number_is_one(model: sl.Recommender) -> None:
    assert model.scorer.context_features.kinds == ("text", "number", "clock")
    lists = [model.recommend(k=3, context={"price": p}) for p in (5.5, "5.5", np.float32(5.5))]
    assert all(rows.equals(lists[0]) for rows in lists)
    assert not lists[0].equals(model.recommend(k=3))
    assert model.recommend(k=3, context={"device": "fridge"}).equals(model.recommend(k=3))


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"devise": "phone"}, "did you mean 'device'"),
        ({"device": 3}, "text for device; found 3"),
        ({"price": "cheap"}, "a number for price; found 'cheap'"),
        ({"price": True}, "a number for price; found True"),
        ({"weekday": "Monday"}, "weekday from 1 to 7; found 'Monday'"),
        ("phone", "context by column; found 'phone'"),
    ],
)
def test_wrong_context_is_refused_in_one_line(model: sl.Recommender, context: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message) as error:
        model.recommend(histories=[["i01"]], context=context)
    assert "\n" not in str(error.value)


def test_a_wrong_column_is_refused(split: sl.Split) -> None:
    with pytest.raises(SpecError, match="did you mean 'device'"):
        fit(split, context=(sl.Categories("devices"),))
    with pytest.raises(SpecError, match=r"'timestamp' with the role 'timestamp'.*give it the role"):
        fit(split, context=(sl.Categories("timestamp"),))
    secret = divided(dataset(device={"sensitive": True}))
    with pytest.raises(SpecError, match=r"not sensitive; found 'device'.*option 'context'"):
        fit(secret, context=(DEVICE,))
    fit(secret, context=(DEVICE,), sensitive=True, options=replace(QUICK, epochs=1))


def test_context_without_consent_is_absent(split: sl.Split) -> None:
    asking = dataset(device={"consent": "agreed"})
    log, schema = asking.interactions, asking.schema
    found = context_rows(log, schema, ["device", "hour"])
    agreed = log.user > 59
    assert np.array_equal(found["device"].is_not_null().to_numpy(), agreed)
    assert found["device"].filter(agreed).to_list() == log.context["device"].filter(agreed).to_list()
    assert found["hour"].null_count() == 0
    spec = sl.TwoTower((TITLE,), dim=8, options=QUICK, context=(DEVICE,))
    towers = spec.towers(ContentSpace.fit((TITLE,), asking), divided(asking))
    there = towers.context_features.features[0].present[towers.context_features.row_of]
    assert np.array_equal(there, agreed)


def test_a_loaded_model_answers_alike_and_keeps_no_row_of_the_log(
    split: sl.Split, model: sl.Recommender, tmp_path: Any
) -> None:
    model.save(tmp_path / "m")
    again = sl.load(tmp_path / "m")
    context = {"device": "desk", "price": 4.5, "weekday": 2}
    assert again.recommend(k=5, context=context).equals(model.recommend(k=5, context=context))
    assert [len(f) for f in again.scorer.context_features.features] == [0, 0, 0]
    one, two = (sl.evaluate(m, split, ks=(5,)).figures() for m in (model, again))
    assert one == two


def test_the_moment_of_a_user_is_told_where_there_is_one(split: sl.Split) -> None:
    log = split.data.interactions
    table, truth = context_rows(log, split.data.schema, ["device"]), split.truth()
    everybody = np.arange(USERS)
    found = predicted(table, split, split.validation, truth, everybody)["device"].to_list()
    for user in range(USERS):
        rows = split.validation[log.user[split.validation] == user]
        devices = set(log.context["device"][rows].to_list())
        assert found[user] == (devices.pop() if len(devices) == 1 else None)
    assert {None, "phone", "desk"} == set(found)
    first = split.validation[np.unique(log.user[split.validation], return_index=True)[1]]
    alone = predicted(table, split, first, truth, everybody)["device"]
    assert alone.to_list() == log.context["device"][first].to_list()
    nobody = common_context(table, log.user, first[:0], USERS)
    assert nobody["device"].null_count() == USERS == len(nobody)


def test_evaluate_tells_the_moment_and_agrees_with_recommend(split: sl.Split) -> None:
    model = fit(split, context=(DEVICE,))
    found = sl.evaluate(model, split, ks=(10,))
    better, plain = (
        f.figures()["overall.ndcg@10"] for f in (found, sl.evaluate(Deaf(model), split, ks=(10,)))
    )
    assert better > plain + 0.02
    table = context_rows(split.data.interactions, split.data.schema, ["device"])
    users = found.users["overall"]
    at = predicted(table, split, split.validation, split.truth(), users)["device"].to_list()
    for user, device, items in zip(users, at, found.items, strict=True):
        context = {"device": device} if device else None
        rows = model.recommend(users=[split.data.user_ids[user]], k=10, context=context)
        assert rows["item_id"].to_list() == split.data.item_ids[items].tolist()
    assert 10 < at.count(None) < len(at) - 10


@dataclass(frozen=True)
class Deaf:
    """A model that is never told anything."""

    model: sl.Recommender

    def score(self, histories: Any) -> Any:
        return self.model.score(histories)


def test_a_blend_passes_context_on(split: sl.Split) -> None:
    spec = sl.Blend((sl.Popular(), sl.TwoTower((TITLE,), dim=8, options=QUICK, context=(DEVICE,))), depth=20)
    blend = spec.fit(split)
    assert blend.context == ("device",)
    told, deaf = (sl.evaluate(m, split, ks=(5,)).figures() for m in (blend, Deaf(blend)))
    assert told != deaf


def test_data_without_the_column_is_an_error_before_the_test_part_opens(
    split: sl.Split, model: sl.Recommender, tmp_path: Any
) -> None:
    log = replace(split.data.interactions, context=None)
    bare = replace(split, data=replace(split.data, interactions=log), sealed=split.validation)
    with pytest.raises(SpecError, match="found 'device', which these interactions do not hold"):
        sl.evaluate(model, bare, part="test", final=True, log=tmp_path / "log")
    assert not (tmp_path / "log").exists()


def towers_of(split: sl.Split, **options: Any) -> Any:
    towers = sl.TwoTower((TITLE,), dim=8, options=QUICK, **options).towers(
        ContentSpace.fit((TITLE,), split.data), split
    )
    with torch.no_grad():
        for table in (*towers.user_maps, *towers.context_maps):
            table.copy_(torch.randn(table.shape, generator=torch.Generator().manual_seed(2)))
    return towers.eval()


def test_validation_in_training_scores_as_the_saved_model(split: sl.Split) -> None:

    options = {"users": (PLAN,), "context": (DEVICE, sl.Numbers("price"))}
    towers = towers_of(split, **options)
    space = ContentSpace.fit((TITLE,), split.data)
    scorer = sl.TwoTower((TITLE,), dim=8, options=QUICK, **options).scorer(space, towers, {})
    model = sl.Recommender.of(None, scorer, split)
    one = sl.evaluate(TowerScores(towers, item_vectors(towers)), split, ks=(5,), spec="x").figures()
    assert one == pytest.approx(sl.evaluate(model, split, ks=(5,), spec="x").figures(), abs=1e-6)


def test_steering_knows_users_and_their_contexts(split: sl.Split) -> None:
    steering = ValidationGradient.of(split, 0)
    plain = towers_of(split)
    before = [float(loss.detach()) for loss in steering.losses(0, plain)]
    for options in ({"users": (PLAN,)}, {"context": (DEVICE,)}):
        towers = towers_of(split, **options)
        assert [float(loss.detach()) for loss in steering.losses(0, towers)] != before
        with torch.no_grad():
            for table in (*towers.user_maps, *towers.context_maps):
                table.zero_()
        assert [float(loss.detach()) for loss in steering.losses(0, towers)] == before
    towers = towers_of(split, context=(DEVICE,))
    table = context_rows(split.data.interactions, split.data.schema, ["device"])
    wanted = predicted(table, split, split.validation, split.truth(), steering.users)["device"]
    rows = steering._contexts(towers)
    names = towers.context_features.features[0].names
    values = towers.context_features.features[0].values.toarray()
    found = [names[values[row].argmax()].split("=")[1] if row >= 0 else None for row in rows]
    assert found == wanted.to_list()


@dataclass(frozen=True)
class Slow:
    """A modality of the items that must not be reached."""

    columns: ClassVar[tuple[str, ...]] = ("title",)
    name: ClassVar[str] = "slow"

    def fit(self, items: Any, cache: Any = None, progress: Any = None) -> Any:
        raise AssertionError("the content was encoded before the columns were checked")


def test_wrong_columns_are_refused_before_the_content_is_encoded() -> None:
    split = divided(dataset(device={"sensitive": True}))
    flagged = tuple(replace(c, sensitive=c.name == "plan") for c in split.data.schema.users)
    schema = replace(split.data.schema, users=flagged)
    guarded = replace(split, data=replace(split.data, schema=schema))
    for options in ({"users": (PLAN,)}, {"context": (DEVICE,)}, {"context": (sl.Categories("dev"),)}):
        with pytest.raises(SpecError):
            sl.TwoTower((Slow(),), **options).fit(guarded)
    with pytest.raises(AssertionError, match="was encoded"):
        sl.TwoTower((Slow(),), users=(PLAN,), sensitive=True).fit(guarded)
