"""What people pass to the verbs of a recommender, brought into one form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from sidelight.data.split import Split
from sidelight.errors import SpecError, complain, did_you_mean


def check_k(k: Any, where: str) -> None:
    """Refuse a list length that is no whole number from 1."""
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1:
        raise SpecError(complain("k >= 1", repr(k), where))


def ids_of(given: Any, what: str) -> list[Any]:
    """Outside ids as a list: one id stands for itself, and none at all is an error."""
    if isinstance(given, str | int | np.integer):
        return [given]
    if not isinstance(given, Iterable):
        raise SpecError(complain(f"{what} as a list of ids", f"a {type(given).__name__}"))
    found = list(given)
    if not found:
        raise SpecError(complain(f"at least one id as {what}", "an empty list"))
    return found


def check_context(context: Any, known: Sequence[str], n_rows: int) -> None:
    """Refuse context that is neither a dict of columns nor a table of the rows, or has an unknown column.

    Args:
        context: What was given, or None.
        known: Columns that the model was trained with.
        n_rows: Rows that are asked for.
    """
    if context is None:
        return
    if not isinstance(context, Mapping | pl.DataFrame):
        fix = 'write context={"hour": 7}'
        raise SpecError(complain("context by column", repr(context), "context", fix))
    if isinstance(context, pl.DataFrame) and len(context) != n_rows:
        raise SpecError(complain(f"{n_rows} rows of context", f"{len(context)}", "context"))
    for name in context.columns if isinstance(context, pl.DataFrame) else context:
        if name not in known:
            fix = did_you_mean(name, known) if known else "fit with context=(...), or leave it out"
            raise SpecError(complain("a column of context of this model", repr(name), "context", fix))


def need_split(given: Any, spec: Any) -> Split:
    """Refuse to fit on anything but a split."""
    if not isinstance(given, Split):
        fix = "make one, e.g. sidelight.split.automatic(data)"
        raise SpecError(complain("a Split", f"a {type(given).__name__}", f"{type(spec).__name__}.fit", fix))
    return given
