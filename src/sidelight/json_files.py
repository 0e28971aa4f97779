"""JSON: plain values of any object and back, and files of them, written atomically and read with a check."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from sidelight.manifest import damaged
from sidelight.target_paths import atomic_write

T = TypeVar("T")


def plain(value: Any) -> Any:
    """Convert a value to what JSON can hold.

    Scalars and arrays of numpy are unpacked, NaN and infinity become None, dates ISO 8601 text; any other
    object becomes its text.

    Examples:
        >>> plain({1: (float("nan"), Path("a/b"))})
        {'1': [None, 'a/b']}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def write_json(value: Any, path: Path) -> None:
    """Write a value as a JSON file, whole or not at all; see `plain` for what becomes of its parts."""
    text = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with atomic_write(path) as fresh:
        fresh.write_text(text, encoding="utf-8", newline="\n")


def read_json(path: Path, what: str, *names: str) -> dict[str, Any]:
    """Return the object in a JSON file, which must have the given names.

    Raises:
        BundleError: No such file, or other contents.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, f"the file of {what}", str(error)) from None
    if not isinstance(found, dict) or any(name not in found for name in names):
        raise damaged(path, f"the file of {what}", "something else")
    return found


def decode(kind: type[T], value: Any) -> T:
    """Convert a JSON value to a type: a dataclass, a tuple of them, a number, a text or a flag.

    Keys without a field are ignored, and a field without a key takes its default, so that services and
    clients of different versions understand each other.

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
