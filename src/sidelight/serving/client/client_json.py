"""JSON of the client: request bodies to bytes, and responses back to the engine's dataclasses.

Keys that a newer service adds are ignored, and a key that an older one does not send takes its default.
"""

from __future__ import annotations

import base64
import json
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar, cast

from sidelight.errors import SpecError, complain

T = TypeVar("T")


def encode(body: Mapping[str, Any]) -> bytes:
    """Encode a body as JSON: bytes as base64, times as ISO 8601, numpy arrays and scalars as plain values.

    Raises:
        SpecError: A value has no JSON form.
    """
    try:
        return json.dumps(body, default=_plain, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        fix = "write None for missing values"
        raise SpecError(complain("values that JSON can represent", str(error), "the request", fix)) from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date):  # also datetime
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__}")


def decode(kind: type[T], value: Any) -> T:
    """Convert a JSON value to a type: a dataclass, a tuple of them, a number, a text or a flag.

    Raises:
        ValueError: The value does not fit; the message names the place, never the value.
    """
    converted: T = _convert(kind, value, kind.__name__)
    return converted


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:  # always with None
        return None if value is None else _convert(parts[0], value, where)
    if isinstance(hint, type) and is_dataclass(hint):
        return _record(hint, value, where)
    if origin is tuple and isinstance(value, list):
        inner = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        if len(inner) == len(value):
            return tuple(_convert(each, part, where) for each, part in zip(inner, value, strict=True))
    if origin is Mapping and isinstance(value, dict):
        return {name: _convert(parts[1], part, where) for name, part in value.items()}
    if hint is datetime and isinstance(value, str):
        return datetime.fromisoformat(value)
    if hint is float and type(value) in (int, float):
        return float(value)
    if hint is Any or (hint in (str, int, bool) and type(value) is hint):
        return value
    raise ValueError(f"another type at {where}")


def _record(kind: type[Any], value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"no object at {where}")
    given = {}
    for name, hint, needed in _fields(cast(Hashable, kind)):
        if name in value:
            given[name] = _convert(hint, value[name], f"{where}.{name}")
        elif needed:
            raise ValueError(f"nothing at {where}.{name}")
    return kind(**given)


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, Any, bool], ...]:
    """Name, type and need for a value of each field; a field with a default needs none."""
    hints = typing.get_type_hints(kind)
    return tuple(
        (f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(kind)
    )
