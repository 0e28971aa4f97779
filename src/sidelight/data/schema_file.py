"""`sidelight.toml`: the schema in a form that users read and correct."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sidelight.data.schema import ROLES, TABLES, Column, Schema
from sidelight.errors import DataError, SidelightError, complain, did_you_mean
from sidelight.target_paths import atomic_write

_KEYS = {"role": str, "source": str, "sensitive": bool, "known_at_launch": bool, "consent": str, "unit": str}
_TOP = ("version", "files", *TABLES)
_HEAD = """\
# Role of each column. Correct it by hand; `sidelight check` tells whether it still holds.
# role: {roles}.
# source: the name in the file. sensitive: never a feature, always an audit group.
# known_at_launch = false: exists only after release, so never content of a new item.
# consent: the boolean column that allows its use. unit: how the file writes a time (s, ms, us, ns, excel,
# dmy, mdy, or a pattern such as "%d.%m.%Y %H:%M") or the decimal mark of a number ("." or ",").
version = 1
"""
_ABOUT = {
    "interactions": "Events: user_id, item_id, timestamp or position, weight; context stays apart.",
    "items": "Known about items: text, category, tags, number, vector, image_path, image_bytes.",
    "users": "Known about users: category, number; a yes-or-no consent column is context.",
}


def write_schema(schema: Schema, path: str | Path, files: Mapping[str, Sequence[str]] | None = None) -> None:
    """Write a readable sidelight.toml, one line per column.

    Args:
        schema: Schema to write.
        path: The file; it is replaced as a whole.
        files: Names of the files of each table, relative to the folder of `path`.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "sidelight.toml"
        >>> write_schema(Schema(items=(Column("title", "text"),)), path)
        >>> path.read_text().splitlines()[-1]
        'title = { role = "text" }'
    """
    roles = ", ".join(ROLES)
    lines = [_HEAD.format(roles=roles)]
    if files:
        lines.append("[files]")
        lines += [f"{table} = {_value(list(files[table]))}" for table in TABLES if files.get(table)]
        lines.append("")
    for table in TABLES:
        columns = schema.columns(table)
        if columns:
            lines += [f"# {_ABOUT[table]}", f"[{table}]", *(line_of(c) for c in columns), ""]
    with atomic_write(path) as fresh:
        fresh.write_text("\n".join(lines), encoding="utf-8")


def read_schema(path: str | Path) -> Schema:
    r"""Read the schema of a sidelight.toml; a missing table is inferred when the data are read.

    Raises:
        DataError: Not TOML, an unknown key or role (with the nearest valid one), a wrong type.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "sidelight.toml"
        >>> _ = path.write_text('[items]\nprice = { role = "number" }')
        >>> read_schema(path).items[0].role
        'number'
    """
    found = _load(Path(path))
    tables = {t: _table(found.get(t, {}), t, str(path)) for t in TABLES}
    return Schema(**tables)


def read_files(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Read the [files] table of a sidelight.toml: names of files by table, empty when there is none."""
    files = _load(Path(path)).get("files", {})
    out = {}
    for table, names in files.items() if isinstance(files, dict) else ():
        many = [names] if isinstance(names, str) else names
        if table not in TABLES or not isinstance(many, list) or not all(isinstance(n, str) for n in many):
            expected, fix = (
                "[files] with interactions, items, users = names of files",
                did_you_mean(table, TABLES),
            )
            raise DataError(complain(expected, f"{table} = {names!r}", str(path), fix))
        out[table] = tuple(many)
    return out


def _load(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DataError(complain("a schema file", "nothing", str(path), "check the path")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(complain("valid TOML", str(error), str(path), "correct that place")) from None
    for key in found:
        if key not in _TOP:
            fix = did_you_mean(key, _TOP)
            raise DataError(complain(f"keys {', '.join(_TOP)}", repr(key), str(path), fix))
    if found.get("version", 1) != 1:
        raise DataError(complain("version = 1", repr(found["version"]), str(path), "use a newer Sidelight"))
    return found


def _table(entries: Any, table: str, where: str) -> tuple[Column, ...]:
    if not isinstance(entries, dict):
        raise DataError(complain(f"a table [{table}]", repr(entries), where))
    return tuple(_column(name, options, table, where) for name, options in entries.items())


def _column(name: str, options: Any, table: str, where: str) -> Column:
    place = f"{where} [{table}] {name}"
    if isinstance(options, str):
        options = {"role": options}
    if not isinstance(options, dict) or "role" not in options:
        raise DataError(complain('{ role = "..." }', repr(options), place, f"roles: {', '.join(ROLES)}"))
    for key, value in options.items():
        if key not in _KEYS:
            raise DataError(complain(f"keys {', '.join(_KEYS)}", repr(key), place, did_you_mean(key, _KEYS)))
        if not isinstance(value, _KEYS[key]):
            kind = "true or false" if _KEYS[key] is bool else "text"
            raise DataError(complain(f"{key} = {kind}", repr(value), place))
    try:
        return Column(name=name, **options)
    except SidelightError as error:
        raise DataError(f"{error}; in {place}") from None


def line_of(column: Column) -> str:
    """Return the line that declares a column in sidelight.toml."""
    parts = [f'role = "{column.role}"']
    if column.source:
        parts.append(f"source = {_value(column.source)}")
    if column.sensitive:
        parts.append("sensitive = true")
    if not column.known_at_launch:
        parts.append("known_at_launch = false")
    if column.consent is not None:
        parts.append(f"consent = {_value(column.consent)}")
    if column.unit:
        parts.append(f"unit = {_value(column.unit)}")
    bare = column.name.isascii() and column.name.replace("_", "a").replace("-", "a").isalnum()
    name = column.name if bare else _value(column.name)
    return f"{name} = {{ {', '.join(parts)} }}"


def _value(value: Any) -> str:
    """Return TOML text or a list of texts; JSON's escapes are TOML's, but for the delete character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
