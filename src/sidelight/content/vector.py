"""Vectors stored in the item table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from sidelight.content.features import Features
from sidelight.content.protocols import Arrays
from sidelight.content.spec_fields import column, nothing_there, only_one, set_fields, wrong_type
from sidelight.errors import DataError, complain
from sidelight.progress import Progress

if TYPE_CHECKING:
    from sidelight.content.cache import Cache


@dataclass(frozen=True, init=False)
class Vector:
    """Stored vectors as they are, dense float32 (n_items, dim), all of one length.

    Args:
        *names: One item column of lists or arrays of numbers. A null row is missing; a row of
            another length, or with null, NaN or infinity inside, is an error that names the row.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> items = make_synthetic(40, 60, 600, seed=1).data.items
        >>> encoder, features = sl.content.fit_features(sl.Vector("vector"), items)
        >>> len(features), features.present.dtype.name
        (60, 'bool')
    """

    columns: tuple[str, ...]

    def __init__(self, *names: str, columns: Sequence[str] = ()) -> None:
        set_fields(self, locals())
        only_one(self)

    @property
    def name(self) -> str:
        """Name of the modality, e.g. "vector:embedding"."""
        return "vector:" + self.columns[0]

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> VectorEncoder:
        """Fit the length of these vectors."""
        import polars as pl

        series = column(items, self.columns[0], "Vector")
        if isinstance(series.dtype, pl.Array):
            return VectorEncoder(self.columns[0], int(series.dtype.shape[0]))
        if not isinstance(series.dtype, pl.List):
            raise wrong_type("Vector", self.columns[0], "lists of numbers", series)
        lengths = series.list.len().drop_nulls()
        if not len(lengths) or not lengths[0]:
            raise nothing_there("Vector", self.columns)
        return VectorEncoder(self.columns[0], int(lengths[0]))


@dataclass(frozen=True)
class VectorEncoder:
    """Encoder that reads vectors of `dim` numbers from `source`."""

    source: str
    dim: int

    def transform(self, items: pl.DataFrame) -> Features:
        """Return the stored vectors; absent where the row is null."""
        import polars as pl

        series = column(items, self.source, "Vector")
        inner = getattr(series.dtype, "inner", None)
        nothing = series.dtype == pl.Null or inner == pl.Null
        if not nothing and (inner is None or not inner.is_numeric()):
            raise wrong_type("Vector", self.source, "lists of numbers", series)
        present = series.is_not_null().to_numpy() & (not nothing)
        listed = series.filter(pl.Series(present, dtype=pl.Boolean)).cast(pl.List(pl.Float32))
        lengths = listed.list.len().to_numpy()
        rows = np.flatnonzero(present)
        if (lengths != self.dim).any():
            at = int(np.flatnonzero(lengths != self.dim)[0])
            raise self._bad(f"{self.dim} numbers", f"{lengths[at]}", rows[at])
        flat = listed.explode(empty_as_null=False).cast(pl.Float32).to_numpy()
        dense = np.asarray(flat, dtype=np.float32).reshape(len(rows), self.dim)
        broken = ~np.isfinite(dense).all(axis=1)
        if broken.any():
            raise self._bad("finite numbers", "null, NaN or infinity", rows[int(np.flatnonzero(broken)[0])])
        values = np.zeros((len(items), self.dim), dtype=np.float32)
        values[rows] = dense
        return Features("vector:" + self.source, values, present)

    def _bad(self, expected: str, found: str, row: Any) -> DataError:
        where = f"the item column {self.source!r}, row {int(row) + 1}"
        return DataError(complain(expected, found, where, "mend that row or set it to null"))

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return no arrays: the column and the length."""
        return {}, {"kind": "vector", "source": self.source, "dim": self.dim}

    @classmethod
    def restore(cls, arrays: Arrays, meta: dict[str, Any]) -> Self:
        """Restore the result of `state`."""
        return cls(str(meta["source"]), int(meta["dim"]))
