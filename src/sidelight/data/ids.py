"""Outside ids: the one rule by which every table, look-up and request parses them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.coerce_types import is_missing, sound

Ids = NDArray[Any]  # int64 or str ("U"), sorted ascending, unique

OUTER: Final = "\0\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)  # white space, and the NUL that fixed-width exports fill up with
_COLUMN: Final = r"^(0|-?[1-9][0-9]{0,17})$"  # pattern of whole numbers in a column of text
_WHOLE = re.compile(r"(0|-?[1-9][0-9]{0,18})(\.0)?")
MISSING: Final = ("nan", "NaN", "NaT", "<NA>", "None", "null", "NULL")  # of exporters, for no id
_EXACT = 2**53  # floats beyond it are not exact


def trimmed_ids(values: pl.Series) -> pl.Series:
    """Convert ids to Int64 where all are whole numbers, else to text without outer white space and NUL."""
    kind = values.dtype
    if kind.is_integer() and kind not in (pl.UInt64, pl.Int128):
        return values.cast(pl.Int64)
    if kind.is_float():
        finite = values.set(~values.is_finite().fill_null(True), None)
        if (finite.drop_nulls().round() == finite.drop_nulls()).all() and (finite.abs().max() or 0) < _EXACT:  # type: ignore[operator]
            return finite.cast(pl.Int64)
        return finite.cast(pl.String).str.strip_suffix(".0")
    return values.cast(pl.String).str.strip_chars(OUTER)


def whole_ids(values: pl.Series) -> bool:
    """Test whether all ids are whole numbers, written as numbers are ("7", not "007")."""
    return values.dtype == pl.Int64 or bool(values.drop_nulls().str.contains(_COLUMN).all())


def whole_id(value: Any) -> int | None:
    """Return an id as a whole number: 7, 7.0, "7" and "7.0" are equal; None for any other id.

    Booleans, other spellings ("1_0", "007", "+7") and digits of other scripts are none.

    Examples:
        >>> whole_id("7"), whole_id(7.0), whole_id("1_0"), whole_id(True)
        (7, 7, None, None)
    """
    if isinstance(value, str):
        found = _WHOLE.fullmatch(value.strip(OUTER))
        number = int(found[1]) if found else None
    elif isinstance(value, float | np.floating):
        plain = float(value)
        number = int(plain) if abs(plain) < _EXACT and plain == int(plain) else None
    else:
        number = int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def text_id(value: Any) -> str | None:
    """Return an id as text without outer white space and NUL; None for Booleans and missing values.

    Examples:
        >>> text_id(" x "), text_id(7.0), text_id(float("nan"))
        ('x', '7', None)
    """
    if isinstance(value, str):
        return value.strip(OUTER)
    if isinstance(value, bool | np.bool_) or is_missing(value):
        return None
    number = whole_id(value)
    return str(value) if number is None else str(number)


def index_of(known: Ids, ids: Iterable[Any]) -> NDArray[np.int64]:
    """Return positions of `ids` in the sorted array `known`, -1 where absent.

    Numbers and their text form meet: "17" finds 17 in an integer catalogue, 17 finds "17".
    """
    wanted: Sequence[Any] = list(ids)
    if known.dtype.kind in "iu":
        return _places(known, [whole_id(w) for w in wanted])
    out = _places(known, [w if isinstance(w, str) else None for w in wanted])
    rest = np.flatnonzero(out < 0)
    out[rest] = _places(known, [text_id(wanted[at]) for at in rest.tolist()])
    return out


def _places(known: Ids, keys: Sequence[Any]) -> NDArray[np.int64]:
    """Return positions of keys of the type of `known`; None is absent."""
    # A key longer than every known id is none of them; comparing it would widen all of these.
    width = known.dtype.itemsize // 4 if known.dtype.kind == "U" else 0
    valid = np.array([k is not None and (not width or len(k) <= width) for k in keys], dtype=bool)
    out = np.full(len(keys), -1, dtype=np.int64)
    if len(known) and valid.any():
        query = np.array([k for k, fits in zip(keys, valid, strict=True) if fits], dtype=known.dtype)
        at = np.minimum(np.searchsorted(known, query), len(known) - 1)
        out[valid] = np.where(known[at] == query, at, -1)
    return out


def labels_of(known: Ids, at: NDArray[np.int64], wanted: Sequence[Any]) -> pl.Series:
    """Return ids for a response: as the table has them; those that it lacks (`at` < 0) as they were given.

    The column keeps the type of the table. Only where an unknown id cannot be of that type, such as
    "new" beside whole numbers, it holds both (type Object). Missing values are null.
    """
    stored = known[np.maximum(at, 0)].tolist() if len(known) else list(wanted)
    numeric = known.dtype.kind in "iu"
    names = [
        own if place >= 0 else _given(value, numeric)
        for own, place, value in zip(stored, at.tolist(), wanted, strict=True)
    ]
    kinds = {type(name) for name in names if name is not None}
    if kinds <= {str} or kinds <= {bool}:
        return pl.Series("id", names, dtype=pl.Boolean if kinds == {bool} else pl.String)
    whole = kinds <= {int} and all(name is None or -(2**63) <= name < 2**63 for name in names)
    return pl.Series("id", names, dtype=pl.Int64 if whole else pl.Object)


def _given(value: Any, numeric: bool) -> Any:
    if is_missing(value):
        return None
    plain = value.item() if isinstance(value, np.generic) else value
    number = whole_id(plain) if numeric else None
    plain = plain if number is None else number
    return sound(plain) if isinstance(plain, str) else plain if numeric else str(plain)
