"""`compare`: the same for every arm, resumable, honest about what it found."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import BundleError, DataError, SpecError
from sidelight.evaluation import bootstrap_interval, evaluate, sign_flip_test
from sidelight.evaluation.statistics import holm
from sidelight.evaluation.test_access_log import read_test_accesses
from sidelight.experiment import to_record as record_module
from sidelight.experiment.arms import seeded
from sidelight.experiment.figures import Contrast
from sidelight.experiment.run_arm import thinned

FITS: list[Any] = []
"""Every fit of the specs below, in order; a number at the front stops the fits after so many."""
STOP: list[int] = []


@dataclass(frozen=True)
class Counts:
    """Items that go together with the history; without a seed."""

    popular: float = 0.0

    def fit(self, split: sl.Split, progress: Any = None) -> Scores:
        return fitted(self, split)


@dataclass(frozen=True)
class Noisy:
    """The same with noise that another seed draws anew."""

    noise: float = 0.1
    seed: int = 0
    popular: ClassVar[float] = 0.0

    def fit(self, split: sl.Split, progress: Any = None) -> Scores:
        return fitted(self, split)


@dataclass(frozen=True)
class Scores:
    spec: Any
    table: np.ndarray

    def score(self, histories: sl.Histories) -> np.ndarray:
        return np.asarray(histories.matrix() @ self.table, dtype=np.float32)


def fitted(spec: Any, split: sl.Split) -> Scores:
    if STOP and len(FITS) >= STOP[0]:
        raise KeyboardInterrupt
    FITS.append(spec)
    clicks = split.fitting()
    table = np.asarray((clicks.T @ clicks).todense(), dtype=np.float64)
    table /= np.sqrt(np.outer(np.diag(table) + 1, np.diag(table) + 1))
    rng = np.random.default_rng(getattr(spec, "seed", 0))
    return Scores(spec, table + getattr(spec, "noise", 0.0) * rng.standard_normal(table.shape))


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(150, 60, 2500, seed=2).data)


@pytest.fixture(autouse=True)
def _counted() -> None:
    FITS.clear()
    STOP.clear()


ARMS = {"noisy": Noisy(0.3), "plain": Counts()}


def record(found: sl.Comparison) -> dict[str, Any]:
    """The record without what the clock says."""
    out = found.to_dict()
    clock = {"seconds": 0.0, "milliseconds": 0.0}
    return {**out, "made": "", "runs": [{**run, **clock} for run in out["runs"]]}


def test_a_finished_comparison_is_loaded_and_not_fitted_again(split: sl.Split, tmp_path: Path) -> None:
    first = sl.compare(split, ARMS, seeds=2, keep=(1.0, 0.4), folder=tmp_path / "c")
    fits = len(FITS)
    again = sl.compare(split, ARMS, seeds=2, keep=(1.0, 0.4), folder=tmp_path / "c")
    assert len(FITS) == fits == 7
    assert again.to_dict() == first.to_dict()
    more = sl.compare(split, {**ARMS, "other": Noisy(0.1)}, seeds=2, keep=(1.0, 0.4), folder=tmp_path / "c")
    assert len(FITS) == fits + 4
    assert list(more.arms) == ["noisy", "plain", "other"]


def test_memory_and_folder_give_the_same(split: sl.Split, tmp_path: Path) -> None:
    kept = sl.compare(split, ARMS, seeds=2, folder=tmp_path / "c")
    assert record(kept) == record(sl.compare(split, ARMS, seeds=2))


@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_comparison_goes_on(split: sl.Split, tmp_path: Path, after: int) -> None:
    whole = record(sl.compare(split, ARMS, seeds=3))
    wanted = len(FITS)
    FITS.clear()
    STOP.append(after)
    with pytest.raises(KeyboardInterrupt):
        sl.compare(split, ARMS, seeds=3, folder=tmp_path / "c")
    with pytest.raises(BundleError, match="cut off"):
        sl.Comparison.load(tmp_path / "c")
    # What a process that was killed while it wrote leaves behind.
    half = tmp_path / "c" / "runs" / ".plain-1-0.part"
    half.mkdir(exist_ok=True)
    (half / "run.json").write_text("{")
    STOP.clear()
    assert record(sl.compare(split, ARMS, seeds=3, folder=tmp_path / "c")) == whole
    assert len(FITS) == wanted == 4


def test_another_run_in_the_folder_is_refused(split: sl.Split, tmp_path: Path) -> None:
    place = tmp_path / "c"
    sl.compare(split, ARMS, seeds=1, folder=place)
    with pytest.raises(DataError, match=r"another spec \(noise: 0.3 instead of 0.2\).*start anew"):
        sl.compare(split, {**ARMS, "noisy": Noisy(0.2)}, seeds=1, folder=place)
    with pytest.raises(DataError, match=r"cut-offs \[10, 20\] instead of \[20\]"):
        sl.compare(split, ARMS, seeds=1, ks=(20,), folder=place)
    other = sl.split.temporal(make_synthetic(150, 60, 2500, seed=3).data)
    with pytest.raises(DataError, match="another data set"):
        sl.compare(other, ARMS, seeds=1, folder=place)
    thinner = replace(split, train=split.train[1:])
    with pytest.raises(DataError, match="another division"):
        sl.compare(thinner, ARMS, seeds=1, folder=place)
    damaged = next((place / "runs").iterdir()) / "run.json"
    damaged.write_text("{}")
    with pytest.raises(BundleError, match="something else"):
        sl.compare(split, ARMS, seeds=1, folder=place)


def test_the_test_part_has_one_history_for_all_arms(split: sl.Split, tmp_path: Path) -> None:
    options = {"seeds": 1, "part": "test", "final": True, "log": tmp_path / "log.jsonl"}
    both = sl.compare(split, ARMS, folder=tmp_path / "c", **options)
    assert both.to_dict()["history"] == "train+validation"
    assert str(both).startswith("test part, histories: train + validation, 1 seed; ndcg@20")
    shown = both.run("plain", 1.0, 0).about["examples"][0]
    at = int(split.data.user_index([type(split.data.user_ids[0].item())(shown["user"])])[0])
    known = split.data.interactions.item[[r for r in split.known_rows("test")
                                          if split.data.interactions.user[r] == at]]  # fmt: skip
    assert shown["history"][0]["item"] == str(split.data.item_ids[known[-1]])
    with pytest.raises(DataError, match=r"history 'train\+validation' instead of 'train'"):
        sl.compare(split, ARMS, folder=tmp_path / "c", history="train", **options)
    train = sl.compare(split, ARMS, history="train", **options)
    assert train.to_dict()["history"] == "train" and "histories: train, 1 seed" in str(train)
    mixed = replace(both, runs={**both.runs, ("plain", 1.0, 0): train.runs["plain", 1.0, 0]})
    with pytest.raises(DataError, match="same history"):
        mixed.differences()
    fewer = replace(split, candidates=split.truth("test", final=True).getnnz(axis=0) > 0)
    easier = sl.compare(fewer, ARMS, **options)
    mixed = replace(both, runs={**both.runs, ("plain", 1.0, 0): easier.runs["plain", 1.0, 0]})
    with pytest.raises(DataError, match="two evaluations on one split"):
        mixed.figures()
    with pytest.raises(DataError, match="another division"):
        sl.compare(fewer, ARMS, folder=tmp_path / "c", **options)
    with pytest.raises(SpecError, match="for the validation part"):
        sl.compare(split, ARMS, seeds=1, history="train+validation")
    assert sl.compare(split, ARMS, seeds=1).to_dict()["history"] == "train"


def test_runs_of_an_earlier_version_had_training_as_the_history(split: sl.Split, tmp_path: Path) -> None:
    options = {"seeds": 1, "part": "test", "final": True, "log": tmp_path / "log.jsonl"}
    first = sl.compare(split, ARMS, folder=tmp_path / "c", history="train", **options)
    for place in (tmp_path / "c" / "runs").iterdir():
        about = json.loads((place / "run.json").read_text())
        del about["history"]
        (place / "run.json").write_text(json.dumps(about))
    head = json.loads((tmp_path / "c" / "comparison.json").read_text())
    del head["history"]
    (tmp_path / "c" / "comparison.json").write_text(json.dumps(head))
    assert str(sl.Comparison.load(tmp_path / "c")) == str(first)
    fits = len(FITS)
    sl.compare(split, ARMS, folder=tmp_path / "c", history="train", **options)
    assert len(FITS) == fits
    with pytest.raises(DataError, match="history 'train' instead of"):
        sl.compare(split, ARMS, folder=tmp_path / "c", **options)


def test_without_validation_events_only_the_test_part_is_left(split: sl.Split, tmp_path: Path) -> None:
    bare = replace(split, validation=split.validation[:0])
    with pytest.raises(DataError, match="--final"):
        sl.compare(bare, ARMS, seeds=1)
    options = {"seeds": 1, "part": "test", "final": True, "log": tmp_path / "log.jsonl"}
    tuned = {"a": [Counts(), Counts(1.0)], "b": [Noisy(), Noisy(1.0)]}
    with pytest.raises(DataError, match="validation events to choose candidates by"):
        sl.compare(bare, tuned, **options)
    assert FITS == [] and not (tmp_path / "log.jsonl").exists()
    assert sl.compare(bare, ARMS, **options).differences()


@pytest.mark.parametrize(
    ("lost", "options"),
    [
        ("arms 'other'", {}),
        ("seeds 1", {"seeds": 1, "more": True}),
        ("keeps 0.4", {"keep": 1.0, "more": True}),
    ],
)
def test_a_record_of_more_is_not_replaced_without_force(
    split: sl.Split, tmp_path: Path, lost: str, options: dict[str, Any]
) -> None:
    every, place = {**ARMS, "other": Counts(1.0)}, tmp_path / "c"
    first = sl.compare(split, every, seeds=2, keep=(1.0, 0.4), folder=place)
    before, fits = (place / "comparison.json").read_bytes(), len(FITS)
    asked = {"seeds": 2, "keep": (1.0, 0.4), **options}
    less = every if asked.pop("more", False) else ARMS
    with pytest.raises(SpecError, match=rf"a record that has {lost}.* as well; .*--force") as e:
        sl.compare(split, less, folder=place, **asked)
    assert "\n" not in str(e.value) and len(FITS) == fits
    with pytest.raises(SpecError, match=lost):
        sl.compare(split, less, **asked).save(place)
    assert (place / "comparison.json").read_bytes() == before
    assert str(sl.Comparison.load(place)) == str(first)
    assert len(sl.compare(split, less, folder=place, force=True, **asked).arms) == len(less)


def test_a_folder_with_other_things_is_left_alone(split: sl.Split, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mine.txt").write_text("mine")
    from sidelight.experiment import runs

    for force in (False, True):
        with pytest.raises(SpecError, match="something else"):
            runs.begin(tmp_path, force)
    assert FITS == []
    assert (tmp_path / "runs" / "mine.txt").read_text() == "mine"
    sl.compare(split, ARMS, seeds=1, folder=tmp_path / "c")
    (tmp_path / "c" / "notes.txt").write_text("mine")
    runs.begin(tmp_path / "c", force=True)
    assert {p.name for p in (tmp_path / "c").iterdir()} == {"notes.txt", "comparison.json"}


def test_it_comes_back_from_disk(split: sl.Split, tmp_path: Path) -> None:
    found = sl.compare(split, ARMS, seeds=2, keep=(1.0, 0.5))
    found.save(tmp_path / "c")
    back = sl.Comparison.load(tmp_path / "c")
    assert back.to_dict() == found.to_dict()
    assert back.arms == ARMS
    assert str(back) == str(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()
    assert json.loads((tmp_path / "c" / "comparison.json").read_text()) == found.to_dict()
    shutil.rmtree(tmp_path / "c" / "runs")
    with pytest.raises(BundleError):
        sl.Comparison.load(tmp_path / "c")


def test_a_spec_without_a_seed_is_fitted_once_for_equal_clicks(split: sl.Split) -> None:
    found = sl.compare(split, ARMS, seeds=(4, 2, 7))
    assert [spec for spec in FITS if isinstance(spec, Counts)] == [Counts()]
    assert [spec.seed for spec in FITS if isinstance(spec, Noisy)] == [4, 2, 7]
    assert found.run("plain", 1.0, 7) is found.run("plain", 1.0, 4)
    FITS.clear()
    sl.compare(split, ARMS, seeds=3, keep=0.5)
    assert len(FITS) == 6  # the clicks differ with the seed


def test_equal_arms_do_not_differ(split: sl.Split) -> None:
    found = sl.compare(split, {"one": Noisy(0.3), "two": Noisy(0.3)}, seeds=3, keep=(1.0, 0.5))
    assert found.differences()
    for each in found.differences():
        assert (each.mean, each.low, each.high, each.up, each.down) == (0, 0, 0, 0, 0)
        assert (each.p, each.p_holm) == (1, 1)
    assert "did not differ clearly" in found.to_dict()["answer"]["sentence"]
    assert found.to_dict()["arms"][1]["differs"] == []


def test_differences_are_those_of_single_evaluations(split: sl.Split) -> None:
    found = sl.compare(split, ARMS, seeds=1)
    one, two = (evaluate(seeded(spec, 0).fit(split), split) for spec in ARMS.values())
    by_slice = {each.slice: each for each in found.differences()}
    assert {"overall", "cold", "warm", "user:activity=10-49"} <= set(by_slice)
    for name in ("overall", "warm"):
        gap = two.values[name]["ndcg@20"] - one.values[name]["ndcg@20"]
        each, users = by_slice[name], bootstrap_interval(gap)
        assert each.mean == pytest.approx(gap.mean())
        assert (each.low, each.high) == pytest.approx((users.low, users.high), abs=0.004)
        assert each.p == sign_flip_test(gap, 4000)
        assert (each.users, each.left_out) == (len(gap), 0)
        assert (each.up, each.down) == pytest.approx(((gap > 0).mean(), (gap < 0).mean()))
    for main in (True, False):
        family = [each for each in by_slice.values() if (each.slice in ("overall", "cold", "warm")) == main]
        assert len(family) > 1
        assert [e.p_holm for e in family] == pytest.approx(list(holm([e.p for e in family])))
    figures = {(e.arm, e.slice, e.metric): e for e in found.figures()}
    for name, value in one.figures().items():
        part, _, metric = name.rpartition(".")
        if ("noisy", part, metric) in figures:
            assert figures["noisy", part, metric].mean == pytest.approx(value, nan_ok=True), name
    for metric in ("novelty@10", "cold_slots@20", "cold_relevance"):
        assert figures["plain", "overall", metric].low is not None
    for metric in ("coverage@10", "gini@20", "popularity_lift@20"):
        assert figures["plain", "overall", metric].low is None


def test_another_baseline_is_the_same_comparison_without_another_fit(split: sl.Split) -> None:
    arms = {"bad": Noisy(9.0), "good": Counts(), "middle": Noisy(1.0), "twin": Counts(0.0)}
    found = sl.compare(split, arms, seeds=2)
    fits = len(FITS)
    for base in arms:
        names = {base: arms[base], **arms}  # the same arms with another one first
        direct = sl.compare(split, names, seeds=2)
        assert [(e.arm, e.slice) for e in found.differences(base)] == [
            (e.arm, e.slice) for e in direct.differences()
        ]
        for one, two in zip(found.differences(base), direct.differences(), strict=True):
            for name in ("mean", "low", "high", "p", "p_holm", "up", "down", "users"):
                assert getattr(one, name) == pytest.approx(getattr(two, name), abs=1e-9), name
        FITS[fits:] = []
    told = {each["baseline"]: each for each in found.to_dict()["against"]}
    assert list(told) == ["good", "middle", "twin"]
    assert told["good"]["answer"]["sentence"].startswith("With 'bad', NDCG@20 of the one list fell by")
    with pytest.raises(SpecError, match="did you mean 'good'"):
        found.differences("god")


def test_the_answer_agrees_with_the_adjusted_tests_and_speaks_of_all_arms(split: sl.Split) -> None:
    arms = {"bad": Noisy(9.0), "good": Counts(), "worse": Noisy(99.0), "twin": Noisy(9.0)}
    found = sl.compare(split, arms, seeds=2)
    said = found.to_dict()["answer"]
    gaps = {e.arm: e for e in found.differences() if e.slice == "overall"}
    assert said["verdict"] == gaps["good"].verdict == "better" and gaps["good"].p_holm < 0.05
    assert (
        gaps["twin"].verdict == "unclear" and "'twin'" in said["sentence"] and "'worse'" in said["sentence"]
    )
    assert said["power"]["tests"] == len(found.differences())
    assert said["power"]["sentence"] in str(found)
    for each in found.differences():
        clear = each.users >= 10 and each.p_holm < 0.05 and (each.low > 0 or each.high < 0)
        assert (each.verdict in ("better", "worse")) == clear
    assert all(e.verdict == "few" for e in found.differences() if e.users < 10)
    lucky = replace(gaps["good"], p_holm=0.06)
    assert lucky.verdict == "unclear"
    assert "once corrected for all arms" in record_module._sentence(found, "bad", lucky)


def test_the_stated_power_is_that_of_the_test() -> None:
    rng = np.random.default_rng(0)
    gaps = [rng.normal(0, 1, 100) for _ in range(200)]
    width = 2 * 1.96 / 10
    gap = Contrast("a", 1.0, "overall", "ndcg@20", 0.0, -width / 2, width / 2, 1.0, 1.0, 100, 0, 0.5, 0.5)
    smallest = record_module.power(gap, 1)["smallest"]
    assert np.mean([sign_flip_test(each + smallest, 400) < 0.05 for each in gaps]) == pytest.approx(
        0.8, abs=0.08
    )
    assert record_module.power(gap, 20)["smallest"] > smallest
    assert record_module.power(replace(gap, low=0.0, high=0.0), 1) is None


def test_costs_are_measured_beside_gains(split: sl.Split) -> None:
    arms = {"few": sl.Popular(), "more": sl.EASE(), "bare": Counts()}
    found = {run["arm"]: run for run in sl.compare(split, arms, seeds=1).to_dict()["runs"]}
    for arm in ("few", "more"):
        assert found[arm]["megabytes"] > 0 and found[arm]["milliseconds"] > 0 and found[arm]["seconds"] > 0
    assert found["more"]["megabytes"] > max(found["few"]["megabytes"], 60 * 60 * 4 / 1e6)
    assert found["bare"]["megabytes"] is None and found["bare"]["milliseconds"] > 0


def test_gain_and_loss_are_said(split: sl.Split) -> None:
    gain = sl.compare(split, {"bad": Noisy(9.0), "good": Counts()}, seeds=3).to_dict()["answer"]
    loss = sl.compare(split, {"good": Counts(), "bad": Noisy(9.0)}, seeds=3).to_dict()["answer"]
    assert gain["low"] > 0 > loss["high"]
    assert gain["mean"] == pytest.approx(-loss["mean"])
    assert f"With 'good', NDCG@20 of the one list rose by {gain['mean']:.4f}" in gain["sentence"]
    bounds = f"(95 % interval {-loss['high']:.4f} to {-loss['low']:.4f}) below 'good'"
    assert f"fell by {-loss['mean']:.4f} {bounds}" in loss["sentence"]
    one = sl.compare(split, {"bad": Noisy(9.0), "good": Counts()}, seeds=1)
    assert "one seed" in str(one)
    assert "one seed" not in gain["sentence"]


def test_fewer_clicks_are_nested_and_change_no_user(split: sl.Split) -> None:
    found = sl.compare(split, ARMS, seeds=2, keep=(1.0, 0.5, 0.2))
    sizes = [found.run("noisy", keep, 1).about["train"] for keep in found.keeps]
    assert sizes == [len(split.train), round(0.5 * len(split.train)), round(0.2 * len(split.train))]
    for seed in found.seeds:
        kept = [set(sl.split.subsample(split, keep, seed).train) for keep in (0.2, 0.5)]
        assert kept[0] < kept[1]
    users = {k: set(found.run("plain", k, 0).evaluation.users["overall"]) for k in found.keeps}
    assert users[1.0] <= users[0.2]
    for keep in (0.5, 0.2):
        sets = [set(found.run("plain", keep, s).evaluation.users["cold"]) for s in found.seeds]
        [cold] = [e for e in found.differences() if (e.keep, e.slice) == (keep, "cold")]
        assert cold.users == len(sets[0] & sets[1])
        assert cold.left_out == len(sets[0] ^ sets[1])


@dataclass(frozen=True)
class Watched:
    """Notes how many training and validation events each fit is given."""

    weight: float = 0.0

    def fit(self, split: sl.Split, progress: Any = None) -> Scores:
        SEEN.append((len(split.train), len(split.validation)))
        return fitted(self, split)


SEEN: list[tuple[int, int]] = []


def test_validation_is_thinned_with_training_alike_for_all_arms(split: sl.Split) -> None:
    SEEN.clear()
    whole = len(split.train), len(split.validation)
    arms = {"one": Watched(), "two": Watched(1.0)}
    found = sl.compare(split, arms, seeds=1, keep=(1.0, 0.4))
    tenths = tuple(round(0.4 * size) for size in whole)
    assert [SEEN[0], SEEN[1], SEEN[2], SEEN[3]] == [whole, whole, tenths, tenths]
    assert [found.run("two", keep, 0).about["validation"] for keep in (1.0, 0.4)] == [whole[1], tenths[1]]
    assert found.to_dict()["thin_validation"] is True
    assert "training and validation events alike" in str(found)
    # Judged by all that was held out, whatever the models saw of it.
    sparse = replace(thinned(split, 0.4, 0), validation=split.validation)
    users = found.run("one", 0.4, 0).evaluation.users["overall"]
    assert np.array_equal(users, np.flatnonzero(sparse.truth().getnnz(axis=1)))


def test_validation_can_be_left_whole(split: sl.Split, tmp_path: Path) -> None:
    SEEN.clear()
    arms = {"one": Watched(), "two": Watched(1.0)}
    options = {"seeds": 1, "keep": (1.0, 0.4), "folder": tmp_path / "c"}
    found = sl.compare(split, arms, thin_validation=False, **options)
    assert {size for _, size in SEEN} == {len(split.validation)}
    assert found.to_dict()["thin_validation"] is False
    assert "training events only" in str(found)
    assert sl.Comparison.load(tmp_path / "c").about["thin_validation"] is False
    with pytest.raises(DataError, match="validation left whole"):
        sl.compare(split, arms, **options)


def test_a_folder_from_before_the_option_is_one_with_whole_validation(
    split: sl.Split, tmp_path: Path
) -> None:
    options = {"seeds": 1, "keep": (1.0, 0.4), "folder": tmp_path / "c"}
    before = sl.compare(split, ARMS, thin_validation=False, **options)
    for path in [*(tmp_path / "c").glob("runs/*/run.json"), tmp_path / "c" / "comparison.json"]:
        record = json.loads(path.read_text())
        del record["thin_validation"]
        path.write_text(json.dumps(record))
    assert sl.Comparison.load(tmp_path / "c").to_dict() == before.to_dict()
    with pytest.raises(DataError, match="validation left whole"):
        sl.compare(split, ARMS, **options)


def test_thinned_events_are_nested_seeded_and_never_all(split: sl.Split) -> None:
    kept = [thinned(split, keep, 3) for keep in (0.1, 0.4)]
    for name in ("train", "validation"):
        few, more = (set(getattr(each, name).tolist()) for each in kept)
        assert few < more < set(getattr(split, name).tolist())
    assert np.array_equal(kept[0].sealed, split.sealed)
    assert kept[0].how["subsample"]["validation"] == len(kept[0].validation)
    assert not np.array_equal(thinned(split, 0.1, 4).validation, kept[0].validation)
    assert np.array_equal(thinned(split, 0.1, 3).validation, kept[0].validation)
    assert thinned(split, 1, 3) is split
    assert len(thinned(split, 1e-6, 3).validation) == 1
    assert len(thinned(replace(split, validation=split.validation[:0]), 0.1, 3).validation) == 0
    assert np.array_equal(thinned(split, 0.1, 3, validation=False).validation, split.validation)


def test_tuning_takes_the_best_candidate_with_the_same_effort(split: sl.Split, tmp_path: Path) -> None:
    arms = {"base": [Noisy(9.0), Noisy(0.05), Noisy(5.0)], "plain": [Counts(), Counts(1.0), Counts(2.0)]}
    found = sl.compare(split, arms, seeds=2, folder=tmp_path / "c")
    assert found.arms["base"] == Noisy(0.05)
    assert found.to_dict()["candidates"] == 3
    fits = len(FITS)
    assert fits == 3 + 3 + 1  # the runs of the first seed were made while tuning
    again = sl.compare(split, arms, seeds=2, folder=tmp_path / "c")
    assert len(FITS) == fits
    assert again.to_dict() == found.to_dict()


def test_tuning_never_looks_at_the_test_part(split: sl.Split, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    arms = {"base": [Noisy(9.0), Noisy(0.05)], "plain": [Counts(), Counts(1.0)]}
    found = sl.compare(split, arms, seeds=2, part="test", final=True, log=log)
    assert [line["what"]["use"].rpartition(":")[2] for line in read_test_accesses(log)] == [
        "Noisy",
        "Counts",
        "Noisy",
    ]
    assert found.part == "test"
    assert found.run("base", 1.0, 0).evaluation.opened == 1


@pytest.mark.parametrize(
    ("arms", "options", "said"),
    [
        ({"a": [Counts()], "b": [Counts(), Counts(1.0)]}, {}, "same tuning effort.*1 of 'a', 2 of 'b'"),
        ({"a": Counts(), "b": [Counts(), Counts(1.0)]}, {}, "same tuning effort"),
        ({"a": Counts()}, {}, "two arms"),
        ({"a": Counts(), "b": "popular"}, {}, "found a str; in arm 'b'"),
        ({"a": Counts(), "b": []}, {}, "an empty list"),
        (ARMS, {"seeds": 0}, "argument 'seeds'"),
        (ARMS, {"seeds": (1, 1)}, "different seeds"),
        (ARMS, {"seeds": True}, "argument 'seeds'"),
        (ARMS, {"keep": (1.0, 0.0)}, "argument 'keep'"),
        (ARMS, {"keep": ()}, "argument 'keep'"),
        (ARMS, {"final": True}, "with final=True"),
        (ARMS, {"part": "test"}, "with final=True"),
        (ARMS, {"metric": "ndgc@20"}, "did you mean 'ndcg'"),
        (ARMS, {"metric": "ndcg@5"}, "one of the cut-offs"),
        (ARMS, {"groups": ("item:colour",)}, "colour"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_fitted(
    split: sl.Split, arms: Any, options: Any, said: str
) -> None:
    with pytest.raises(sl.SidelightError, match=said):
        sl.compare(split, arms, **options)
    assert FITS == []


def test_the_record_holds_what_a_report_needs(split: sl.Split) -> None:
    calls: list[tuple[int, int, str]] = []
    found = sl.compare(split, ARMS, seeds=2, progress=lambda *call: calls.append(call)).to_dict()
    assert found["arms"][1]["differs"][0].startswith("model: Counts(")
    assert found["data"]["users"] == 150 and found["split"]["rule"] == "temporal"
    assert found["data"]["density"] == pytest.approx(2500 / (150 * 60))
    assert {run["arm"] for run in found["runs"]} == set(ARMS) and len(found["runs"]) == 3
    assert all(run["seconds"] >= 0 and len(run["spec_hash"]) == 64 for run in found["runs"])
    groups = [line for line in found["exposure"] if line["arm"] == "plain"]
    assert groups[0]["group"] == "new"
    assert sum(line["exposure"] for line in groups) == pytest.approx(1)
    assert sum(line["relevance"] for line in groups) == pytest.approx(1)
    assert len(found["examples"]) == 6
    histories, truth = split.histories().matrix(), split.truth()
    for each in found["examples"]:
        user = int(split.data.user_index([each["user"]])[0])
        own = {str(split.data.item_ids[i]) for i in histories[user].indices}
        right = {str(split.data.item_ids[i]) for i in truth[user].indices}
        assert {row["item"] for row in each["history"]} <= own
        assert set(each["lists"]) == set(ARMS)
        for row in each["lists"]["plain"]:
            assert row["relevant"] == (row["item"] in right)
            assert row["item"] not in own and row["title"]
    runs = [call for call in calls if call[2].startswith("runs | ")]
    assert [done for done, _, _ in runs] == [0, 1, 2, 3] and {total for _, total, _ in runs} == {3}
    assert any(label == "evaluate" for _, _, label in calls)


def test_what_towers_noted_is_in_the_record_alone_and_in_a_blend(split: sl.Split) -> None:
    pytest.importorskip("torch")
    options = sl.TrainingOptions(epochs=2, batch_size=64, min_steps=4, task_items=20)
    towers = sl.TwoTower((sl.Text("title", min_df=1),), dim=8, options=options)
    taught = towers.with_tasks(sl.Reconstruction())
    blends = {"alone": sl.Blend((towers,), depth=20), "blend": sl.Blend((taught,), depth=20)}
    found = sl.compare(split, blends, seeds=1).to_dict()
    assert {line["arm"] for line in found["epochs"]} == set(blends)
    assert {line["epoch"] for line in found["epochs"]} == {0, 1, 2}
    assert all("signal" in line for line in found["epochs"])
    [path] = found["weights"]
    assert (path["arm"], path["task"]) == ("blend", "reconstruction")
    assert len(path["step"]) == len(path["weight"]) > 0
    assert "With auxiliary task," in found["answer"]["sentence"]
    assert "the primary loss alone" in found["answer"]["sentence"]
    assert found["versions"]["torch"]


def test_training_goes_on_from_its_checkpoint(
    split: sl.Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from sidelight.training import loop

    options = sl.TrainingOptions(epochs=3, batch_size=64, min_steps=4, task_items=20)
    towers = sl.TwoTower((sl.Text("title", min_df=1),), dim=8, options=options)
    arms = {"towers": towers, "plain": Counts()}
    real, steps = loop.primary_loss, []
    stop = 0

    def counted(*args: Any) -> Any:
        steps.append(1)
        if len(steps) == stop:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(loop, "primary_loss", counted)
    whole, full = record(sl.compare(split, arms, seeds=1)), len(steps)
    steps.clear()
    stop = 6
    with pytest.raises(KeyboardInterrupt):
        sl.compare(split, arms, seeds=1, folder=tmp_path / "c")
    assert any((tmp_path / "c" / "checkpoints").iterdir())
    steps.clear()
    stop = 0
    assert record(sl.compare(split, arms, seeds=1, folder=tmp_path / "c")) == whole
    assert len(steps) == full - 5
    assert not (tmp_path / "c" / "checkpoints").exists()


def test_models_are_handed_over_as_they_are_fitted(split: sl.Split, tmp_path: Path) -> None:
    """Once a fit, and never for a run that is loaded."""
    arms = {"plain": Counts(), "noisy": Noisy()}
    kept: dict[tuple[str, float, int], Any] = {}

    def keep(arm: str, share: float, seed: int, model: Any) -> None:
        assert (arm, share, seed) not in kept
        kept[arm, share, seed] = model

    found = sl.compare(split, arms, seeds=2, folder=tmp_path / "c", fitted=keep)
    assert set(kept) == set(found.runs)
    for key, model in kept.items():
        again = evaluate(model, split, ks=(10, 20), metrics=("recall", "ndcg")).figures()
        own = found.runs[key].evaluation.figures()
        assert own["overall.ndcg@20"] == again["overall.ndcg@20"]
    kept.clear()
    sl.compare(split, arms, seeds=2, folder=tmp_path / "c", fitted=keep)
    assert not kept
