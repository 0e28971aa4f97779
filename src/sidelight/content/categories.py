"""Columns with one label per row, as one-hot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidelight.content.label_encoder import LabelEncoder
from sidelight.content.spec_fields import set_fields
from sidelight.option_types import Count
from sidelight.progress import Progress

if TYPE_CHECKING:
    import polars as pl

    from sidelight.content.cache import Cache


@dataclass(frozen=True, init=False)
class Categories:
    """One-hot labels, CSR float32 (n_items, n_labels), columns named "brand=Acme".

    A label that was not in the fit gives no entry; a row without any known label is absent.
    Labels are compared as text after trimming, upper and lower case apart.

    Args:
        *names: Item columns: text, numbers or booleans. Null and blank mean missing.
        min_count: Labels on fewer rows than this are left out.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> items = make_synthetic(40, 60, 600, seed=1).data.items
        >>> encoder, features = sl.content.fit_features(sl.Categories("category"), items)
        >>> len(features), features.present.dtype.name
        (60, 'bool')
    """

    columns: tuple[str, ...]
    min_count: Count

    def __init__(self, *names: str, columns: Sequence[str] = (), min_count: int = 1) -> None:
        set_fields(self, locals())

    @property
    def name(self) -> str:
        """Name of the modality, e.g. "categories:brand"."""
        return "categories:" + "+".join(self.columns)

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> LabelEncoder:
        """Fit an encoder on the labels of these rows."""
        return LabelEncoder.fit(self.name, items, self.columns, kind="Categories", min_count=self.min_count)
