"""Context that a model is told of: only what it reads, and only where a user's relevant events agree."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from made_splits import TRAIN, VALIDATION, split_of

from sidelight.data.split.split import Split
from sidelight.errors import SpecError
from sidelight.evaluation.prediction_context import context_of, predicted

PARTS = np.array(
    [
        [TRAIN, VALIDATION, VALIDATION, 0],  # in one place
        [TRAIN, VALIDATION, 0, VALIDATION],  # in two
        [VALIDATION, 0, TRAIN, VALIDATION],  # of which one counts
        [TRAIN, 0, 0, 0],  # nothing to predict
    ]
)
PLACES = ["train", "app", "app", "train", "app", "web", "app", "train", "web", "train"]


@pytest.fixture
def split() -> Split:
    made = split_of(PARTS, np.zeros(4, dtype=bool))
    log = replace(made.data.interactions, context=pl.DataFrame({"place": PLACES}))
    return replace(made, data=replace(made.data, interactions=log))


def reading(*names: str) -> Any:
    return SimpleNamespace(context=names, with_context=lambda users, context: None)


def test_a_model_is_told_the_columns_that_it_reads(split: Split) -> None:
    found = context_of(reading("place"), split)
    assert found is not None and found.columns == ["place"] and found["place"].to_list() == PLACES


@pytest.mark.parametrize(
    "model", [object(), reading(), SimpleNamespace(context=("place",)), SimpleNamespace(with_context=len)]
)
def test_a_model_without_context_is_told_nothing(split: Split, model: Any) -> None:
    assert context_of(model, split) is None
    assert predicted(None, split, split.validation, split.truth(), np.arange(4)) is None


def test_a_column_that_is_not_there_is_refused(split: Split) -> None:
    with pytest.raises(SpecError, match="found 'plase'; in option 'context'; did you mean 'place'"):
        context_of(reading("plase"), split)


def test_users_have_the_context_that_their_relevant_events_share(split: Split) -> None:
    truth = split.truth().tolil()
    truth[2, 3] = 0  # as if it could not be recommended again
    context = context_of(reading("place"), split)
    found = predicted(context, split, split.validation, truth.tocsr(), np.array([3, 2, 0, 1]))
    assert found is not None and found["place"].to_list() == [None, "app", "app", None]
    none = predicted(context, split, split.validation[:0], truth.tocsr(), np.array([0]))
    assert none is not None and none["place"].to_list() == [None]
    assert none.columns == found.columns == ["place"]
