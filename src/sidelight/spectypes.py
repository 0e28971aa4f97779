"""Does a value that was read from text fit the type that an option declares?"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from sidelight.errors import SpecError

NONE = "none"  # TOML has no null
EXACT = (bool, int, str)


class MisfitError(Exception):
    """A value is of another type than its option; carries the type's spelling."""


def hints(cls: type[Any]) -> dict[str, Any]:
    """The declared type of each option of a dataclass."""
    try:
        found = typing.get_type_hints(cls)
    except NameError as error:
        raise SpecError(f"the types of {cls.__name__}'s options cannot be read: {error}") from None
    return {field.name: found[field.name] for field in dataclasses.fields(cls) if field.init}


def fit(value: Any, kind: Any) -> Any:
    """The value as the declared type has it: lists become tuples, whole numbers floats.

    A bool is no number, and a text is no list of texts. The text "none" is None where the type
    allows None but not that text.

    Raises:
        MisfitError: The value is of another type.
    """
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any or kind is object:
        return value
    if origin in (Union, types.UnionType):
        return _any_of(value, args)
    if origin is Literal:
        return _require(value, any(value == a and type(value) is type(a) for a in args), kind)
    if isinstance(kind, typing.NewType):
        return fit(value, kind.__supertype__)
    if (origin or kind) in (tuple, list, Sequence):
        return _sequence(value, kind, origin or kind, args)
    if (origin or kind) in (dict, Mapping):
        _require(value, isinstance(value, Mapping), kind)
        return {key: fit(v, args[1]) if args else v for key, v in value.items()}
    return _one(value, kind)


def spell(kind: Any) -> str:
    """A type as a person would write it."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(repr(a) for a in args)
    if origin in (Union, types.UnionType):
        return " or ".join(spell(k) for k in args)
    if kind is types.NoneType:
        return repr(NONE)
    if origin in (tuple, list, Sequence):
        fixed = origin is tuple and args[-1] is not Ellipsis
        return f"list of {', '.join(spell(k) for k in args)}" if fixed else f"list of {spell(args[0])} values"
    return getattr(kind, "__name__", str(kind))


def _one(value: Any, kind: Any) -> Any:
    if kind is types.NoneType:
        return _require(None, value is None or value == NONE, kind)
    if kind is float:
        return float(_require(value, isinstance(value, (int, float)) and not isinstance(value, bool), kind))
    if kind is Path:
        return Path(_require(value, isinstance(value, (str, Path)), kind))
    if kind in EXACT:
        return _require(value, type(value) is kind, kind)
    if getattr(kind, "_is_protocol", False):
        # A protocol is checked where it is used: here any spec may answer it.
        return _require(value, dataclasses.is_dataclass(value), kind)
    return _require(value, isinstance(kind, type) and isinstance(value, kind), kind)


def _any_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    # Text before None, so that an option that may be text keeps "none"; int before float.
    for kind in sorted(kinds, key=lambda k: (k is types.NoneType, k is float)):
        try:
            return fit(value, kind)
        except MisfitError:
            continue
    raise MisfitError(" or ".join(spell(k) for k in kinds))


def _sequence(value: Any, kind: Any, origin: Any, args: tuple[Any, ...]) -> Any:
    _require(value, isinstance(value, (list, tuple)), kind)
    fixed = origin is tuple and args and args[-1] is not Ellipsis
    _require(value, not fixed or len(value) == len(args), kind)
    inner = args if fixed else (args[:1] or (Any,)) * len(value)
    return (list if origin is list else tuple)(fit(v, k) for v, k in zip(value, inner, strict=True))


def _require(value: Any, holds: bool, kind: Any) -> Any:
    if not holds:
        raise MisfitError(spell(kind))
    return value
