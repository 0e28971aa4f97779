"""What the client gets: the answers of the service as frozen dataclasses, made from JSON.

Lists and the status are the engine's own dataclasses; nothing here imports the service. Keys that a newer
service adds are passed over, and a key that an older one does not send has its default.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

from sidelight.serving.recommend.responses import Explanation, Item, RankedItem, RecommendResponse, RuleCost
from sidelight.serving.status.engine_status import Drift, SetAside, Status

__all__ = [
    "Audience",
    "Drift",
    "EventsReceipt",
    "Explanation",
    "Item",
    "ItemsReceipt",
    "Placed",
    "RankedItem",
    "RecommendResponse",
    "RefusedRow",
    "Retired",
    "RuleCost",
    "SetAside",
    "ShownItems",
    "Status",
    "Version",
    "read",
]  # fmt: skip

T = TypeVar("T")


@dataclass(frozen=True)
class Placed:
    """Somebody in whose full list an item stands at `place`, from 1."""

    user: str
    place: int
    score: float


@dataclass(frozen=True)
class Audience:
    """Users in whose lists an item stands highest, and what is most like it.

    `looked_at` of `users` stored users were asked; `reached` of them have it among their `first` items.
    """

    people: tuple[Placed, ...]
    near: tuple[RankedItem, ...]
    looked_at: int = 0
    users: int = 0
    missing: tuple[str, ...] = ()
    first: int = 0
    reached: int = 0


@dataclass(frozen=True)
class ShownItems:
    """Items of the catalogue, and the ids that are not in it."""

    items: tuple[Item, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retired:
    """Items that no list may hold.

    Args:
        items: All of them, now.
        changed: Items that the call retired or restored.
        unknown: Of those that were sent, not in the version that serves.
    """

    items: tuple[str, ...]
    changed: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class RefusedRow:
    """A row that was set aside while the call waited."""

    item_id: str
    reason: str


@dataclass(frozen=True)
class ItemsReceipt:
    """What was done with rows; they are on the disk. `placed`: lists may hold the items already."""

    change: int
    accepted: int
    placed: bool = False
    missing: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    refused: tuple[RefusedRow, ...] = ()


@dataclass(frozen=True)
class EventsReceipt:
    """How many events were new and are on the disk, and how many their people do not allow."""

    accepted: int
    dropped: int = 0


@dataclass(frozen=True)
class Version:
    """One published model; `size` in bytes, `previous`: a rollback would go to it."""

    name: str
    created: datetime
    note: str = ""
    fingerprint: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    size: int = 0
    current: bool = False
    previous: bool = False


def read(kind: type[T], value: Any) -> T:
    """A value of JSON as one of the answers above.

    Raises:
        ValueError: It is none; the message names the place, never the value.
    """
    found: T = _read(kind, value, kind.__name__)
    return found


def _read(hint: Any, value: Any, where: str) -> Any:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:  # always with None
        return None if value is None else _read(parts[0], value, where)
    if isinstance(hint, type) and is_dataclass(hint):
        return _record(hint, value, where)
    if origin is tuple and isinstance(value, list):
        inner = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        if len(inner) == len(value):
            return tuple(_read(each, part, where) for each, part in zip(inner, value, strict=True))
    if origin is Mapping and isinstance(value, dict):
        return {name: _read(parts[1], part, where) for name, part in value.items()}
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
            given[name] = _read(hint, value[name], f"{where}.{name}")
        elif needed:
            raise ValueError(f"nothing at {where}.{name}")
    return kind(**given)


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, Any, bool], ...]:
    """Name, type and whether it has no default, of each field."""
    hints = typing.get_type_hints(kind)
    return tuple(
        (f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(kind)
    )
