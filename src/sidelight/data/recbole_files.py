"""RecBole's atomic files: `.inter`, `.item`, `.user` with `name:type` headers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from sidelight.data.delimited import read_delimited
from sidelight.data.infer_roles import TEXT_NAMES, tokens
from sidelight.data.raw_tables import ROW
from sidelight.data.source_table import SourceTable
from sidelight.errors import DataError, complain, did_you_mean

SUFFIXES = {".inter": "interactions", ".item": "items", ".user": "users"}
TYPES = ("token", "token_seq", "float", "float_seq")


def read_recbole(path: Path, table: str) -> SourceTable:
    """A tab-separated table whose header names the type of each column.

    token is a value, token_seq words divided by spaces (tags, or text where the name says so),
    float a number, float_seq a vector.

    Raises:
        DataError: A header field has no known type.
    """
    sheet = read_delimited(path, table)
    frame, hints, names = sheet.frame, dict(sheet.hints), {}
    for field in frame.columns:
        if field == ROW or field in hints:
            continue
        name, _, kind = field.rpartition(":")
        if kind not in TYPES or not name:
            raise DataError(
                complain(
                    "header fields name:type",
                    repr(field),
                    str(path),
                    did_you_mean(kind, TYPES) if name else f"types are {', '.join(TYPES)}",
                )
            )
        names[field] = name
        words = kind == "token_seq" and not tokens(name) & TEXT_NAMES
        if words:
            frame = frame.with_columns(pl.col(field).str.split(" "))
        if kind.endswith("_seq"):
            hints[name] = "vector" if kind == "float_seq" else "tags" if words else "text"
    return replace(sheet, frame=frame.rename(names), hints=hints)
