"""Specs as a package outside Sidelight would define them, for the tests of `config`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol


class Model(Protocol):
    def fit(self) -> object: ...


@dataclass(frozen=True)
class Leaf:
    name: str = "leaf"
    dim: int = 8
    reg: float = 30.0
    on: bool = True
    limit: int | None = None
    half_life: float | None = 30.0
    how: Literal["mean", "max", 3] = "mean"
    label: str | None = None

    def fit(self) -> object:
        return self


@dataclass(frozen=True, init=False)
class Text:
    columns: tuple[str, ...]
    weight: float = 1.0

    def __init__(self, *columns: str, weight: float = 1.0) -> None:
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "weight", weight)


@dataclass(frozen=True)
class Tree:
    needed: int
    content: tuple[Text, ...] = ()
    models: Sequence[Model] = ()
    first: Leaf = Leaf()
    pair: tuple[int, str] = (1, "a")
    weights: Mapping[str, float] | None = None
    mixed: int | float | str = 1
    place: Path = Path("model")
    free: Any = None


@dataclass(frozen=True)
class Loud:
    label: str | None = "on"


NOT_A_SPEC = 3


class Plain:
    pass
