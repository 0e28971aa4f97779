"""Specs as text: frozen dataclasses of options to TOML and back, with helpful errors.

The TOML form is the class and its options, nested as the specs are::

    use = "EASE"   # a class that sidelight exports; others are "package.module:Class"
    reg = 30.0

The same line works for a dataclass of any installed package. Reading a spec imports the module it
names, so a spec file deserves the trust that a script does.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, TypeGuard, TypeVar

import tomli_w

from sidelight import renamed
from sidelight.errors import SpecError, complain, did_you_mean
from sidelight.option_types import hints, option
from sidelight.option_values import NONE

USE = "use"
T = TypeVar("T")


def to_dict(spec: object) -> dict[str, Any]:
    """Convert a spec to plain dicts, lists, text, numbers, booleans and None, with options at default.

    Raises:
        SpecError: The object is no dataclass, cannot be found again by name, or holds a value that
            text cannot carry or that its option does not allow.
    """
    if not _is_spec(spec):
        raise SpecError(complain("a spec (a dataclass of options)", f"a {type(spec).__name__}"))
    cls = type(spec)
    if "<locals>" in cls.__qualname__:
        fix = "move the class to the top of a module"
        raise SpecError(complain("a class that a module exports", cls.__qualname__, fix=fix))
    out: dict[str, Any] = {USE: _name_of(cls)}
    for name, kind in hints(cls).items():
        out[name] = _plain(option(cls, name, getattr(spec, name), kind), f"{cls.__name__}.{name}")
    return out


def from_dict(options: Mapping[str, Any], importing: bool = True) -> Any:
    """Build the spec that `to_dict` described.

    Args:
        options: `use` and the options by name.
        importing: Import the modules that are named. False, for files from untrusted sources, finds
            only classes of Sidelight and of modules that are imported already.

    Raises:
        SpecError: No `use`, an unknown class, an unknown or missing option (the nearest valid name
            is given), or a value of another type than the option has.
    """
    if not isinstance(options, Mapping) or not isinstance(options.get(USE), str):
        found = f"the options {sorted(options)}" if isinstance(options, Mapping) else repr(options)
        raise SpecError(complain(f'a spec with {USE} = "CLASS"', found))
    use: str = options[USE]
    cls = resolve(use, importing)
    types = hints(cls)
    given: dict[str, Any] = {}
    for name, value in options.items():
        if name == USE:
            continue
        name, value = _current(cls, name, value)
        if name not in types:
            raise SpecError(f"{cls.__name__} has no option {name!r}; {did_you_mean(name, types)}")
        given[name] = option(cls, name, _nested(value, importing), types[name])
    return _make(cls, given)


def former_options(cls: type[T]) -> type[T]:
    """Accept the former option names of a dataclass in Python as well, with a `DeprecationWarning`.

    It stands above `@dataclass`; the names are those of `renamed.OPTIONS` and `renamed.MOVED`.
    """
    plain_init = cls.__init__

    @functools.wraps(plain_init)
    def init(self: T, *args: Any, **given: Any) -> None:
        for name in list(given):
            present, value = _current(cls, name, given[name])
            if present != name:
                renamed.warn_renamed(f"{cls.__name__}({name}=...)", f"{present}=...", 2)
                del given[name]
                given[present] = _nested(value, importing=False)
        plain_init(self, *args, **given)

    cls.__init__ = init  # type: ignore[assignment, method-assign]
    return cls


def _current(cls: type[Any], name: str, value: Any) -> tuple[str, Any]:
    """Return the present name and value of an option that may have the former ones."""
    name = renamed.OPTIONS.get(cls.__name__, {}).get(name, name)
    if isinstance(value, str):
        value = renamed.VALUES.get(cls.__name__, {}).get(name, {}).get(value, value)
    use = value.get(USE) if isinstance(value, Mapping) else type(value).__name__
    moved = renamed.MOVED.get(cls.__name__, {}).get(name, {})
    return moved.get(str(use).rpartition(":")[2], name), value


def resolve(use: str, importing: bool = True) -> type[Any]:
    """Return the class of a `use` line: "EASE" (exported by sidelight) or "package.module:Class"."""
    module_name, colon, name = use.partition(":")
    if not colon:
        package, names = importlib.import_module("sidelight"), _public()
        use = renamed.CLASSES.get(use, use)
        if use not in names:
            fix = 'or write "package.module:Class"'
            raise SpecError(f"sidelight has no spec {use!r}; {did_you_mean(use, names)}, {fix}")
        return _class(getattr(package, use), use)
    if not (importing or module_name in sys.modules or module_name.startswith("sidelight.")):
        fix = f"import {module_name} before, if you trust it"
        raise SpecError(complain("a class of sidelight or of an imported module", repr(use), fix=fix))
    try:
        found: Any = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        present = renamed.CLASSES.get(name, name)
        if module_name.startswith("sidelight.") and present in _public():
            return resolve(present)  # a path of an earlier version
        raise SpecError(complain(f"a class to import as {use!r}", str(error), fix="check its path")) from None
    return _class(found, use)


def _public() -> list[str]:
    """Return the names of the specs that `sidelight` exports."""
    return [name for name in importlib.import_module("sidelight").__all__ if name[:1].isupper()]


def _name_of(cls: type[Any]) -> str:
    """Return the exported name of a class, which outlives a move between modules, else its path."""
    name = cls.__name__
    if name in _public() and getattr(importlib.import_module("sidelight"), name) is cls:
        return name
    return f"{cls.__module__}:{cls.__qualname__}"


def load(path: str | Path) -> Any:
    """Load the spec in a TOML file."""
    try:
        options = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(complain("a TOML file", str(error), str(path))) from None
    except OSError as error:
        raise SpecError(complain("a spec file", error.strerror or str(error), str(path))) from None
    try:
        return from_dict(options)
    except SpecError as error:
        raise SpecError(f"{error}; in {path}") from None


def dump(spec: object) -> str:
    """Return the TOML text that `load` reads back as an equal spec.

    Raises:
        SpecError: As `to_dict`; also for a None that TOML, which has no null, cannot carry.
    """
    text = tomli_w.dumps(_without_null(to_dict(spec)))
    # Short lists on one line. A line that ends in "[" opens a list: text is quoted to its end.
    for _ in range(3):
        text = re.sub(r"\[\n((?: +(?![ \]])[^\n]*[^\n\[{],\n)+) *\]", _one_line, text)
    return text


def _one_line(found: re.Match[str]) -> str:
    # TOML quotes only some of the characters that Python takes for a line break or a blank.
    short = f"[{', '.join(line.strip(' ')[:-1] for line in found[1].split(chr(10))[:-1])}]"
    return short if len(short) <= 80 else found[0]


def spec_hash(spec: object) -> str:
    """Return the sha256 in hex over class and options: equal for equal specs, in any spelling."""
    text = json.dumps(to_dict(spec), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_spec(value: object) -> TypeGuard[Any]:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _class(found: object, use: str) -> type[Any]:
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        kind = f"a {type(found).__name__}" if not isinstance(found, type) else "a class that is none"
        raise SpecError(complain(f"{use!r} to name a dataclass", kind))
    return found


def _varargs(cls: type[Any]) -> str:
    """Return the name of the option that the constructor takes as `*columns`, or ""."""
    kinds = inspect.signature(cls).parameters.values()
    return next((p.name for p in kinds if p.kind is p.VAR_POSITIONAL), "")


def _plain(value: Any, where: str) -> Any:
    if _is_spec(value):
        return to_dict(value)
    if isinstance(value, (list, tuple)):
        return [_plain(v, where) for v in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(v, where) for key, v in value.items()}
    if isinstance(value, Path):
        return value.as_posix()
    if type(value) in (NoneType, bool, int, float, str):
        return value
    expected = "text, a number, a boolean, None, a spec, or a list or table of them"
    raise SpecError(complain(expected, f"a {type(value).__name__}", where))


def _nested(value: Any, importing: bool) -> Any:
    """Build the specs inside a value, innermost first."""
    if isinstance(value, Mapping):
        if USE in value:
            return from_dict(value, importing)
        return {key: _nested(v, importing) for key, v in value.items()}
    return [_nested(v, importing) for v in value] if isinstance(value, (list, tuple)) else value


def _make(cls: type[Any], given: dict[str, Any]) -> Any:
    many = _varargs(cls)
    columns = given.pop(many, ()) if many else ()
    for name, parameter in inspect.signature(cls).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name in given:
            continue
        if parameter.default is parameter.empty:
            raise SpecError(complain(f"a value for the option {name!r} of {cls.__name__}", "none"))
    return cls(*columns, **given)


def _without_null(options: dict[str, Any]) -> dict[str, Any]:
    """Prepare options for TOML: a None is left out where it is the default, else the text "none"."""
    cls = resolve(options[USE]) if USE in options else None
    types = hints(cls) if cls else {}
    defaults = {n: p.default for n, p in inspect.signature(cls).parameters.items()} if cls else {}
    out = {}
    for name, value in options.items():
        if value is None and defaults.get(name, NONE) is None:
            continue
        if value is None and (cls is None or option(cls, name, NONE, types[name]) is not None):
            raise SpecError(complain("a value that TOML has", "None", f"option {name!r}"))
        out[name] = NONE if value is None else _each(value)
    return out


def _each(value: Any) -> Any:
    if isinstance(value, list):
        if None in value:
            raise SpecError(complain("values that TOML has", "None in a list"))
        return [_each(v) for v in value]
    return _without_null(value) if isinstance(value, dict) else value
