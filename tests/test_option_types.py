"""Every option of every shipped spec, and every argument of a verb, against what it must refuse."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pkgutil
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
import pytest

import sidelight as sl
from sidelight.errors import SidelightError, SpecError
from sidelight.option_types import SOME, Count, Positive, check_call, checked, hints
from sidelight.option_values import Range
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.rules import ItemCondition, Pin

ROOMS = ("content", "data", "models", "serving", "tasks", "towers", "training", "weighting")
NEEDED: dict[str, dict[str, Any]] = {
    "RecommendRequest": {"user": "u1"},
    "Blend": {"components": (sl.Popular(),)}, "Distillation": {"teacher": sl.EASE()},
    "Column": {"name": "title", "role": "text"}, "LabelPrediction": {"labels": sl.Tags("genres")},
    "PredictedLabels": {"labels": sl.Tags("genres")}, "UserAttribute": {"column": "plan"},
    "SensitiveRemoval": {"column": "gender"}, "Pin": {"item": "i1", "place": 1},
    "ItemCondition": {"items": ("i1",)},
}  # fmt: skip
MISSING = object()


def shipped() -> Iterator[type]:
    """Dataclasses that check themselves, and content specs, which do so in their own `__init__`."""
    for room in ROOMS:
        package = importlib.import_module(f"sidelight.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            found = importlib.import_module(module.name)
            for cls in vars(found).values():
                if isinstance(cls, type) and cls.__module__ == module.name and dataclasses.is_dataclass(cls):
                    checks = getattr(cls, "__post_init__", None)
                    own = not cls.__dataclass_params__.init  # type: ignore[attr-defined]
                    if own or (checks and checks.__qualname__.startswith("checked.")):
                        yield cls


SPECS = {cls.__name__: cls for cls in shipped()}


def made(cls: type, **options: Any) -> Any:
    """The spec with what it needs besides."""
    names = {f.name for f in dataclasses.fields(cls)}
    needed = dict(NEEDED.get(cls.__name__, {}))
    if "content" in names:
        needed["content"] = (sl.Text("title"),)
    if "columns" in names:
        needed["columns"] = ("title",)
    return cls(**{**needed, **options})


def kinds(kind: Any) -> list[Any]:
    """The alternatives of a type."""
    return list(get_args(kind)) if get_origin(kind) in (Union, types.UnionType) else [kind]


def wrong(kind: Any) -> Iterator[Any]:
    """Values that no alternative of a type allows."""
    bases = [get_args(k)[0] if get_origin(k) is Annotated else k for k in kinds(kind)]
    origins = {get_origin(base) or base for base in bases}
    yield from (object(), b"x", sl.Popular, {"a": b"x"}, [object()], [[["x"]]])
    if type(None) not in origins:
        yield None
    if not origins & {str, Path}:
        yield from ("sixty-four", "64")
    if bool not in origins:
        yield from (True, np.bool_(False))
    if not origins & {int, float, Literal}:
        yield from (3, 0.5)
    if float not in origins:
        yield 0.5
    yield from (math.nan, math.inf, -math.inf, np.float32("nan"))
    for each in kinds(kind):
        limits = [a for a in get_args(each)[1:] if isinstance(a, Range)] if len(kinds(kind)) == 1 else []
        if get_args(each) and get_args(each)[0] in (int, float):
            yield from (
                x for x in (-1, 0, 1, 2, 10**40) if not all(x in limit for limit in limits) and limits
            )
    if origins == {tuple}:
        yield from (made(sl.MaskedAttributes), {1, 2}, iter(()))


OPEN = {"context", "metrics"}  # any value by name
FIELDS = [
    (cls, name, kind)
    for cls in SPECS.values()
    for name, kind in hints(cls).items()
    if name not in OPEN or cls is not RecommendRequest
]


@pytest.mark.parametrize(("cls", "name", "kind"), FIELDS, ids=lambda x: getattr(x, "__name__", str(x))[:30])
def test_an_option_refuses_what_it_is_not(cls: type, name: str, kind: Any) -> None:
    for value in wrong(kind):
        if name == "columns" and isinstance(value, str):
            continue  # one name stands for itself
        with pytest.raises(SidelightError) as error:
            made(cls, **{name: value})
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 800


@pytest.mark.parametrize("cls", SPECS.values(), ids=lambda cls: cls.__name__)
def test_lists_become_tuples_and_numbers_of_numpy_plain_ones(cls: type) -> None:
    spec = made(cls)
    for name, value in vars(spec).items():
        if isinstance(value, tuple):
            assert made(cls, **{name: list(value)}) == spec
            assert (
                hash(made(cls, **{name: list(value)})) == hash(spec) if cls is not RecommendRequest else True
            )
        if type(value) in (int, float):
            again = getattr(made(cls, **{name: np.array(value)[()]}), name)
            assert again == value
            assert type(again) is type(value)


def test_the_walk_finds_the_specs_of_the_package() -> None:
    assert {"TwoTower", "TrainingOptions", "Text", "Fixed", "Rules", "HttpOptions", "EngineOptions"} <= set(
        SPECS
    )
    exported = [getattr(sl, n) for n in sl.__all__ if n[:1].isupper()]
    not_options = {
        "Comparison",
        "Dataset",
        "Difference",
        "Evaluation",
        "Features",
        "Histories",
        "OrderBlind",
        "RecommendResponse",
        "Recommender",
        "Split",
    }
    specs = {c.__name__ for c in exported if dataclasses.is_dataclass(c)}
    assert specs - not_options <= set(SPECS)


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (lambda: sl.TwoTower(sl.Text("title")), "with a comma"),
        (lambda: sl.TwoTower((sl.Text("title"),), tasks=sl.Contrastive()), r"write \(Contrastive\(...\),\)"),
        (lambda: sl.TwoTower((sl.Text("title"),), options={"epochs": 2}), r"write TrainingOptions\(...\)"),
        (
            lambda: sl.TwoTower((sl.Text("title"),), user_encoder="attention"),
            "type UserEncoder with build",
        ),
        (lambda: sl.Blend((sl.Popular, sl.EASE())), r"make one: Popular\(...\)"),
        (lambda: sl.Blend((sl.Text("title"),)), "Fittable with fit"),
        (lambda: sl.ContentKNN((sl.EASE(),)), "Content with fit, name"),
        (lambda: sl.Blend((sl.Popular(),), edges=(30, 4)), "edges that rise"),
    ],
)
def test_an_error_says_what_to_write(make: Any, fix: str) -> None:
    with pytest.raises(SpecError, match=fix):
        make()


def test_a_device_that_is_not_there_is_named(split: sl.Split) -> None:
    for device in ("cuda:99", "banana", "meta"):
        spec = sl.TwoTower((sl.Text("title"),), dim=4, options=sl.TrainingOptions(epochs=1, device=device))
        with pytest.raises(SpecError, match="a device that torch can use"):
            spec.fit(split)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> sl.Split:
    import shop

    return sl.split.temporal(sl.read(shop.write(tmp_path_factory.mktemp("arguments") / "shop")))


@pytest.fixture(scope="module")
def model(split: sl.Split) -> sl.Recommender:
    return sl.ItemKNN().fit(split)


def no_ids() -> list[Any]:
    import pandas as pd
    import polars as pl

    table = {"user_id": ["u01"]}
    return [
        b"u01", [b"u01"], [["u01"]], [("u01",)], [None], [math.nan], [pd.NA], [pd.NaT], pl.DataFrame(table),
        pd.DataFrame(table), table, np.array([["u01"]]), np.array("u01"), object(), 5.5, [{"u01"}], [],
    ]  # fmt: skip


@pytest.mark.parametrize("given", no_ids(), ids=lambda x: f"{type(x).__name__} {x!r:.20}".replace("\n", " "))
def test_what_is_no_list_of_ids_is_refused(model: sl.Recommender, given: Any) -> None:
    calls = [
        lambda: model.recommend(users=given), lambda: model.recommend(["u01"], candidates=given),
        lambda: model.similar(given), lambda: model.audience(given),
        lambda: model.explain([given], user="u01"), lambda: model.explain("i01", user=[given]),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(SpecError) as error:
            call()
        assert "\n" not in str(error.value)
    if not isinstance(given, list) or given:
        for call in (lambda: model.recommend(histories=[given]), lambda: model.explain("i01", history=given)):
            with pytest.raises(SpecError):
                call()


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "3", None, math.nan])
def test_k_is_a_whole_number_from_1(model: sl.Recommender, k: Any) -> None:
    for call in (
        lambda: model.recommend(["u01"], k=k), lambda: model.similar(["i01"], k=k),
        lambda: model.audience(["i01"], k=k), lambda: model.explain("i01", user="u01", k=k),
    ):  # fmt: skip
        with pytest.raises(SpecError, match="k >= 1"):
            call()


def test_ids_in_any_list_are_taken(model: sl.Recommender) -> None:
    import pandas as pd
    import polars as pl

    wanted = model.recommend(["u01", "u02"])
    for users in (
        ("u01", "u02"), np.array(["u01", "u02"]), pl.Series(["u01", "u02"]), pd.Series(["u01", "u02"]),
        (u for u in ("u01", "u02")), dict.fromkeys(("u01", "u02")).keys(),
    ):  # fmt: skip
        assert model.recommend(users).equals(wanted)
    with pytest.raises(SpecError, match="write k=5"):
        model.recommend(["u01"], 5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call",
    [
        lambda s, m: sl.split.temporal("shop/"), lambda s, m: sl.split.temporal(s.data, validation=True),
        lambda s, m: sl.split.temporal(s.data, seed=-1), lambda s, m: sl.split.automatic(s.data, seed=True),
        lambda s, m: sl.split.automatic(s.data, simulate=math.nan), lambda s, m: sl.split.automatic(s),
        lambda s, m: sl.split.leave_last_out(s.data, n=1.0), lambda s, m: sl.split.subsample(s, keep=0),
        lambda s, m: sl.split.random_per_user(s.data, test="0.1"), lambda s, m: sl.split.subsample(s.data),
        lambda s, m: sl.split.cold_items(s.data, by="tme"), lambda s, m: sl.split.cold_items(s.data, warm=1),
        lambda s, m: sl.split.cold_users(s.data, history=-1), lambda s, m: sl.split.published(s, "x"),
        lambda s, m: sl.split.read_split(5), lambda s, m: sl.split.write_split(s.data, "x"),
        lambda s, m: sl.evaluate(m, s.data), lambda s, m: sl.evaluate(sl.EASE(), s),
        lambda s, m: sl.evaluate(m, s, ks=10), lambda s, m: sl.evaluate(m, s, ks=(0,)),
        lambda s, m: sl.evaluate(m, s, metrics="ndcg"), lambda s, m: sl.evaluate(m, s, part="tset"),
        lambda s, m: sl.evaluate(m, s, block=0), lambda s, m: sl.evaluate(m, s, ks=()),
        lambda s, m: sl.compare(s, {"a": sl.EASE(), "b": sl.EASE()}, seeds=0),
        lambda s, m: sl.compare(s, {"a": sl.EASE(), "b": sl.EASE()}, seeds=[True]),
        lambda s, m: sl.compare(s, {"a": sl.EASE(), "b": sl.EASE()}, keep=math.nan),
        lambda s, m: sl.compare(s, {"a": sl.EASE, "b": sl.EASE()}),
        lambda s, m: sl.compare(s, [sl.EASE(), sl.Popular()]), lambda s, m: sl.automatic(s.data),
        lambda s, m: sl.load(5), lambda s, m: sl.load(None), lambda s, m: sl.read(5),
        lambda s, m: sl.read(b"x"), lambda s, m: sl.read("x", schema=5), lambda s, m: m.save(5),
        lambda s, m: m.recommend(["u01"], filter_seen="no"), lambda s, m: m.add_items(["i99"]),
        lambda s, m: m.add_items("i99"), lambda s, m: m.add_items(None), lambda s, m: sl.EASE().fit(s.data),
        lambda s, m: ItemCondition(items="i1"), lambda s, m: Pin("i1", True), 
        lambda s, m: RecommendRequest("u1", k=0),
    ],
)  # fmt: skip
def test_a_verb_refuses_what_it_cannot_use(split: sl.Split, model: sl.Recommender, call: Any) -> None:
    with pytest.raises(SidelightError) as error:
        call(split, model)
    assert "\n" not in str(error.value)


def test_a_spec_of_another_package_checks_itself_with_one_line() -> None:
    @dataclasses.dataclass(frozen=True)
    @checked
    class Own:
        reg: Positive
        ks: Annotated[tuple[Count, ...], SOME] = (1,)

        def __post_init__(self) -> None:
            assert type(self.reg) is float  # checked before

    globals()["Own"] = Own
    assert Own(3, [4]).ks == (4,)  # type: ignore[arg-type]
    for options in ({"reg": 0}, {"reg": 1, "ks": ()}, {"reg": 1, "ks": (0,)}, {"reg": "1"}):
        with pytest.raises(SpecError, match="of Own"):
            Own(**options)  # type: ignore[arg-type]


def test_a_call_is_checked_by_its_annotations() -> None:
    def verb(k: Count = 1, names: Sequence[str] = (), *rest: int, **more: Any) -> None:
        check_call(verb, locals())

    verb(2, ["a"], 5, other=3)
    with pytest.raises(SpecError, match=r"k >= 1 of type int; found 0; in argument 'k'"):
        verb(0)
    with pytest.raises(SpecError, match="argument 'names'"):
        verb(1, "abc")
    with pytest.raises(TypeError):
        verb(other=1, k=2, names=(), k2=3, **{"k": 1})  # type: ignore[misc]


def test_a_misspelt_name_of_the_package_is_answered() -> None:
    for wrong_name, right in (("TwoTowers", "TwoTower"), ("splits", "split"), ("recomender", "Recommender")):
        with pytest.raises(AttributeError, match=f"did you mean '{right}'"):
            getattr(sl, wrong_name)
    assert not hasattr(sl, "__wrapped__")
