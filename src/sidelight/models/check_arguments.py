"""Validation of the arguments of a recommender's methods."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from sidelight.data.coerce_types import is_missing
from sidelight.data.histories import Histories
from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain, did_you_mean, shown
from sidelight.models.items import Items

Ids = Iterable[Any] | str | int
"""Outside ids; one id stands for itself."""


def ids_of(given: Any, what: str, least: int = 1) -> list[Any]:
    """Return outside ids as a list: one id stands for itself, and fewer than `least` are an error.

    Raises:
        SpecError: A table, a dict, bytes or anything else that is no list, or something in it that is
            neither text nor a number; the first one is named.
    """
    if isinstance(given, str | numbers.Integral):
        return [given]
    if hasattr(given, "columns"):
        fix = f'write {what}=table["..."], one of its columns'
        raise SpecError(complain(f"{what} as a list of ids", f"a table ({type(given).__name__})", fix=fix))
    flat = getattr(given, "ndim", 1) == 1
    if not flat or not isinstance(given, Iterable) or isinstance(given, bytes | bytearray | Mapping):
        raise SpecError(complain(f"{what} as a list of ids", shown(given)))
    found = list(given)
    if len(found) < least:
        raise SpecError(complain(f"at least one id as {what}", "an empty list"))
    column = hasattr(given, "dtype")  # a column may have gaps: no id, and its row stays
    for at, each in enumerate(found):
        if column and is_missing(each):
            continue
        if not isinstance(each, str | numbers.Real) or each != each:
            fix = "leave out what is missing" if each is None or isinstance(each, float) else ""
            where = f"{what}, place {at + 1} of {len(found)}"
            raise SpecError(complain("an id as text or number", shown(each), where, fix))
    return found


def histories_of(given: Any) -> list[list[Any]]:
    """Return histories of outside item ids as lists; an empty one is a user without events.

    Raises:
        SpecError: No list of lists, or one with something that is no id.
    """
    fix = 'write histories=[["i1", "i2"]] for one user'
    several = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
    if not several or hasattr(given, "columns"):
        if isinstance(given, int):
            fix = f"write k={given}, or {fix[6:]}"
        raise SpecError(complain("histories as a list of lists of ids", shown(given), "recommend", fix))
    out = []
    for each in given:
        if isinstance(each, str) or not isinstance(each, Iterable):
            raise SpecError(complain("histories as a list of lists of ids", shown(each), "recommend", fix))
        out.append(ids_of(each, "a history", least=0))
    return out


class UnknownHistoryWarning(UserWarning):
    """Some items of a given history are not in the catalogue and were left out."""


def known_histories(items: Items, histories: list[list[Any]]) -> Histories:
    """Convert lists of outside item ids to histories; unknown ids are left out with a warning."""
    rows, missing = items.histories(histories)
    if missing:
        total = sum(len(each) for each in histories)
        warnings.warn(
            f"{len(missing)} of {total} history items are not in the catalogue and were left out, "
            f"e.g. {missing[0]!r}",
            UnknownHistoryWarning,
            stacklevel=4,
        )
    return rows


def check_context(context: Any, known: Sequence[str], n_rows: int) -> None:
    """Refuse context that is neither a dict of columns nor a table of the rows, or has an unknown column.

    Args:
        context: Given context, or None.
        known: Context columns of the model.
        n_rows: Rows of the request.
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
