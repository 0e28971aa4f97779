"""Comparisons: saved and loaded, and seen from another baseline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from experiment.made_arms import ARMS, FITS, Counts, Noisy

import sidelight as sl
from sidelight.errors import BundleError, SpecError


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
