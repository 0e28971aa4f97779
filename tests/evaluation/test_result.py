"""`Evaluation` on paper, on disk, and beside another one."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from evaluation.cases import run

from sidelight.errors import BundleError, SpecError
from sidelight.evaluation import Evaluation
from sidelight.storage import write_folder


def test_figures_are_means_of_the_users_that_have_a_value():
    found = run()
    found.values["overall"]["novelty@3"][:2] = np.nan
    figures = found.figures()
    assert figures["cold.ndcg@7"] == found.values["cold"]["ndcg@7"].mean()
    assert figures["overall.novelty@3"] == pytest.approx(found.values["overall"]["novelty@3"][2:].mean())
    assert "overall.coverage@7" in figures and "item:brand=a.exposure@3" in figures
    found.values["cold"]["ndcg@3"][:] = np.nan
    assert math.isnan(found.figures()["cold.ndcg@3"])


def test_intervals_hold_the_means_and_skip_users_without_a_value():
    found = run()
    found.values["overall"]["novelty@3"][5:] = np.nan
    intervals = found.intervals(n=500)
    figures = found.figures()
    for name, interval in intervals.items():
        assert interval.low <= interval.mean == figures[name] <= interval.high, name
    assert intervals["overall.novelty@3"].n_users == 5
    assert intervals == found.intervals(n=500)
    assert set(found.intervals(n=100, slices=("cold",))) == {f"cold.{m}" for m in found.values["cold"]}
    with pytest.raises(SpecError, match="did you mean 'cold'"):
        found.intervals(slices=("cald",))


def test_to_dict_is_json():
    found = run()
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["figures"]["cold.ndcg@7"] == found.figures()["cold.ndcg@7"]
    assert told["users"]["cold"] == len(found.users["cold"])


def test_what_is_saved_is_loaded_equal(tmp_path):
    found = run(groups=("item:brand", "user:gender"))
    found.totals["overall"]["gini@3"] = math.nan
    found.values["odd/name%"] = found.values["cold"]
    found.users["odd/name%"] = found.users["cold"]
    again = Evaluation.load(found.save(tmp_path / "run"))
    assert again.slices == found.slices and again.info == found.info and again.ks == found.ks
    for name in found.slices:
        np.testing.assert_array_equal(again.users[name], found.users[name])
        for metric, values in found.values[name].items():
            np.testing.assert_array_equal(again.values[name][metric], values)
    np.testing.assert_equal(again.totals, found.totals)
    np.testing.assert_array_equal(again.items, found.items)
    with pytest.raises(SpecError, match="exists"):
        found.save(tmp_path / "run")
    write_folder(tmp_path / "other", {}, {"kind": "split"})
    with pytest.raises(BundleError, match="saved evaluation"):
        Evaluation.load(tmp_path / "other")
