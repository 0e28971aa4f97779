"""Side features of users and contexts, encoded; free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.cache import Cache
from sidelight.content.features import Features
from sidelight.content.protocols import Content, Encoder, fit_features
from sidelight.content.saved_modality import modality_state, restored_modality
from sidelight.data.context import CLOCK, consented, context_rows
from sidelight.data.interactions import Interactions
from sidelight.data.schema import Column, Schema
from sidelight.errors import DataError, SpecError, complain
from sidelight.progress import Progress

KINDS: dict[str, Any] = {
    "clock": pl.Int64,
    "number": pl.Float64,
    "text": pl.String,
    "truth": pl.Boolean,
    "labels": pl.List(pl.String),
    "vector": pl.List(pl.Float32),
}
"""Kinds of context columns and their types in a table."""
_ROW = "\0row"  # a name that no column has
_EXPECTED = {
    "text": "text",
    "truth": "True or False",
    "labels": "a list of text",
    "vector": "a list of numbers",
}


@dataclass(frozen=True, eq=False)
class SideFeatures:
    """Encoded columns of users or of distinct contexts, one row each.

    Args:
        encoders: Fitted encoders, one per modality.
        features: `Features`, one per modality, over the rows.
        columns: Columns that the encoders read.
        row_of: int64 (n_events,), the row of each event, for contexts; empty for users.
        kinds: For contexts the kind of each column, see `KINDS`; empty for users.
    """

    encoders: tuple[Encoder, ...] = ()
    features: tuple[Features, ...] = ()
    columns: tuple[str, ...] = ()
    row_of: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    kinds: tuple[str, ...] = ()

    @classmethod
    def of_users(
        cls,
        content: Sequence[Content],
        users: pl.DataFrame,
        schema: Schema,
        sensitive: bool = False,
        cache: Cache | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Encode columns of the user table; values without consent are absent, in the fit as well.

        Args:
            content: Modalities, may be none.
            users: One row per user.
            schema: Names the sensitive columns, and the column that holds the consent to another.
            sensitive: Allow sensitive columns as inputs.
            cache: Store of slow vectors.
            progress: Called as (done, total, label).

        Raises:
            SpecError: A column is unknown, sensitive without `sensitive`, or no user consented to it.
        """
        check_users(content, schema, sensitive)
        encoders, features, read = [], [], []
        for spec in content:
            columns = [schema.find("users", name) for name in _columns_of(spec)]
            allowed = [consented(users, column, "the user table") for column in columns]
            pairs = zip(columns, allowed, strict=True)
            own = users.select(pl.when(pl.lit(may)).then(pl.col(c.name)).alias(c.name) for c, may in pairs)
            rows = np.flatnonzero(np.logical_or.reduce([may.to_numpy() for may in allowed]))
            if not len(rows):
                raise SpecError(complain("users who consented", "none", spec.name, "leave it out"))
            encoder, found = fit_features(spec, own[rows], cache, progress)
            encoders.append(encoder)
            features.append(_spread(found, rows, len(users)))
            read += [column.name for column in columns]
        return cls(tuple(encoders), tuple(features), tuple(dict.fromkeys(read)))

    @classmethod
    def of_contexts(
        cls,
        content: Sequence[Content],
        log: Interactions,
        rows: NDArray[np.int64],
        schema: Schema,
        sensitive: bool = False,
        cache: Cache | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Encode columns of context, one row per distinct combination of values.

        Values without consent are absent, in the fit as well.

        Args:
            content: Modalities over columns of `log.context` and of `CLOCK`, may be none.
            log: Events.
            rows: int64, events that the encoders are fitted on.
            schema: Names the sensitive columns, and the column that holds the consent to another.
            sensitive: Allow sensitive columns as inputs.
            cache: Store of slow vectors.
            progress: Called as (done, total, label).

        Raises:
            SpecError: A column is neither in `log.context` nor on the clock, is sensitive without
                `sensitive`, or there are no timestamps to read it off.
        """
        table = check_context(content, log, schema, sensitive)
        if not table.width:
            return cls()
        names = table.columns
        distinct = table.unique().sort(names)
        places = distinct.with_row_index(_ROW)
        row_of = table.join(places, on=names, how="left", maintain_order="left", nulls_equal=True)[_ROW]
        encoders = tuple(fit_features(spec, table[rows], cache, progress)[0] for spec in content)
        features = tuple(encoder.transform(distinct) for encoder in encoders)
        kinds = tuple(_kind(table[name]) for name in names)
        return cls(encoders, features, tuple(names), row_of.cast(pl.Int64).to_numpy(), kinds)

    def encode(self, context: Mapping[str, Any] | pl.DataFrame) -> list[Features]:
        """Encode the context of a request, one `Features` per modality; a column not given is absent.

        Args:
            context: Values by column for one row (numbers also as their text), or a table of the
                types that `sidelight.data.context.context_rows` gives, for as many rows as it has.
                Columns of no encoder are passed over.

        Raises:
            SpecError: A value has the wrong type, or is not on the clock.
            DataError: A column of a table has another type than in training.
        """
        types = {name: KINDS[kind] for name, kind in zip(self.columns, self.kinds, strict=True)}
        if isinstance(context, pl.DataFrame):
            for name in set(types) & set(context.columns):
                if context[name].dtype != types[name]:
                    found = str(context[name].dtype)
                    raise DataError(complain(f"{name} as {types[name]}, as in training", found, "context"))
            absent = [pl.lit(None, dtype=t).alias(n) for n, t in types.items() if n not in context.columns]
            frame = context.with_columns(absent).select(self.columns)
        else:
            pairs = zip(self.columns, self.kinds, strict=True)
            values = {name: [_value(name, kind, context.get(name))] for name, kind in pairs}
            frame = pl.DataFrame(values, schema=types)
        return [encoder.transform(frame) for encoder in self.encoders]

    def without_rows(self) -> Self:
        """Return the encoders without any row: all that `encode` needs, and nothing of single events."""
        bare = (Features(f.name, f.values[:0], f.present[:0], f.names) for f in self.features)
        return replace(self, features=tuple(bare), row_of=self.row_of[:0])

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return arrays and options for `restore`, without `row_of`."""
        arrays: dict[str, Any] = {}
        modalities = []
        for at, (encoder, f) in enumerate(zip(self.encoders, self.features, strict=True)):
            inner, meta = modality_state(at, encoder, f)
            arrays |= inner
            modalities.append(meta)
        meta = {"modalities": modalities, "columns": list(self.columns), "kinds": list(self.kinds)}
        return arrays, meta

    @classmethod
    def restore(cls, arrays: dict[str, Any], meta: dict[str, Any]) -> Self:
        """Restore the result of `state`."""
        found = [restored_modality(at, arrays, each) for at, each in enumerate(meta["modalities"])]
        encoders, features = (tuple(side) for side in zip(*found, strict=True)) if found else ((), ())
        kinds = tuple(meta.get("kinds", ["clock"] * len(meta["columns"])))
        return cls(encoders, features, tuple(meta["columns"]), kinds=kinds)


NOTHING = SideFeatures()
"""Side features of models that use histories alone."""


def check_users(content: Sequence[Content], schema: Schema, sensitive: bool) -> None:
    """Refuse user columns that are unknown, or sensitive without `sensitive`, before any slow work."""
    for spec in _several(content, "users"):
        for name in _columns_of(spec):
            _unless_sensitive(schema.find("users", name), sensitive, "users")


def check_context(
    content: Sequence[Content], log: Interactions, schema: Schema, sensitive: bool
) -> pl.DataFrame:
    """Return the context columns that are read, one row per event; see `of_contexts` for refusals."""
    names = [name for spec in _several(content, "context") for name in _columns_of(spec)]
    for column in schema.interactions:
        if column.name in names:
            _unless_sensitive(column, sensitive, "context")
    return context_rows(log, schema, list(dict.fromkeys(names)))


def _spread(features: Features, rows: NDArray[np.int64], n_rows: int) -> Features:
    """Return features of all rows, absent in those that are not in `rows`."""
    if len(rows) == n_rows:
        return features
    ones = np.ones(len(rows), dtype=np.float32)
    put = sp.csr_matrix((ones, (rows, np.arange(len(rows)))), shape=(n_rows, len(rows)))
    present = np.zeros(n_rows, dtype=np.bool_)
    present[rows] = features.present
    return Features(features.name, put @ features.values, present, features.names)


def _unless_sensitive(column: Column, sensitive: bool, option: str) -> None:
    if column.sensitive and not sensitive:
        fix = "leave it out, or say sensitive=True"
        raise SpecError(
            complain("columns that are not sensitive", repr(column.name), f"option {option!r}", fix)
        )


def _several(content: Sequence[Content], option: str) -> Sequence[Content]:
    if not isinstance(content, list | tuple):
        fix = f'write {option}=(Categories("{"plan" if option == "users" else "hour"}"),) with a comma'
        raise SpecError(complain(f"{option} as a tuple", f"a {type(content).__name__}", fix=fix))
    return content


def _columns_of(spec: Content) -> tuple[str, ...]:
    """Return the columns that a spec reads, which decide about consent and sensitivity."""
    columns: tuple[str, ...] = getattr(spec, "columns", ())
    if not columns:
        raise SpecError(complain("a spec that names its columns", repr(spec), "option 'users' or 'context'"))
    return columns


def _kind(values: pl.Series) -> str:
    """Return the kind of a context column, see `KINDS`; whole numbers come off the clock alone."""
    found = [kind for kind, dtype in KINDS.items() if values.dtype == dtype]
    if not found:
        expected = f"one of {', '.join(map(str, KINDS.values()))}"
        raise DataError(complain(expected, str(values.dtype), f"context {values.name!r}"))
    return found[0]


def _value(name: str, kind: str, value: Any) -> Any:
    """Convert a value of a request to the type of its column; None is absent."""
    if value is None:
        return None
    if kind == "clock":
        return _clock_value(name, value)
    if kind == "number":
        return _number(name, value)
    fits = {
        "text": lambda v: isinstance(v, str),
        "truth": lambda v: isinstance(v, bool),
        "labels": lambda v: isinstance(v, list | tuple) and all(isinstance(e, str) for e in v),
        "vector": lambda v: isinstance(v, list | tuple) and all(isinstance(e, int | float) for e in v),
    }
    if not fits[kind](value):
        raise SpecError(complain(f"{_EXPECTED[kind]} for {name}", repr(value), "context"))
    return list(value) if isinstance(value, tuple) else value


def _clock_value(name: str, value: Any) -> int:
    low, high = CLOCK[name]
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = low - 1
    if not low <= number <= high:
        raise SpecError(complain(f"{name} from {low} to {high}", repr(value), "context"))
    return number


def _number(name: str, value: Any) -> float:
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        raise SpecError(complain(f"a number for {name}", repr(value), "context"))
    return number
