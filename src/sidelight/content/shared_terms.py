"""Shared terms of two items in a modality whose columns have names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from sidelight.content.features import Features
from sidelight.errors import SpecError, complain


def shared_words(features: Features, a: int, b: int, k: int = 5) -> list[tuple[str, float]]:
    """Return the names that add most to the dot product of two rows, with their parts.

    Args:
        features: A sparse modality with names (tf-idf text, categories, tags). Pass it with
            normalised values to split a cosine; with raw values a dot product is split.
        a: Row number of one item.
        b: Row number of the other.
        k: Number of names at most; only positive products are listed, equal ones in order of name.

    Raises:
        SpecError: The modality is dense or has no names: its columns mean nothing to a reader.
    """
    product = _row(features, a).multiply(_row(features, b)).tocsr()
    named = zip(product.indices, np.asarray(product.data), strict=True)
    found = [(features.names[at], float(value)) for at, value in named if value > 0]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]


def text_of(row: Mapping[str, Any], columns: Iterable[str] | None = None, limit: int = 80) -> str:
    """Return one line that identifies an item for a reader.

    Args:
        row: Column name to value, e.g. from `items.row(3, named=True)`.
        columns: Columns to show, in order; None takes the first that holds text among
            title, name, product and description, else every short text or number.
        limit: Characters at most; more is cut with "...".
    """
    if columns is None:
        usual = [c for c in ("title", "name", "product", "description") if _plain(row.get(c))]
        columns = usual[:1] or list(row)
    line = ", ".join(text for text in (_plain(row.get(c)) for c in columns) if text)
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def _row(features: Features, row: int) -> sp.csr_matrix:
    if not features.sparse or not features.names:
        found = "a dense modality" if not features.sparse else "one without names"
        raise SpecError(
            complain("a sparse modality with named columns", found, f"features {features.name!r}")
        )
    return features.values[[row]]


def _plain(value: Any) -> str:
    """Return a value as short text; "" where it is missing or no text."""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return ", ".join(value)
    return ""
