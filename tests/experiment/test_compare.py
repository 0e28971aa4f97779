"""`compare`: the same for every arm, resumable, honest about what it found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from experiment.made_arms import ARMS, FITS, STOP, Counts, Noisy, record

import sidelight as sl
from sidelight.errors import BundleError, DataError, SpecError
from sidelight.evaluation.test_access_log import read_test_accesses

"""Every fit of the specs below, in order; a number at the front stops the fits after so many."""


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


def test_a_spec_without_a_seed_is_fitted_once_for_equal_clicks(split: sl.Split) -> None:
    found = sl.compare(split, ARMS, seeds=(4, 2, 7))
    assert [spec for spec in FITS if isinstance(spec, Counts)] == [Counts()]
    assert [spec.seed for spec in FITS if isinstance(spec, Noisy)] == [4, 2, 7]
    assert found.run("plain", 1.0, 7) is found.run("plain", 1.0, 4)
    FITS.clear()
    sl.compare(split, ARMS, seeds=3, keep=0.5)
    assert len(FITS) == 6  # the clicks differ with the seed


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
