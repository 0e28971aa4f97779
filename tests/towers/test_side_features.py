"""Side features are encoded once, and values without consent never reach an encoder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch")

from made_towers import CONTENT, OPTIONS, small_split

import sidelight as sl
from sidelight.content.cached_encoding import encode_rows, key_of
from sidelight.content.features import Features
from sidelight.data.schema import Column
from sidelight.towers.side_features import SideFeatures

CALLS: Counter[str] = Counter()


@dataclass(frozen=True)
class SlowEncoder:
    """Counts how often each text is encoded."""

    column: str
    cache: Any

    def transform(self, rows: pl.DataFrame) -> Features:
        texts = rows[self.column].to_list()

        def encode(at: list[int]) -> list[Any]:
            CALLS.update(str(texts[row]) for row in at)
            return [np.array([len(str(texts[row])), 1.0], dtype=np.float32) for row in at]

        keys = [None if text is None else key_of("slow", str(text).encode()) for text in texts]
        values, present = encode_rows(keys, encode, sizes=[1] * len(keys), batch_size=8, cache=self.cache)
        return Features("slow", values if present.any() else np.zeros((len(rows), 2), np.float32), present)

    def state(self) -> Any:
        return {}, {"kind": "slow"}


@dataclass(frozen=True)
class Slow:
    """A modality of a slow model, as sentence vectors and images are."""

    column: str

    @property
    def name(self) -> str:
        return "slow"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def fit(self, items: pl.DataFrame, cache: Any = None, progress: Any = None) -> SlowEncoder:
        encoder = SlowEncoder(self.column, cache)
        encoder.transform(items.head(1))
        return encoder


def with_texts(split: sl.Split) -> sl.Split:
    """Users with a text each, of which every third user consents to its use."""
    data = split.data
    bios = pl.Series("bio", [f"user number {at}" for at in range(data.n_users)])
    consent = pl.Series("bio_ok", [at % 3 == 0 for at in range(data.n_users)])
    columns = (*data.schema.users, Column("bio", "text", consent="bio_ok"), Column("bio_ok", "category"))
    schema = replace(data.schema, users=columns)
    return replace(split, data=replace(data, users=data.users.with_columns(bios, consent), schema=schema))


@pytest.fixture
def split(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> sl.Split:
    monkeypatch.setenv("SIDELIGHT_CACHE", str(tmp_path / "cache"))
    CALLS.clear()
    return with_texts(small_split())


def test_each_text_of_users_and_contexts_is_encoded_once(split: sl.Split) -> None:
    assert sl.split.selection_split(split) is not split  # the model is trained twice
    data = split.data
    place = pl.Series("place", [f"place {at % 5}" for at in range(len(data.interactions))])
    log = replace(data.interactions, context=pl.DataFrame([place]))
    columns = (*data.schema.interactions, Column("place", "context"))
    schema = replace(data.schema, interactions=columns)
    split = replace(split, data=replace(data, interactions=log, schema=schema))
    users, context = (Slow("bio"),), (Slow("place"),)
    sl.TwoTower(CONTENT, dim=8, users=users, context=context, options=OPTIONS, floor=False).fit(split)
    wanted = {f"user number {at}" for at in range(0, data.n_users, 3)} | {f"place {at}" for at in range(5)}
    assert set(CALLS) == wanted and set(CALLS.values()) == {1}


def test_values_without_consent_are_absent_and_never_encoded(split: sl.Split) -> None:
    data = split.data
    side = SideFeatures.of_users((Slow("bio"), sl.Categories("plan")), data.users, data.schema)
    slow, plan = side.features
    assert np.array_equal(np.flatnonzero(slow.present), np.arange(0, data.n_users, 3))
    assert not slow.values[~slow.present].any() and (slow.values[slow.present, 1] == 1).all()
    assert len(plan) == data.n_users and plan.present.all()
    assert not {f"user number {at}" for at in range(data.n_users) if at % 3} & set(CALLS)
