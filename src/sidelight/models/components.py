"""Components of a blend: fitted in a canonical order, each once."""

from __future__ import annotations

import time
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


class SharedParts(dict[tuple[str, str], Scorer]):
    """A `Fitted` that knows how long each part took, so that sharing it does not hide its cost.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> parts = SharedParts()
        >>> for blend in (sl.Blend((sl.Popular(),)), sl.Blend((sl.Popular(), sl.ItemKNN()))):
        ...     parts.begin()
        ...     model = blend.fit(split, fitted=parts)
        >>> parts.spared() > 0  # Popular was there already
        True
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[tuple[str, str], float] = {}
        self._before: frozenset[tuple[str, str]] = frozenset()
        self._taken: set[tuple[str, str]] = set()

    def begin(self) -> None:
        """Start to count for another model."""
        self._before, self._taken = frozenset(self), set()

    def spared(self) -> float:
        """Seconds that the parts took which were there before `begin` and have been used since."""
        return sum(self.seconds.get(place, 0.0) for place in self._taken & self._before)

    def took(self, place: tuple[str, str], seconds: float | None) -> None:
        """Note that a part was used, and the seconds of its fit where it was fitted now."""
        self._taken.add(place)
        if seconds is not None:
            self.seconds[place] = seconds


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
            place, seconds = (name_of(spec), key), None
            if place not in self.fitted:
                start = time.perf_counter()
                self.fitted[place] = spec.fit(
                    split, prefixed(self.progress, f"{type(spec).__name__}{label}")
                ).scorer
                seconds = time.perf_counter() - start
            if isinstance(self.fitted, SharedParts):
                self.fitted.took(place, seconds)
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
