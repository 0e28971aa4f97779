"""Parser of column values by role: numbers, labels, tags, vectors, times."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from sidelight.data.coerce_types import nulls
from sidelight.data.parse_amounts import Amounts, amounts
from sidelight.data.parse_lists import MARKS, bracketed, split_cells, uncalled
from sidelight.data.schema import LIST_ROLES, Role
from sidelight.data.timestamps import to_microseconds, undecided

LONGEST_TEXT = 20_000  # characters of one cell that are kept
_TRUTH = dict.fromkeys(("true", "yes", "y", "t", "1", "1.0"), True)
_TRUTH |= dict.fromkeys(("false", "no", "n", "f", "0", "0.0"), False)


class Parsed(NamedTuple):
    """A column after parsing.

    Args:
        values: As the role needs them, null where missing or unreadable; text of at most
            `LONGEST_TEXT` characters.
        bad: Boolean, True where a value was there and could not be read.
        unit: Unit of a timestamp column, the decimal mark of numbers that are not in the notation of
            programs, else "".
        doubt: One line where the column could be read otherwise, else "".
    """

    values: pl.Series
    bad: pl.Series
    unit: str = ""
    doubt: str = ""


def parse(values: pl.Series, role: Role, unit: str = "") -> Parsed:
    """Parse one column, of a type that `plain` gives, by its role.

    number becomes float64 (NaN and infinity are kept here), timestamp int64 microseconds UTC,
    tags and links List(String) without blanks (an empty list is null), vector List(Float32), image_bytes
    Binary, the others String with "" as null.
    """
    if (values.dtype == pl.Binary) != (role == "image_bytes"):
        return _unreadable(values, role)
    if role == "timestamp":
        times, read = to_microseconds(values, unit)
        open_ = read in ("dmy", "mdy") and unit != read and undecided(values)
        doubt = f"{values.drop_nulls()[0]!r} could begin with the day or the month" if open_ else ""
        return Parsed(times, _unread(values, times), read, doubt)
    if role == "number":
        numbers, mark, doubt = read_numbers(values, unit)
        return Parsed(numbers, _unread(values, numbers), unit or mark, "" if unit else doubt)
    if role == "vector":
        vectors = _vectors(values)
        return Parsed(vectors, _unread(values, vectors))
    if role == "image_bytes":
        out = values
    elif role in LIST_ROLES:
        out = _tags(values)
    else:
        out = _labels(values) if role in ("category", "ignore", "context") else _texts(values)
        if out.dtype == pl.String and role != "ignore":
            out = out.str.head(LONGEST_TEXT)
    return Parsed(out, _none(values))


def _unreadable(values: pl.Series, role: Role) -> Parsed:
    """Refuse bytes where none can be, or no bytes where an image should be; unused bytes stay as they are."""
    if role == "ignore":
        return Parsed(values, _none(values))
    kinds: dict[str, Any] = {
        "image_bytes": pl.Binary,
        "number": pl.Float64,
        "timestamp": pl.Int64,
        **dict.fromkeys(LIST_ROLES, pl.List(pl.String)),
        "vector": pl.List(pl.Float32),
    }
    return Parsed(
        nulls(values.name, kinds.get(role, pl.String), len(values)), values.is_not_null() & ~_blank(values)
    )


def read_numbers(values: pl.Series, mark: str = "") -> Amounts:
    """Read Float64, null where a value is no number, with the decimal mark of text; see `amounts`."""
    kind = values.dtype
    if kind == pl.String:
        return amounts(values.str.strip_chars(), mark)
    if kind != pl.Boolean and not kind.is_numeric():
        return Amounts(nulls(values.name, pl.Float64, len(values)))
    return Amounts(values.cast(pl.Float64, strict=False))


def numbers_in(values: pl.Series) -> pl.Series:
    """Read Float64; null where a value is no number."""
    return read_numbers(values).values


def truth(values: pl.Series) -> pl.Series:
    """Read Boolean from true/false, yes/no, 1/0; null where it is neither."""
    if values.dtype == pl.Boolean:
        return values
    word = values.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
    return word.replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)


def delimiter(text: pl.Series) -> str:
    """Find the separator of tags in a column such as "drama|war"; "" when it holds no joined tags."""
    few = len(text) < 20
    for mark in MARKS:
        if share(text.str.contains(mark, literal=True)) < (0.1 if mark == "|" else 0.3):
            continue
        parts = text.str.split(mark).explode(empty_as_null=False).str.strip_chars()
        parts = parts.filter(parts != "")
        repeated = parts.n_unique() <= (0.7 if mark == "|" else 0.5) * len(parts)
        if words_each(parts) <= 3 and (repeated or (few and mark == "|")):
            return mark
    return ""


def share(mask: pl.Series) -> float:
    """Return the share of True among the values that are known; 0 for none."""
    return float(mask.sum()) / max(mask.count(), 1)


def words_each(text: pl.Series) -> float:
    """Return the mean number of words, by white space; 1 for none."""
    return 1.0 + float(text.str.count_matches(r"\s+").sum()) / max(text.count(), 1)


def _none(values: pl.Series) -> pl.Series:
    return pl.repeat(False, len(values), eager=True).alias("bad")


def _unread(values: pl.Series, read: pl.Series) -> pl.Series:
    """Mark values that were there and could not be read."""
    return values.is_not_null() & read.is_null() & ~_blank(values)


def _blank(values: pl.Series) -> pl.Series:
    """Mark texts that are empty or white space."""
    if values.dtype != pl.String:
        return _none(values)
    return (values.str.strip_chars() == "").fill_null(False)


def _texts(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.List):
        values = values.cast(pl.List(pl.String)).list.join(" ", ignore_nulls=True)
    text = values.cast(pl.String)
    return text.set(text == "", None)


def _labels(values: pl.Series) -> pl.Series:
    """Return the text of labels; 3.0 and 3 are one label, NaN is none."""
    if isinstance(values.dtype, pl.List):
        return _tags(values)
    values = values.fill_nan(None) if values.dtype.is_float() else values
    if values.dtype == pl.String:
        text = values.str.strip_chars()
        text = text.set(text == "", None)
        if (
            text.str.contains(r"^-?\d+\.0+$").any()
            and text.cast(pl.Float64, strict=False).null_count() == text.null_count()
        ):
            return _labels(text.cast(pl.Float64))
        return text
    if values.dtype.is_float() and (values.drop_nulls().round() == values.drop_nulls()).all():
        return values.cast(pl.Int64, strict=False).cast(pl.String)
    return values.cast(pl.String)


def _tags(values: pl.Series) -> pl.Series:
    if not isinstance(values.dtype, pl.List):
        text = _labels(values)
        known = text.drop_nulls()
        values = split_cells(text, delimiter(known.filter(~bracketed(known))))
    lists = values.cast(pl.List(pl.String))
    clean = lists.list.eval(pl.element().str.strip_chars()).list.eval(
        pl.element().filter((pl.element() != "") & pl.element().is_not_null())
    )
    return clean.set(clean.list.len() == 0, None)


def _vectors(values: pl.Series) -> pl.Series:
    """Read List(Float32); a list with a member that is no number is null."""
    kind: Any = values.dtype
    if kind == pl.String:
        inner = uncalled(values).str.strip_chars("[](){} \t\n")
        values = inner.str.replace_all(r"[,;\s]+", " ").str.split(" ")
        values = values.set(inner == "", None)
    elif not isinstance(kind, pl.List):
        return nulls(values.name, pl.List(pl.Float32), len(values))
    before = values.list.eval(pl.element().is_not_null()).list.sum()
    out = values.cast(pl.List(pl.Float32), strict=False)
    after = out.list.eval(pl.element().is_not_null()).list.sum()
    return out.set(before != after, None).set((out.list.len() == 0).fill_null(False), None)
