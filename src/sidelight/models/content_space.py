"""`ContentSpace`: content of the catalogue as unit-length blocks, with similarity over present modalities."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.cache import Cache
from sidelight.content.features import Features
from sidelight.content.normalise import centre_of, scaled
from sidelight.content.protocols import Content, Encoder, fit_features
from sidelight.content.saved_modality import modality_state, restored_modality
from sidelight.data.dataset import Dataset
from sidelight.errors import SpecError, complain
from sidelight.progress import Progress

Dense = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.int64] | slice
Block: TypeAlias = Any  # float32 array or CSR matrix, (n_rows, dim)


# Modalities that some space holds, by data set and options, and what each was made by.
_HELD: WeakKeyDictionary[Dataset, WeakValueDictionary[Any, Features]] = WeakKeyDictionary()
_MADE_BY: WeakKeyDictionary[Features, tuple[Encoder, Dense]] = WeakKeyDictionary()


class LateContentWarning(UserWarning):
    """A column that only exists after launch is used as content."""


@dataclass(frozen=True, eq=False)
class ContentSpace:
    """Features of several modalities, centred (dense ones), scaled to unit length and weighted.

    Args:
        encoders: One fitted encoder per modality, to place new items later.
        features: One `Features` per modality, rows of length sqrt(weight) where present, else zero.
        weights: Weight of each modality in the similarity, > 0.
        centres: float32 (dim,) subtracted before scaling, or empty for sparse modalities.
    """

    encoders: tuple[Encoder, ...]
    features: tuple[Features, ...]
    weights: tuple[float, ...]
    centres: tuple[Dense, ...]

    @classmethod
    def fit(
        cls,
        content: Sequence[Content],
        data: Dataset,
        weights: Sequence[float] = (),
        cache: Cache | None = None,
        progress: Progress | None = None,
        touched: NDArray[np.bool_] | None = None,
    ) -> ContentSpace:
        """Encode the item table of a data set.

        Args:
            content: Modalities to use, at least one.
            data: Its items are encoded; its schema says what is known at launch.
            weights: One weight per modality; empty means 1 each.
            cache: Cache of slow vectors.
            progress: Called as (done, total, label).
            touched: bool (n_items,), items with training interactions: only their labels are seen by
                content that learns from labels which are not known at launch.

        Raises:
            SpecError: No content, weights that do not fit, or such labels without `touched`.
        """
        if not isinstance(content, list | tuple):
            fix = 'write content=(Text("title"),) with a comma'
            raise SpecError(complain("content as a tuple", f"a {type(content).__name__}", fix=fix))
        if not content:
            raise SpecError(
                complain("content for this model", "none", fix='name some, e.g. content=(Text("title"),)')
            )
        chosen = tuple(float(w) for w in weights) or (1.0,) * len(content)
        if len(chosen) != len(content) or min(chosen) <= 0:
            raise SpecError(complain(f"{len(content)} content weights > 0", f"{chosen}"))
        _known_at_launch(content, data)
        encoders, blocks, centres = [], [], []
        for spec, weight in zip(content, chosen, strict=True):
            seen = _seen(spec, data, touched)
            block, encoder, centre = _encoded(spec, weight, data, seen, cache, progress)
            encoders.append(encoder)
            centres.append(centre)
            blocks.append(block)
        return cls(tuple(encoders), tuple(blocks), chosen, tuple(centres))

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.features[0])

    @property
    def dim(self) -> int:
        """Columns of all modalities together."""
        return sum(f.dim for f in self.features)

    @property
    def sparse(self) -> bool:
        """True when every modality is sparse."""
        return all(f.sparse for f in self.features)

    @property
    def present(self) -> NDArray[np.bool_]:
        """bool (n_items,): items with at least one modality."""
        out: NDArray[np.bool_] = np.logical_or.reduce([f.present for f in self.features])
        return out

    @property
    def compared(self) -> list[tuple[Features, float]]:
        """Modalities in which two items can be unlike, with their weights: all but additive ones."""
        each = zip(self.features, self.weights, self.encoders, strict=True)
        return [(f, weight) for f, weight, encoder in each if not _additive(encoder)]

    def blocks(self, rows: Rows = slice(None)) -> list[Block]:
        """Feature rows of each modality, float32."""
        return [f.values[rows] for f in self.features]

    def gram(self, rows: Rows, columns: Rows = slice(None)) -> Dense:
        """Inner products summed over modalities; a missing one adds nothing. Positive definite.

        Returns:
            float32, shape (n_rows, n_columns).
        """
        return _products(self.features, rows, columns)

    def similarity(self, rows: Rows, columns: Rows = slice(None)) -> Dense:
        """Weighted mean of the cosines over the modalities that BOTH items have, in [-1, 1].

        An item with a title only is compared by title alone, so that a missing abstract is
        not taken for a different one. Items with nothing in common have similarity 0. Weighted
        cosines of additive modalities, see `Encoder`, are added to that mean and leave [-1, 1].

        Returns:
            float32, shape (n_rows, n_columns).
        """
        compared = self.compared
        if not compared:
            return self.gram(rows, columns)
        mean = _products([f for f, _ in compared], rows, columns)
        if len(compared) == 1:
            mean /= np.float32(compared[0][1])
        else:
            shared = np.zeros_like(mean)
            for f, weight in compared:
                here, there = f.present[rows].astype(np.float32), f.present[columns].astype(np.float32)
                shared += weight * np.outer(here, there)
            mean = np.divide(mean, shared, out=np.zeros_like(mean), where=shared > 0)
        added = [f for f, encoder in zip(self.features, self.encoders, strict=True) if _additive(encoder)]
        return np.add(mean, _products(added, rows, columns), out=mean) if added else mean

    def with_items(self, items: pl.DataFrame) -> ContentSpace:
        """Append new rows, encoded by the fitted encoders."""
        grown = []
        for encoder, old, weight, centre in zip(
            self.encoders, self.features, self.weights, self.centres, strict=True
        ):
            new = scaled(encoder.transform(items), centre, weight)
            present = np.concatenate([old.present, new.present])
            values = _stack(old.values, new.values)
            grown.append(Features(old.name, values, present, old.names))
        return ContentSpace(self.encoders, tuple(grown), self.weights, self.centres)

    def replaced(
        self, rows: pl.DataFrame, at: NDArray[np.int64]
    ) -> tuple[ContentSpace, tuple[Features, ...]]:
        """Return the space with other content for some items, and the new features of these alone.

        Args:
            rows: Content rows.
            at: int64 (n_rows,), their items.
        """
        empty = tuple(Features(f.name, f.values[:0], f.present[:0], f.names) for f in self.features)
        fresh = replace(self, features=empty).with_items(rows).features
        grown = []
        for old, new in zip(self.features, fresh, strict=True):
            present, values = old.present.copy(), old.values
            present[at] = new.present
            if old.sparse:
                values = sp.csr_matrix(_stack(values, new.values)[replaced_rows(len(old), at)])
            else:
                values = values.copy()
                values[at] = new.values
            grown.append(Features(old.name, values, present, old.names))
        return replace(self, features=tuple(grown)), fresh

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return arrays and options from which `restore` makes an equal space."""
        arrays: dict[str, Any] = {}
        modalities = []
        for at, (encoder, f) in enumerate(zip(self.encoders, self.features, strict=True)):
            inner, meta = modality_state(at, encoder, f)
            arrays |= inner
            arrays[f"{at}/centre"] = self.centres[at]
            modalities.append({**meta, "weight": self.weights[at]})
        return arrays, {"modalities": modalities}

    @classmethod
    def restore(cls, arrays: dict[str, Any], meta: dict[str, Any]) -> ContentSpace:
        """Return the space that `state` described."""
        encoders, features, weights, centres = [], [], [], []
        for at, each in enumerate(meta["modalities"]):
            encoder, own = restored_modality(at, arrays, each)
            encoders.append(encoder)
            features.append(own)
            weights.append(float(each["weight"]))
            centres.append(arrays[f"{at}/centre"])
        return cls(tuple(encoders), tuple(features), tuple(weights), tuple(centres))


def replaced_rows(size: int, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of each of `size` rows once the rows that replace `at` stand behind the old ones."""
    index = np.arange(size)
    index[at] = size + np.arange(len(at))
    return index


def _additive(encoder: Encoder) -> bool:
    return bool(getattr(encoder, "additive", False))


def _products(features: Sequence[Features], rows: Rows, columns: Rows) -> Dense:
    """Inner products summed over modalities, float32 (n_rows, n_columns)."""
    total: Dense | None = None
    for f in features:
        a: Block = f.values[rows]
        b: Block = f.values[columns]
        part = (a @ b.T).toarray() if f.sparse else a @ b.T
        total = part if total is None else np.add(total, part, out=total)
    return np.ascontiguousarray(total, dtype=np.float32)


def _known_at_launch(content: Sequence[Content], data: Dataset) -> None:
    late = {c.name for c in data.schema.items if not c.known_at_launch}
    for spec in content:
        for name in getattr(spec, "columns", ()):
            if name in late:
                warnings.warn(
                    f"content {name!r} may not exist yet when an item is launched (schema: known_at_launch "
                    "= false): figures on cold items will be too good; correct sidelight.toml if it is wrong",
                    LateContentWarning,
                    stacklevel=4,
                )


def _encoded(
    spec: Content,
    weight: float,
    data: Dataset,
    seen: NDArray[np.bool_] | None,
    cache: Cache | None,
    progress: Progress | None,
) -> tuple[Features, Encoder, Dense]:
    """Encode one modality of a data set, or share what another space holds: nothing here is ever changed."""
    held = _HELD.setdefault(data, WeakValueDictionary())
    key: Any = (spec, weight, None if seen is None else seen.tobytes())
    try:
        block = held.get(key)
    except TypeError:  # a spec of one's own that cannot be hashed
        key, block = object(), None
    if block is None:
        encoder, raw = fit_features(spec, data.items, cache, progress, seen)
        centre = centre_of(raw)
        block = scaled(raw, centre, weight)
        held[key], _MADE_BY[block] = block, (encoder, centre)
    return block, *_MADE_BY[block]


def _seen(spec: Content, data: Dataset, touched: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Return the items whose labels `spec` may use, None for all: warm ones for late columns."""
    late = {c.name for c in data.schema.items if not c.known_at_launch}
    if not late.intersection(getattr(getattr(spec, "labels", None), "columns", ())):
        return None
    if touched is None:
        expected = "which items have interactions, as their labels are not known at launch"
        raise SpecError(complain(expected, "none given", f"content {spec.name!r}", "pass touched"))
    return touched


def _stack(old: Block, new: Block) -> Block:
    if sp.issparse(old):
        return sp.csr_matrix(sp.vstack([old, new]), dtype=np.float32)
    return np.vstack([old, new]).astype(np.float32)
