"""Fit of a content spec: each way that it may offer is used, with all that it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from sidelight.content.features import Features
from sidelight.content.protocols import fit_features

ITEMS = pl.DataFrame({"title": ["a", "bb", "ccc"]})
SEEN = np.array([True, False, True])


class Plain:
    """A spec that notes each call; it is its own encoder."""

    name = "length:title"

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def fit(self, *given: Any) -> Any:
        self.calls.append(("fit", *given))
        return self

    def transform(self, items: pl.DataFrame) -> Features:
        self.calls.append(("transform", items))
        values = items["title"].str.len_chars().to_numpy().astype(np.float32)[:, None]
        return Features(self.name, values, np.ones(len(items), dtype=bool))


class AtOnce(Plain):
    def fit_transform(self, *given: Any) -> Any:
        self.calls.append(("fit_transform", *given))
        return self, "features"


class Learning(AtOnce):
    def fit_seen(self, *given: Any) -> Any:
        self.calls.append(("fit_seen", *given))
        return self, "features of the seen"


def progress(done: int, total: int, label: str) -> None:
    raise AssertionError("nothing is encoded here")


@pytest.mark.parametrize("seen", [SEEN, None], ids=["some", "all"])
def test_the_way_that_does_most_is_taken_alone(seen: Any) -> None:
    cache: Any = object()
    for spec, call, features in (
        (AtOnce(), ("fit_transform", ITEMS, cache, progress), "features"),
        (Learning(), ("fit_seen", ITEMS, seen, cache, progress), "features of the seen"),
    ):
        made: Any = spec
        assert fit_features(made, ITEMS, cache, progress, seen) == (made, features)
        assert len(made.calls) == 1 and all(a is b for a, b in zip(made.calls[0], call, strict=True))


def test_a_plain_spec_is_fitted_and_then_encodes_the_same_rows() -> None:
    spec, cache = Plain(), object()
    made: Any = spec
    encoder, features = fit_features(made, ITEMS, cache, progress, SEEN)  # type: ignore[arg-type]
    assert encoder is spec and features.values[:, 0].tolist() == [1, 2, 3]
    assert [call[0] for call in spec.calls] == ["fit", "transform"]
    assert spec.calls[0][1:] == (ITEMS, cache, progress) and spec.calls[1][1] is ITEMS


def test_no_rows_are_no_features() -> None:
    made: Any = Plain()
    assert len(fit_features(made, ITEMS.clear())[1]) == 0
