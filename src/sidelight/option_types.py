"""Type checks of the options of a spec against their annotations, from Python as from text.

`checked` makes a dataclass check itself. A range is written where the type is, e.g. `reg: Positive`
or `share: Annotated[float, Range("(0, 1]")]`; of a text or a tuple it limits the length.
"""

from __future__ import annotations

import builtins
import dataclasses
import difflib
import inspect
import typing
from collections import ChainMap, defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from sidelight.errors import SpecError, complain, shown
from sidelight.option_values import OptionError, Range, fit_value, limits, members, spell

T = TypeVar("T")
_HINTS: dict[type[Any], dict[str, Any]] = {}

SOME = Range("[1, inf)")  # of a tuple: not empty
Count = Annotated[int, Range("[1, inf)")]
Natural = Annotated[int, Range("[0, inf)")]
Seed = Annotated[int, Range("[0, 9007199254740992]")]  # 2^53: the same number in JSON and TOML
Dim = Annotated[int, Range("[1, 16384]")]  # products of size dim x dim are held in memory
Positive = Annotated[float, Range("(0, 1e30)")]
NonNegative = Annotated[float, Range("[0, 1e30)")]
Share = Annotated[float, Range("[0, 1]")]
PartShare = Annotated[float, Range("[0, 1)")]
SomeShare = Annotated[float, Range("(0, 1]")]
OpenShare = Annotated[float, Range("(0, 1)")]
Multiple = Annotated[float, Range("[1, 1e30)")]
Power = Annotated[float, Range("(0, 100]")]  # of a cosine: beyond it float32 has zeros only
Classes = Annotated[int, Range("[2, 65536]")]
Label = Annotated[str, Range("[1, 1024]")]


def checked(cls: type[T]) -> type[T]:
    """Make a dataclass check its options when it is made; stands below `@dataclass`.

    Each value is fitted to its annotation, see `fit_value`; `__post_init__` runs after that. A dataclass
    with an `__init__` of its own calls `check` itself.

    Examples:
        >>> @dataclasses.dataclass(frozen=True)
        ... @checked
        ... class Smooth:
        ...     width: Count = 3
        >>> Smooth(width=0)
        Traceback (most recent call last):
        sidelight.errors.SpecError: expected width >= 1 of type int; found 0; in option 'width' of Smooth
    """
    after = vars(cls).get("__post_init__")

    def post_init(self: T) -> None:
        check(self)
        if after is not None:
            after(self)

    cls.__post_init__ = post_init  # type: ignore[attr-defined]
    return cls


def check(spec: Any) -> None:
    """Fit every option of a dataclass to its annotation, in place.

    Raises:
        SpecError: An option has another type or is out of range; the first one is named.
    """
    cls = type(spec)
    for name, kind in hints(cls).items():
        value = getattr(spec, name)
        fitted = option(cls, name, value, kind)
        if fitted is not value:
            object.__setattr__(spec, name, fitted)


def option(cls: type[Any], name: str, value: Any, kind: Any) -> Any:
    """Fit the value of one option to its annotation.

    Raises:
        SpecError: It has another type or is out of range.
    """
    return require(value, kind, name, f"option {name!r} of {cls.__name__}")


def require(value: Any, kind: Any, name: str, where: str) -> Any:
    """Fit a value to a type, see `fit_value`, for the arguments of a function.

    Raises:
        SpecError: It has another type or is out of range.
    """
    try:
        return fit_value(value, kind)
    except OptionError as error:
        expected, fix = f"a value of type {error}", _advice(error.value, kind)
        if get_origin(kind) is Annotated and not get_args(base := get_args(kind)[0]):
            expected = f"{name} {limits(kind)} of type {spell(base)}"
        raise SpecError(complain(expected, shown(error.value), where, fix)) from None


def check_call(function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Check the arguments of a call against the annotations of its function; its first statement.

    Args:
        function: The function itself, or the method of its class.
        given: `locals()`, or those of them that nothing else checks.

    Raises:
        SpecError: An argument has another type or is out of range; the first one is named.
    """
    for name, kind in _argument_hints(function).items():
        if name in given:
            require(given[name], kind, name, f"argument {name!r} of {function.__qualname__}")


@cache
def _argument_hints(function: Callable[..., Any]) -> dict[str, Any]:
    # Names that are imported for type checkers alone may be anything.
    names = ChainMap(getattr(function, "__globals__", {}), vars(builtins), defaultdict(lambda: Any))
    found = typing.get_type_hints(function, localns=names, include_extras=True)
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    single = [p.name for p in inspect.signature(function).parameters.values() if p.kind not in several]
    return {name: found[name] for name in single if name in found}


def hints(cls: type[Any]) -> dict[str, Any]:
    """Return the declared type of each option of a dataclass."""
    if cls not in _HINTS:
        try:
            found = typing.get_type_hints(cls, include_extras=True)
        except NameError as error:
            raise SpecError(f"the types of {cls.__name__}'s options cannot be read: {error}") from None
        _HINTS[cls] = {field.name: found[field.name] for field in dataclasses.fields(cls) if field.init}
    return _HINTS[cls]


def _advice(value: Any, kind: Any) -> str:
    """Return advice for a wrong value, or ""."""
    if isinstance(value, type):
        return f"make one: {value.__name__}(...)"
    if getattr(kind, "_is_protocol", False) and hasattr(value, "fit") and "fit" not in members(kind):
        return "fit it first"
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(kind) is Literal and isinstance(value, str):
        near = difflib.get_close_matches(value, [str(a) for a in get_args(kind)], n=1)
        return f"did you mean {near[0]!r}?" if near else ""
    many = (get_origin(kind) or kind) is tuple
    if many and dataclasses.is_dataclass(value):
        return f"write ({type(value).__name__}(...),) with a comma"
    return f"write {kind.__name__}(...)" if dataclasses.is_dataclass(kind) and isinstance(kind, type) else ""
