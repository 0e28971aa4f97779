"""Parser of lists in one cell of text: JSON, Python, PostgreSQL, numpy, a|b."""

from __future__ import annotations

import ast
import contextlib
import json
import re
from typing import Any

import polars as pl

MARKS = ("|", ";", ",", "\n", "\t", "•")  # what joins labels without brackets
_CALL = (
    r"(?s)^\s*(?:np\.|pd\.)?(?:array|Index|set|frozenset|list|tuple|c|Array|List|WrappedArray)\((.*)\)\s*$"
)
_OBJECT = r"(?s)^\s*\{\s*(?:\"[^\"]*\"|'[^']*'|\w+)\s*:"
_BRACKETS = r"(?s)^\s*(?:\[.*\]|\{.*\}|\(.*[,'\"].*\))\s*$"
_NONE = ("None", "NULL", "null", "nan", "NaN", "<NA>")
_QUOTED = re.compile(
    r"[ubUB]?(?P<sign>['\"])(?P<body>(?:\\.|(?P=sign){2}|(?!(?P=sign))[^\\])*+)(?P=sign)", re.DOTALL
)
_DOUBLE = re.compile(r"(?P<sign>\")(?P<body>(?:\"\"|[^\"])*+)\"", re.DOTALL)
_NAMED = ("name", "label", "title", "value")


def bracketed(text: pl.Series) -> pl.Series:
    """Mark cells that are a list in brackets (an object with keys is none)."""
    bare = uncalled(text)
    return bare.str.contains(_BRACKETS) & ~bare.str.contains(_OBJECT)


def objects(text: pl.Series) -> pl.Series:
    """Mark cells that are one object with keys."""
    return text.str.contains(_OBJECT) & text.str.contains(r"(?s)\}\s*$")


def split_cells(text: pl.Series, mark: str = "") -> pl.Series:
    """Split each cell into its members, List(String); null where the cell is.

    Cells in brackets are read as the program wrote them: quotes and escapes are undone, a separator
    inside quotes separates nothing, nested lists stay one member, an object is its name. Members
    without quotes that no cell divides by a comma are divided by blanks, as numpy writes them.
    Other cells are divided at `mark`; what only looks like a list stays one member.

    Args:
        text: String.
        mark: One of `MARKS`, or "" for cells that are one label.
    """
    known = text.drop_nulls().unique()
    inside = known.filter(bracketed(known).fill_null(False))
    blanks = not inside.str.contains(r"[,;'\"|]").any()
    bare = dict(zip(known.to_list(), uncalled(known).to_list(), strict=True))
    lists = set(inside.to_list())
    read = {cell: _members(bare[cell], blanks) if cell in lists else _joined(cell, mark) for cell in bare}
    return pl.Series(text.name, [None if c is None else read[c] for c in text], dtype=pl.List(pl.String))


def uncalled(text: pl.Series) -> pl.Series:
    """Return the list inside of calls such as array([...], dtype=object) and c(...)."""
    inner = text.str.extract(_CALL).str.replace(r"(?s)([\]})])\s*,\s*(?:dtype|name|index)\s*=.*$", "$1")
    listed = inner.str.contains(r"^\s*[\[{(]")
    return pl.select(
        pl.when(inner.is_null()).then(text).when(listed).then(inner).otherwise("[" + inner + "]")
    ).to_series()


def _members(cell: str, blanks: bool) -> list[str]:
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        parts = _divided(cell.strip()[1:-1], blanks)
        return [cell] if parts is None else parts
    if not isinstance(found, list):
        return [cell] if found else []
    return [_text(m) for m in found if m is not None]


def _text(member: Any) -> str:
    if isinstance(member, dict):
        member = next((member[n] for n in _NAMED if isinstance(member.get(n), str)), member)
    return member if isinstance(member, str) else json.dumps(member, ensure_ascii=False)


def _joined(cell: str, mark: str) -> list[str]:
    if not mark:
        return [cell]
    if '"' not in cell:
        return cell.split(mark)
    parts = _divided(cell, False, mark, _DOUBLE)
    return cell.split(mark) if parts is None else parts


def _divided(
    inside: str, blanks: bool, mark: str = ",", quoted: re.Pattern[str] = _QUOTED
) -> list[str] | None:
    """Split the text between brackets into members; None where a bracket does not close.

    Args:
        inside: The text between the brackets.
        blanks: Divide members without quotes at blanks.
        mark: Separator of members.
        quoted: A member in quotes, with the group "body".
    """
    out: list[str] = []
    at, start, depth, last = 0, 0, 0, mark  # last: the sign before, blanks left out

    def add(word: str) -> None:
        if word and word not in _NONE:
            out.extend(word.split() if blanks else [_literal(word)])

    while at < len(inside):
        member = quoted.match(inside, at) if last in (mark, *"[{(,:") else None
        if member and depth:  # brackets inside its quotes count for nothing
            at, last = member.end(), member["sign"]
            continue
        if member:
            out.append(_unquoted(member))
            at = start = member.end()
            if not re.match(rf"\s|$|{re.escape(mark)}", inside[at : at + 1]):
                return None
            continue
        sign = inside[at]
        depth += (sign in "[{(") - (sign in ")}]")
        if depth < 0:
            return None
        if sign == mark and not depth:
            add(inside[start:at].strip())
            start = at + 1
        last = last if sign.isspace() else sign
        at += 1
    add(inside[start:].strip())
    return None if depth else out


def _unquoted(member: re.Match[str]) -> str:
    """Return the text of a quoted member without its quotes and escapes."""
    sign, body = member["sign"], member["body"]
    if "\\" in body:
        try:
            return str(ast.literal_eval(sign + body + sign))
        except (ValueError, SyntaxError):
            return re.sub(r"\\(.)", r"\1", body)
    return body.replace(sign * 2, sign)


def _literal(word: str) -> str:
    """Return a member without quotes; an object of Python by its name."""
    if word.startswith("{"):
        with contextlib.suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            return _text(ast.literal_eval(word))
    return word
