"""Errors with the expected and the found value, the place, and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SidelightError(Exception):
    """Base of every error that a wrong input can cause; the command line prints it in one line.

    Examples:
        >>> import sidelight as sl
        >>> try:
        ...     sl.EASE(reg=-1.0)
        ... except sl.SidelightError as error:
        ...     print(type(error).__name__)
        SpecError
    """


class DataError(SidelightError, ValueError):
    """Error of a table, a column or a row."""


class SpecError(SidelightError, ValueError):
    """Error of an option, a spec file or a combination of options."""


class UnknownIdError(SidelightError, KeyError):
    """Error of an outside id that is not in the catalogue."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BundleError(SidelightError):
    """Error of a saved folder that is damaged, incomplete or of another version."""


class MissingExtraError(SidelightError, ImportError):
    """Error of an optional package that is not installed."""


def complain(expected: str, found: str, where: str = "", fix: str = "") -> str:
    """Format an error message on one line: expected; found; where; what to do.

    Examples:
        >>> complain("a column 'user_id'", "'usr_id'", "shop/clicks.csv", "rename it")
        "expected a column 'user_id'; found 'usr_id'; in shop/clicks.csv; rename it"
    """
    parts = f"expected {expected}", f"found {found}", where and f"in {where}", fix
    return "; ".join(part for part in parts if part)


def shown(value: object, width: int = 80) -> str:
    r"""Format a found value for an error message, on one line of at most `width` characters.

    Examples:
        >>> shown(["a\nb"] * 3)
        "['a\\nb', 'a\\nb', 'a\\nb']"
    """
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # a whole number of thousands of digits
        text = f"a {type(value).__name__} that is too long to show"
    return text if len(text) <= width else f"{text[: width - 3]}..."


def first_line(error: BaseException) -> str:
    """Return the first line of the text of an exception, or its class where it has no text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Return a hint with the nearest valid name, or the valid names when none is near.

    Examples:
        >>> did_you_mean("usr_id", ["user_id", "item_id"])
        "did you mean 'user_id'?"
    """
    names = list(valid)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(repr(n) for n in names[:12])
    return f"valid names: {shown}{', ...' if len(names) > 12 else ''}"


def missing_extra(package: str, extra: str, purpose: str) -> MissingExtraError:
    """Return the error for an optional package that is absent, with the command that installs it."""
    fix = f"run: pip install 'sidelight[{extra}]'"
    return MissingExtraError(
        complain(f"the package {package!r} for {purpose}", "it is not installed", fix=fix)
    )
