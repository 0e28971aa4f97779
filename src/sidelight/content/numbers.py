"""Numeric columns (price, length, year) on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.content.protocols import Arrays
from sidelight.content.spec_fields import column, nothing_there, options_of, set_fields, spec_from, wrong_type
from sidelight.errors import DataError, complain
from sidelight.option_types import Positive
from sidelight.progress import Progress

if TYPE_CHECKING:
    from sidelight.content.cache import Cache

NORMAL_IQR = 1.349  # interquartile range of a standard normal: both scales agree on normal data


@dataclass(frozen=True, init=False)
class Numbers:
    """Standardised numbers, dense float32 (n_items, n_columns), a column per name.

    "robust": (x - median) / (IQR / 1.349); "standard": (x - mean) / standard deviation. Results are
    cut at +-`clip`, so that one absurd price cannot set the scale of a distance.

    A missing number becomes 0, which is the centre; a row is absent when all its numbers are
    missing. Use one `Numbers` a column to keep the masks of several columns apart.

    Args:
        *names: Item columns of numbers or booleans. Null and NaN mean missing; infinity is an error.
        scale: "robust" or "standard".
        clip: Largest absolute value after scaling.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> items = make_synthetic(40, 60, 600, seed=1).data.items
        >>> encoder, features = sl.content.fit_features(sl.Numbers("price"), items)
        >>> len(features), features.present.dtype.name
        (60, 'bool')
    """

    columns: tuple[str, ...]
    scale: Literal["robust", "standard"]
    clip: Positive

    def __init__(
        self,
        *names: str,
        columns: Sequence[str] = (),
        scale: Literal["robust", "standard"] = "robust",
        clip: float = 5.0,
    ) -> None:
        set_fields(self, locals())

    @property
    def name(self) -> str:
        """Name of the modality, e.g. "numbers:price"."""
        return "numbers:" + "+".join(self.columns)

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> NumbersEncoder:
        """Fit the centre and spread of each column."""
        raw = _read(items, self.columns)
        if np.isnan(raw).all():
            raise nothing_there("Numbers", self.columns)
        pairs = [_scale(raw[~np.isnan(raw[:, i]), i], self.scale) for i in range(raw.shape[1])]
        centre, spread = (np.array(each, dtype=np.float64) for each in zip(*pairs, strict=True))
        return NumbersEncoder(self, centre, spread)


@dataclass(frozen=True, eq=False)
class NumbersEncoder:
    """Encoder by stored centres and spreads, float64 (n_columns,); a spread of 0 gives 0."""

    spec: Numbers
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    def transform(self, items: pl.DataFrame) -> Features:
        """Scale the columns; absent where all are missing."""
        raw = _read(items, self.spec.columns)
        known = np.asarray(~np.isnan(raw), dtype=bool)
        scaled = np.divide(
            raw - self.centre, self.spread, out=np.zeros_like(raw), where=known & (self.spread > 0)
        )
        values = np.clip(scaled, -self.spec.clip, self.spec.clip).astype(np.float32)
        return Features(self.spec.name, values, np.asarray(known.any(axis=1)), self.spec.columns)

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return centres and spreads."""
        return {"centre": self.centre, "spread": self.spread}, {
            "kind": "numbers",
            "spec": options_of(self.spec),
        }

    @classmethod
    def restore(cls, arrays: Arrays, meta: dict[str, Any]) -> Self:
        """Restore the result of `state`."""
        spec = spec_from(Numbers, meta)
        centre, spread = (np.asarray(arrays[key], dtype=np.float64) for key in ("centre", "spread"))
        if centre.shape != (len(spec.columns),) or spread.shape != centre.shape:
            raise ValueError(f"{len(spec.columns)} columns but centres of shape {centre.shape}")
        return cls(spec, centre, spread)


def _read(items: pl.DataFrame, columns: tuple[str, ...]) -> NDArray[np.float64]:
    """Read columns as float64 (n_items, n_columns), NaN where missing."""
    out = np.empty((len(items), len(columns)))
    for i, name in enumerate(columns):
        series = column(items, name, "Numbers")
        if not (series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null)):
            raise wrong_type("Numbers", name, "numbers", series)
        out[:, i] = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        if np.isinf(out[:, i]).any():
            row = int(np.flatnonzero(np.isinf(out[:, i]))[0]) + 1
            raise DataError(complain("finite numbers", "infinity", f"the item column {name!r}, row {row}"))
    return out


def _scale(x: NDArray[np.float64], scale: str) -> tuple[float, float]:
    """Centre and spread; where half of the values are equal the IQR is 0 and the deviation stands in."""
    if not len(x):
        return 0.0, 0.0
    if scale == "robust":
        low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
        if high > low:
            return float(middle), float(high - low) / NORMAL_IQR
        return float(middle), float(x.std())
    return float(x.mean()), float(x.std())
