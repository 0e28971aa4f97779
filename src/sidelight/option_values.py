"""Checks of a value against a type: kinds, ranges and protocols, from Python as from text."""

from __future__ import annotations

import dataclasses
import inspect
import math
import numbers
import os
import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

NONE = "none"  # TOML has no null
LARGEST = 1e30  # float32 overflows not far above


@dataclasses.dataclass(frozen=True)
class Range:
    """Interval in mathematical notation, e.g. "[0, 1)" or "(0, inf)"."""

    text: str

    def __contains__(self, value: float) -> bool:
        low, high = self._ends
        above = low <= value if self.text[0] == "[" else low < value
        return above and (value <= high if self.text[-1] == "]" else value < high)

    def __str__(self) -> str:
        low, high = self._ends
        least = f"{'>=' if self.text[0] == '[' else '>'} {low:g}"
        if high == math.inf:
            return least
        return f"{least} and < {high:g}" if high == LARGEST else f"in {self.text}"

    @cached_property
    def _ends(self) -> tuple[float, float]:
        low, high = self.text[1:-1].split(",")
        return float(low), float(high)


class OptionError(Exception):
    """Value of another type than its option, or out of range.

    Args:
        expected: Spelling of the type.
        value: The innermost wrong value.
    """

    def __init__(self, expected: str, value: Any = None) -> None:
        super().__init__(expected)
        self.value = value


def fit_value(value: Any, kind: Any) -> Any:
    """Fit a value to a declared type: lists become tuples, whole numbers floats.

    A bool is no number, a text is no list of texts, and NaN and infinity are no numbers. The text
    "none" is None where the type allows None but not that text.

    Raises:
        OptionError: The value is of another type, or out of range.
    """
    if type(value) is kind and kind in (int, str, bool):
        return value
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any or kind is object:
        return value
    if origin is Annotated:
        return _within(value, kind, args)
    if origin in (Union, types.UnionType):
        return _any_of(value, args)
    if origin is Literal:
        plain = _plain(value)
        return _require(plain, any(plain == a and type(plain) is type(a) for a in args), kind)
    if isinstance(kind, typing.NewType):
        return fit_value(value, kind.__supertype__)
    if origin is type:
        return _require(value, isinstance(value, type), kind)
    if (origin or kind) in (tuple, list, Sequence):
        return _sequence(value, kind, origin or kind, args)
    if (origin or kind) in (dict, Mapping):
        _require(value, isinstance(value, Mapping), kind)
        return (
            {fit_value(k, args[0]): fit_value(v, args[1]) for k, v in value.items()} if args else dict(value)
        )
    return _one(value, kind)


def spell(kind: Any) -> str:
    """Spell a type in words."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return f"{spell(args[0])} {limits(kind)}"
    if origin is Literal:
        return " or ".join(repr(a) for a in args)
    if origin in (Union, types.UnionType):
        return " or ".join(spell(k) for k in args)
    if kind is types.NoneType:
        return repr(NONE)
    if origin in (tuple, list, Sequence):
        fixed = origin is tuple and args[-1] is not Ellipsis
        return f"list of {', '.join(spell(k) for k in args)}" if fixed else f"list of {spell(args[0])} values"
    name: str = getattr(kind, "__name__", str(kind))
    return f"{name} with {', '.join(members(kind))}" if getattr(kind, "_is_protocol", False) else name


def limits(kind: Any) -> str:
    """Return the ranges of an annotated type, e.g. ">= 1"."""
    base, *beside = get_args(kind)
    long = "of length " if base is str or get_args(base) else ""
    return " and ".join(f"{long}{limit}" for limit in beside if isinstance(limit, Range))


def _plain(value: Any) -> Any:
    """Convert a scalar of numpy to Python's own."""
    return value.item() if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0 else value


def _one(value: Any, kind: Any) -> Any:
    if kind is types.NoneType:
        return _require(None, value is None or (isinstance(value, str) and value == NONE), kind)
    if kind in (int, float):
        known = numbers.Integral if kind is int else numbers.Real
        _require(value, isinstance(value, known) and not isinstance(value, bool), kind)
        return _number(value, kind)
    if kind is Path:
        return Path(_require(value, isinstance(value, (str, os.PathLike)), kind))
    if kind is str:  # numpy's texts are texts
        return str.__str__(_require(value, isinstance(value, str), kind))
    if kind is bool:
        return _require(value, type(value) is bool, kind)
    if getattr(kind, "_is_protocol", False):
        return _require(value, _satisfies(value, kind), kind)
    kind = get_origin(kind) or kind
    several = kind in (Iterable, Collection) and isinstance(value, (str, bytes, Mapping))
    return _require(value, isinstance(kind, type) and isinstance(value, kind) and not several, kind)


def _number(value: Any, kind: Any) -> Any:
    try:
        number = kind(value)
    except OverflowError:
        raise OptionError("float below 1e308", value) from None
    if not math.isfinite(number):
        raise OptionError(f"finite {spell(kind)}", value)
    return number


def _within(value: Any, kind: Any, args: tuple[Any, ...]) -> Any:
    try:
        fitted = fit_value(value, args[0])
    except OptionError as error:
        raise OptionError(str(error) if get_args(args[0]) else spell(kind), error.value) from None
    size = len(fitted) if hasattr(fitted, "__len__") else fitted
    _require(fitted, all(size in limit for limit in args[1:] if isinstance(limit, Range)), kind)
    return fitted


def _any_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    # Text before None, so that an option that may be text keeps "none"; int before float.
    bare = {k: get_args(k)[0] if get_origin(k) is Annotated else k for k in kinds}
    for kind in sorted(kinds, key=lambda k: (k is types.NoneType, bare[k] is float)):
        try:
            return fit_value(value, kind)
        except OptionError:
            continue
    raise OptionError(" or ".join(spell(k) for k in kinds), value)


def _sequence(value: Any, kind: Any, origin: Any, args: tuple[Any, ...]) -> Any:
    _require(value, isinstance(value, (list, tuple, range) if origin is Sequence else (list, tuple)), kind)
    fixed = origin is tuple and args and args[-1] is not Ellipsis
    _require(value, not fixed or len(value) == len(args), kind)
    if not fixed and args and args[0] in (int, str) and all(type(v) is args[0] for v in value):
        return value if type(value) in (origin, range) else (list if origin is list else tuple)(value)
    inner = args if fixed else (args[:1] or (Any,)) * len(value)
    kept = [fit_value(v, k) for v, k in zip(value, inner, strict=True)]
    made = list if origin is list else tuple
    same = type(value) is made and all(a is b for a, b in zip(kept, value, strict=True))
    return value if same else made(kept)


def _satisfies(value: Any, protocol: type[Any]) -> bool:
    """Return whether an object has a protocol's members, and its methods take the required arguments."""
    if isinstance(value, type):
        return False
    cls: Any = type(value)
    wanted: Any = protocol
    return _takes(cls, wanted) and all(hasattr(value, name) for name in members(wanted))


@cache
def members(protocol: Any) -> tuple[str, ...]:
    """Return the names of the attributes and methods of a protocol."""
    own = [base for base in protocol.__mro__ if getattr(base, "_is_protocol", False)]
    names: Iterable[str] = (n for b in own for n in {**vars(b), **vars(b).get("__annotations__", {})})
    return tuple(sorted({name for name in names if not name.startswith("_")}))


@cache
def _takes(cls: Any, protocol: Any) -> bool:
    for name in members(protocol):
        wanted, found = getattr(protocol, name, None), getattr(cls, name, None)
        if not inspect.isfunction(wanted) or not callable(found):
            continue
        try:
            given = inspect.signature(found).parameters
        except ValueError:  # a builtin of another kind of object
            return False
        if any(p.kind is p.VAR_KEYWORD for p in given.values()):
            continue
        needed = [p.name for p in inspect.signature(wanted).parameters.values() if p.default is p.empty]
        if not all(name in given for name in needed):
            return False
    return True


def _require(value: Any, holds: bool, kind: Any) -> Any:
    if not holds:
        raise OptionError(spell(kind), value)
    return value
