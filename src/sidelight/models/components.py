"""Components of a blend: fitted in a canonical order, each once."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Protocol

from sidelight import config
from sidelight.data.split.split import Split
from sidelight.errors import SpecError
from sidelight.models.scorer import Scorer
from sidelight.progress import Progress, prefixed

Fitted = MutableMapping[tuple[str, str], Scorer]
"""Scorers by (spec, split), shared by several blends so that each is fitted once."""


class FittedModel(Protocol):
    """Part of a `Recommender` that a blend needs."""

    @property
    def scorer(self) -> Scorer:
        """Fitted scorer."""
        ...


class Fittable(Protocol):
    """A frozen spec with `fit(split, progress) -> Recommender`."""

    def fit(self, split: Split, progress: Progress | None = None) -> FittedModel:
        """Fit on the training events of the split."""
        ...


@dataclass(frozen=True)
class Components:
    """Components in a canonical order, with what has been fitted of them.

    Args:
        specs: Ordered by class and options, so that the order they were given in changes nothing.
        fitted: Scorers fitted so far; filled on the way.
        progress: Called as (done, total, label), the component's name before the label.
    """

    specs: tuple[Fittable, ...]
    fitted: Fitted = field(default_factory=dict)
    progress: Progress | None = None

    @classmethod
    def of(
        cls, specs: Sequence[Fittable], fitted: Fitted | None = None, progress: Progress | None = None
    ) -> Components:
        """Order the specs; those with a `floor` are fitted without it: the blend has its own."""
        bare = (without_floor(spec) for spec in specs)
        ordered = sorted(bare, key=repr)  # by class and options: no hash, no path of a module
        return cls(tuple(ordered), {} if fitted is None else fitted, progress)

    def scorers(self, split: Split, used: Sequence[int] | None = None, label: str = "") -> list[Scorer]:
        """Fit on a split, or find what was fitted on it before.

        Args:
            split: Training events.
            used: Indices of the components to fit; None means all.
            label: Put behind the component's name in progress.
        """
        key, out = split.hash, []
        for at in range(len(self.specs)) if used is None else used:
            spec = self.specs[at]
            place = (name_of(spec), key)
            if place not in self.fitted:
                self.fitted[place] = spec.fit(
                    split, prefixed(self.progress, f"{type(spec).__name__}{label}")
                ).scorer
            out.append(self.fitted[place])
        return out


def without_floor(spec: Any) -> Any:
    """Return the spec without its popularity floor, if it is one that has the option."""
    if is_dataclass(spec) and any(f.name == "floor" for f in fields(spec)):
        return replace(spec, floor=False)  # type: ignore[type-var]
    return spec


def name_of(spec: object) -> str:
    """Return a text that is equal for equal specs."""
    try:
        return f"{type(spec).__name__}:{config.spec_hash(spec)}"
    except SpecError:  # a class that no module exports can be fitted, but not written down
        return repr(spec)
