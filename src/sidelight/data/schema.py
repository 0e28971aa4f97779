"""What each column is: its role, and what it may be used for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from sidelight.errors import SpecError, did_you_mean

Role = Literal[
    "user_id", "item_id", "timestamp", "position", "weight",  # interactions
    "text", "category", "tags", "number", "image_path", "image_bytes", "vector",  # content
    "context", "ignore",
]  # fmt: skip
ROLES: tuple[str, ...] = get_args(Role)
TABLES: tuple[str, ...] = ("interactions", "items", "users")
ID_LENGTH = 512  # characters; an array of ids takes the room of the longest one for each


@dataclass(frozen=True)
class Column:
    """One column of one table.

    Args:
        name: The column's name as Sidelight uses it (aliases already resolved).
        role: What it holds, see `ROLES`.
        source: The name in the file, when it differs (an alias).
        sensitive: Protected attribute: never a feature unless asked for, always an audit group.
        known_at_launch: False for what exists only after release (user tags, vote counts): such a
            column may be a training label but never content of a cold item.
        consent: Name of the boolean column that allows its use, or None when none is needed.
        unit: Of a timestamp in the file: "s", "ms", "us", "ns", "date" or "text"; "" when unknown.
    """

    name: str
    role: Role
    source: str = ""
    sensitive: bool = False
    known_at_launch: bool = True
    consent: str | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            hint = did_you_mean(self.role, ROLES)
            raise SpecError(f"column {self.name!r}: unknown role {self.role!r}; {hint}")


@dataclass(frozen=True)
class Schema:
    """The columns of the three tables. Written as `sidelight.toml` by `sidelight check -o`."""

    interactions: tuple[Column, ...] = field(default=())
    items: tuple[Column, ...] = field(default=())
    users: tuple[Column, ...] = field(default=())

    def columns(self, table: str) -> tuple[Column, ...]:
        """Columns of one table: "interactions", "items" or "users"."""
        if table not in TABLES:
            raise SpecError(f"unknown table {table!r}; {did_you_mean(table, TABLES)}")
        found: tuple[Column, ...] = getattr(self, table)
        return found

    def find(self, table: str, name: str) -> Column:
        """One column by name; a misspelt name is answered with the nearest one."""
        for column in self.columns(table):
            if column.name == name:
                return column
        names = [c.name for c in self.columns(table)]
        raise SpecError(f"no column {name!r} in the {table} table; {did_you_mean(name, names)}")

    def with_role(self, table: str, *roles: str) -> tuple[Column, ...]:
        """Columns of a table that have one of the given roles, in table order."""
        return tuple(c for c in self.columns(table) if c.role in roles)

    def __iter__(self) -> Iterator[tuple[str, Column]]:
        for table in TABLES:
            for column in self.columns(table):
                yield table, column
