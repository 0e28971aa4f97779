"""Distillation: softmax of a teacher's scores over the items of a step and the new ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tasks.cases import Made, array, assert_formula, softmax, still, teaches_nothing  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.data.histories import Histories  # noqa: E402


def formula(made: Made) -> float:
    task, towers, batch, n_items = made.task, made.towers, made.batch, made.split.data.n_items
    scorer = task.teacher.fit(made.split).scorer
    fresh = torch.tensor([i for i in batch.drawn.tolist() if not towers.touched[i]])
    items = torch.cat([batch.items, fresh])
    vectors = torch.cat([batch.vectors, towers.items(fresh)])
    found = []
    for row in batch.history[: task.users]:
        inputs = [at for at in row.tolist() if at >= 0]
        if not inputs:
            continue
        one = Histories.of_lists([batch.items[inputs].tolist()], n_items)
        scores = scorer.score(one)[0][items.numpy()].astype(np.float64)
        free = [at for at in range(len(items)) if at not in inputs]
        if scores[free].max() <= 0:
            continue
        user = array(towers.users(batch.vectors, row[None]))[0]
        logits = float(towers.log_scale.exp()) * array(vectors) @ user
        wanted = softmax(scores[free] / scores[free].max() / task.temperature)
        found.append(-float((wanted * np.log(softmax(logits[free]))).sum()))
    return float(np.mean(found))


@pytest.mark.parametrize("teacher", [sl.ItemKNN(), sl.ContentKNN((sl.Text("title", min_df=1),))])
def test_the_loss_is_the_formula(split: sl.Split, teacher: Any) -> None:
    assert_formula(split, sl.Distillation(teacher, users=12), formula)


@dataclass(frozen=True)
class Silent:
    """A teacher without evidence for any item."""

    def fit(self, split: sl.Split) -> Any:
        return self

    @property
    def scorer(self) -> Any:
        return self

    def score(self, histories: Histories) -> np.ndarray:
        return np.zeros(histories.shape, dtype=np.float32)


def test_without_a_history_or_a_score_above_0_there_is_nothing_to_learn(split: sl.Split) -> None:
    made = still(split, sl.Distillation(sl.ItemKNN()))
    assert teaches_nothing(made.loss(history=torch.full_like(made.batch.history, -1)))
    assert teaches_nothing(made.loss(history=made.batch.history[:0]))
    assert teaches_nothing(still(split, sl.Distillation(Silent())).loss())


def test_two_teachers_have_two_names() -> None:
    names = [sl.Distillation(t, label=label).name for t, label in ((sl.EASE(), ""), (sl.EASE(), "sharp"))]
    assert names == ["distillation:EASE", "distillation:sharp"]
