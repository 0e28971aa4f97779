"""Columns with any number of labels per row, as multi-hot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidelight.content.label_encoder import LabelEncoder
from sidelight.content.spec_fields import set_fields
from sidelight.option_types import Count, Label
from sidelight.progress import Progress

if TYPE_CHECKING:
    import polars as pl

    from sidelight.content.cache import Cache


@dataclass(frozen=True, init=False)
class Tags:
    """Multi-hot labels, CSR float32 (n_items, n_labels), columns named "genres=Comedy".

    With `idf` the entry of a label on c of n rows is ln((1 + n) / (1 + c)) + 1, else 1. A label
    that was not in the fit gives no entry; a row without any known label is absent.

    Args:
        *names: Item columns: lists of labels, or text when `separator` is given.
        min_count: Labels on fewer rows than this are left out.
        idf: Rare labels weigh more.
        separator: Separator of the labels in a text column, e.g. "|".

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> items = make_synthetic(40, 60, 600, seed=1).data.items
        >>> encoder, features = sl.content.fit_features(sl.Tags("tags"), items)
        >>> len(features), features.present.dtype.name
        (60, 'bool')
    """

    columns: tuple[str, ...]
    min_count: Count
    idf: bool
    separator: Label | None

    def __init__(
        self,
        *names: str,
        columns: Sequence[str] = (),
        min_count: int = 1,
        idf: bool = True,
        separator: str | None = None,
    ) -> None:
        set_fields(self, locals())

    @property
    def name(self) -> str:
        """Name of the modality, e.g. "tags:genres"."""
        return "tags:" + "+".join(self.columns)

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> LabelEncoder:
        """Fit an encoder on the labels of these rows and their weights."""
        return LabelEncoder.fit(
            self.name,
            items,
            self.columns,
            kind="Tags",
            min_count=self.min_count,
            idf=self.idf,
            separator=self.separator,
        )
