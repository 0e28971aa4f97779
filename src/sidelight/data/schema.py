"""Schema of the tables: the role of each column, and what it may be used for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from sidelight.errors import SpecError, did_you_mean
from sidelight.option_types import checked

Role = Literal[
    "user_id", "item_id", "timestamp", "position", "weight",  # interactions
    "text", "category", "tags", "links", "number", "image_path", "image_bytes", "vector",  # content
    "context", "ignore",
]  # fmt: skip
ROLES: tuple[str, ...] = get_args(Role)
UNITS = ("s", "ms", "us", "ns", "date", "text", "dmy", "mdy", "excel", ".", ",")
TABLES: tuple[str, ...] = ("interactions", "items", "users")
KEYS = {"items": "item_id", "users": "user_id"}
CONTENT_ROLES = ("text", "category", "tags", "links", "number", "image_path", "image_bytes", "vector")
LIST_ROLES = ("tags", "links")  # read as lists of text
ID_LENGTH = 512  # characters; an array of ids takes the room of the longest one for each


@dataclass(frozen=True)
@checked
class Column:
    """One column of one table.

    Args:
        name: The column's name as Sidelight uses it (aliases already resolved).
        role: Kind of its values, see `ROLES`.
        source: The name in the file, when it differs (an alias).
        sensitive: Protected attribute: never a feature unless asked for, always an audit group.
        known_at_launch: False for what exists only after release (user tags, vote counts): such a
            column may be a training label but never content of a cold item.
        consent: Name of the boolean column that allows its use, or None when none is needed.
        unit: Notation in the file; "" when unknown. For a timestamp one of `UNITS` (epoch units, "excel"
            days, "dmy" or "mdy" for the order of day, month and year), or a strptime pattern such as
            "%d.%m.%Y %H:%M". For a number its decimal mark, "." or ",".

    Raises:
        SpecError: An unknown role or unit.

    Examples:
        >>> Column("gender", "category", sensitive=True).sensitive
        True
    """

    name: str
    role: Role
    source: str = ""
    sensitive: bool = False
    known_at_launch: bool = True
    consent: str | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        if self.unit and self.unit not in UNITS and "%" not in self.unit:
            hint = f"{did_you_mean(self.unit, UNITS)} Or a pattern such as %d.%m.%Y"
            raise SpecError(f"column {self.name!r}: unknown unit {self.unit!r}; {hint}")


@dataclass(frozen=True)
@checked
class Schema:
    """Columns of the three tables. Written as `sidelight.toml` by `sidelight check -o`.

    Examples:
        >>> shop = Schema(items=(Column("item_id", "item_id"), Column("title", "text")))
        >>> [column.name for column in shop.with_role("items", "text")]
        ['title']
    """

    interactions: tuple[Column, ...] = field(default=())
    items: tuple[Column, ...] = field(default=())
    users: tuple[Column, ...] = field(default=())

    def columns(self, table: str) -> tuple[Column, ...]:
        """Return the columns of one table: "interactions", "items" or "users"."""
        if table not in TABLES:
            raise SpecError(f"unknown table {table!r}; {did_you_mean(table, TABLES)}")
        found: tuple[Column, ...] = getattr(self, table)
        return found

    def find(self, table: str, name: str) -> Column:
        """Return one column by name; the error for a misspelt name gives the nearest one."""
        for column in self.columns(table):
            if column.name == name:
                return column
        names = [c.name for c in self.columns(table)]
        raise SpecError(f"no column {name!r} in the {table} table; {did_you_mean(name, names)}")

    def with_role(self, table: str, *roles: str) -> tuple[Column, ...]:
        """Return the columns of a table that have one of the given roles, in table order."""
        return tuple(c for c in self.columns(table) if c.role in roles)

    def __iter__(self) -> Iterator[tuple[str, Column]]:
        for table in TABLES:
            for column in self.columns(table):
                yield table, column
