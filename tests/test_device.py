"""On a GPU a model learns what it learns on the processor, and what it saved loads without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_tasks import CONTENT, TASKS  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.training.gradient_aggregation import RULES  # noqa: E402
from sidelight.training.training_options import TrainingOptions  # noqa: E402

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")

QUIET = (0.0, 0.0, 0.0)  # no dropout: devices draw differently
SMALL = TrainingOptions(epochs=2, batch_size=32, min_steps=4, task_items=20, lr=1e-2)
WEIGHTINGS = (sl.Fixed(), sl.NormBalance(), sl.Uncertainty(), sl.ValidationGuided())
JOINED = [{"schedule": sl.ForkMerge()}, {"objective": sl.BPR()}, *({"weighting": w} for w in WEIGHTINGS)]


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.cold_items(make_synthetic(80, 60, 1500, seed=3).data, share=0.2, warm=0.1)


def model(*tasks: Any, device: str, **options: Any) -> sl.TwoTower:
    spec = sl.TwoTower(CONTENT, dim=8, dropout=QUIET, options=replace(SMALL, device=device))
    return replace(spec.with_tasks(*tasks, weighting=sl.Fixed()) if tasks else spec, **options)


def scores(split: sl.Split, spec: sl.TwoTower) -> Any:
    fitted = spec.fit(split)
    return fitted, np.asarray(fitted.scorer.score(split.data.matrix(split.train)[:20]))


@pytest.mark.parametrize("encoder", [sl.MeanPooling(), sl.AttentionPooling()], ids=str)
def test_the_primary_model_is_the_same_on_both(split: sl.Split, encoder: Any, tmp_path: Any) -> None:
    _, there = scores(split, model(device="cpu", user_encoder=encoder))
    fitted, here = scores(split, model(device="cuda", user_encoder=encoder))
    np.testing.assert_allclose(here, there, atol=2e-3 * np.abs(there).max())
    again = sl.load(fitted.save(tmp_path / "bundle"))
    found = np.asarray(again.scorer.score(split.data.matrix(split.train)[:20]))
    np.testing.assert_allclose(found, here, atol=1e-4 * np.abs(here).max())


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_every_task_trains_there(split: sl.Split, task: Any) -> None:
    _, found = scores(split, model(task, device="cuda"))
    assert np.isfinite(found).all() and found.std() > 0


@pytest.mark.parametrize("rule", RULES)
def test_every_combiner_does(split: sl.Split, rule: str) -> None:
    pytest.importorskip("torchjd")
    tasks = (sl.ContentNeighbours(), sl.Contrastive())
    _, found = scores(split, model(*tasks, device="cuda", combine=sl.GradientAggregation(rule)))
    assert np.isfinite(found).all() and found.std() > 0


@pytest.mark.parametrize("options", JOINED, ids=str)
def test_every_weighting_schedule_and_objective_does(split: sl.Split, options: dict[str, Any]) -> None:
    _, found = scores(split, model(sl.ContentNeighbours(), device="cuda", **options))
    assert np.isfinite(found).all() and found.std() > 0


def test_half_precision_is_near(split: sl.Split) -> None:
    _, there = scores(split, model(device="cpu"))
    half = model(device="cuda")
    _, here = scores(split, replace(half, options=replace(half.options, precision="bfloat16")))
    assert np.corrcoef(here.ravel(), there.ravel())[0, 1] > 0.99
