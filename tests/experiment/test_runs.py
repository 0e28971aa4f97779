"""Runs on disk: another run, another folder or a larger record is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from experiment.made_arms import ARMS, FITS, Counts, Noisy

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import BundleError, DataError, SpecError


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
