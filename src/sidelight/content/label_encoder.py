"""Encoder of label columns as a sparse matrix, for `Categories` and `Tags`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.content.protocols import Arrays
from sidelight.content.spec_fields import column, nothing_there, pack, unpack, wrong_type


@dataclass(frozen=True, eq=False)
class LabelEncoder:
    """Encoder with one matrix column per label of each item column.

    Args:
        name: The modality.
        columns: Item columns read.
        labels: Known labels of each item column, sorted.
        weight: float32, shape (dim,): the entry written where the item has the label.
        many: Rows hold lists of labels (tags) rather than one (category).
        separator: Splits text columns into labels, or None.
    """

    name: str
    columns: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    weight: NDArray[np.float32]
    many: bool
    separator: str | None = None

    @classmethod
    def fit(
        cls,
        name: str,
        items: pl.DataFrame,
        columns: tuple[str, ...],
        *,
        kind: str,
        min_count: int = 1,
        idf: bool = False,
        separator: str | None = None,
    ) -> Self:
        """Fit labels on at least `min_count` rows; with `idf` weighted by ln((1 + n) / (1 + count)) + 1.

        For `kind`, see `label_pairs`.
        """
        labels: list[tuple[str, ...]] = []
        counts: list[int] = []
        for each in columns:
            pairs = label_pairs(items, each, kind, separator)
            found = pairs.group_by("label").len().filter(pl.col("len") >= min_count).sort("label")
            labels.append(tuple(found["label"].to_list()))
            counts.extend(found["len"].to_list())
        if not counts:
            raise nothing_there(kind, columns)
        weight = np.ones(len(counts), dtype=np.float32)
        if idf:
            weight = (np.log((1 + len(items)) / (1 + np.array(counts))) + 1).astype(np.float32)
        return cls(name, columns, tuple(labels), weight, kind != "Categories", separator)

    def transform(self, items: pl.DataFrame) -> Features:
        """Encode labels, CSR (n_items, dim); absent where a row has no label seen in the fit."""
        import polars as pl

        rows: list[NDArray[np.int64]] = []
        cols: list[NDArray[np.int64]] = []
        offset = 0
        for each, labels in zip(self.columns, self.labels, strict=True):
            known = pl.DataFrame(
                {"label": labels, "at": range(offset, offset + len(labels))},
                schema={"label": pl.String, "at": pl.Int64},
            ).with_columns(spelling(pl.col("label")))  # a saved encoder may have another spelling
            known = known.unique("label", keep="first", maintain_order=True)
            pairs = label_pairs(items, each, "Tags" if self.many else "Categories", self.separator)
            hits = pairs.join(known, on="label", how="inner")
            rows.append(hits["row"].to_numpy())
            cols.append(hits["at"].to_numpy())
            offset += len(labels)
        row, col = np.concatenate(rows), np.concatenate(cols)
        values = sp.csr_matrix((self.weight[col], (row, col)), shape=(len(items), offset), dtype=np.float32)
        values.sort_indices()
        names = tuple(
            f"{each}={label}" for each, ls in zip(self.columns, self.labels, strict=True) for label in ls
        )
        return Features(self.name, values, np.diff(values.indptr) > 0, names)

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return labels packed as bytes, one array per item column, and their weights."""
        arrays: Arrays = {f"labels{i}": pack(labels) for i, labels in enumerate(self.labels)}
        arrays["weight"] = self.weight
        meta = {"kind": "labels", "name": self.name, "columns": list(self.columns)}
        return arrays, {**meta, "many": self.many, "separator": self.separator}

    @classmethod
    def restore(cls, arrays: Arrays, meta: dict[str, Any]) -> Self:
        """Restore the result of `state`."""
        columns = tuple(meta["columns"])
        labels = tuple(unpack(arrays[f"labels{i}"]) for i in range(len(columns)))
        weight = np.asarray(arrays["weight"], dtype=np.float32)
        if len(weight) != sum(map(len, labels)):
            raise ValueError(f"{sum(map(len, labels))} labels but {len(weight)} weights")
        return cls(meta["name"], columns, labels, weight, bool(meta["many"]), meta["separator"])


def spelling(label: pl.Expr) -> pl.Expr:
    """Normalise the spelling of a label: "2.0" is 2 and "True" is true, whatever type a column came in."""
    text = label.cast(pl.String).str.strip_chars().str.replace(r"^(-?[0-9]+)\.0+$", "$1")
    truth = text.str.contains("^(True|TRUE|False|FALSE)$")
    return pl.when(truth).then(text.str.to_lowercase()).otherwise(text)


def label_pairs(items: pl.DataFrame, name: str, kind: str, separator: str | None) -> pl.DataFrame:
    """Return distinct (row, label) pairs of one column; blank labels and nulls are no labels.

    Args:
        items: Rows.
        name: Column to read.
        kind: Name of the spec, for errors; "Categories" have one label per row, all others lists.
        separator: Splits text columns into labels, or None.
    """
    many = kind != "Categories"
    series = column(items, name, kind).rename("label")
    listed = isinstance(series.dtype, (pl.List, pl.Array))
    if listed and not many:
        raise wrong_type(kind, name, "one label per row", series, f"use Tags({name!r})")
    if many and not listed and series.dtype != pl.Null:
        if separator is None or series.dtype.base_type() not in (pl.String, pl.Categorical, pl.Enum):
            raise wrong_type(kind, name, "lists of labels", series, "split it, or give separator='|'")
        series, listed = series.cast(pl.String).str.split(separator), True
    pairs = pl.DataFrame([series]).with_row_index("row")
    if listed:
        pairs = pairs.explode("label", empty_as_null=True)
    if pairs.schema["label"].is_nested() or pairs.schema["label"] in (pl.Binary, pl.Object):
        raise wrong_type(kind, name, "labels as text or numbers", series)
    if pairs.schema["label"].is_float():
        pairs = pairs.with_columns(pl.col("label").fill_nan(None))
    pairs = pairs.select(pl.col("row").cast(pl.Int64), spelling(pl.col("label"))).drop_nulls("label")
    return pairs.filter(pl.col("label") != "").unique(maintain_order=True)
