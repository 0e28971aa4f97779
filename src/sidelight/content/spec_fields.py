"""Fields of content specs, and columns of the item table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import DataError, SpecError, complain, did_you_mean, shown
from sidelight.option_types import check

if TYPE_CHECKING:
    import polars as pl


def set_fields(spec: Any, given: dict[str, Any]) -> None:
    """Set the fields of a frozen spec whose columns were given as `*names` or as `columns=[...]`.

    Lists (from TOML or JSON) become tuples, so that specs stay hashable and compare equal.

    Args:
        spec: The spec.
        given: The arguments of its `__init__` by name: `locals()` there.
    """
    kind, more = type(spec).__name__, given["columns"]
    columns = (*given["names"], *(more if isinstance(more, (list, tuple)) else [more]))
    if not columns or not all(isinstance(c, str) and c for c in columns):
        raise SpecError(complain("one or more column names", shown(columns), kind, f"e.g. {kind}('title')"))
    if len(set(columns)) < len(columns):
        raise SpecError(complain("each column once", repr(columns), kind))
    for field in fields(spec):
        object.__setattr__(spec, field.name, columns if field.name == "columns" else given[field.name])
    check(spec)


def only_one(spec: Any) -> str:
    """Return the single column of a spec that reads one."""
    if len(spec.columns) != 1:
        kind = type(spec).__name__
        raise SpecError(complain("one column", repr(spec.columns), kind, f"use one {kind} per column"))
    return str(spec.columns[0])


def options_of(spec: Any) -> dict[str, Any]:
    """Return the fields of a spec as plain values for JSON; `type(spec)(**options)` makes an equal one."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(spec).items()}


def spec_from(cls: type[Any], meta: dict[str, Any]) -> Any:
    """Return the spec in the meta of a saved encoder."""
    return cls(**{f.name: meta["spec"][f.name] for f in fields(cls)})


def column(items: pl.DataFrame, name: str, kind: str) -> pl.Series:
    """Return one column of the item table; an error names the nearest column."""
    if name not in items.columns:
        hint = did_you_mean(name, items.columns)
        raise SpecError(f"{kind} reads the column {name!r}, which the item table lacks; {hint}")
    return items[name]


def wrong_type(kind: str, name: str, expected: str, series: pl.Series, fix: str = "") -> DataError:
    """Return the error for a column whose type the spec cannot read."""
    return DataError(complain(f"{expected} for {kind}", str(series.dtype), f"the item column {name!r}", fix))


def nothing_there(kind: str, columns: Sequence[str]) -> DataError:
    """Return the error for a modality that no item has."""
    where = f"{kind}({', '.join(map(repr, columns))})"
    return DataError(complain("at least one item with a value", "none", where, "leave it out"))


def pack(strings: Iterable[str]) -> NDArray[np.uint8]:
    """Pack strings as bytes (UTF-8 of their JSON), for formats that hold only numbers."""
    return np.frombuffer(json.dumps(list(strings), ensure_ascii=False).encode(), dtype=np.uint8)


def unpack(packed: NDArray[np.uint8]) -> tuple[str, ...]:
    """Unpack the result of `pack`."""
    return tuple(json.loads(np.asarray(packed, dtype=np.uint8).tobytes()))
