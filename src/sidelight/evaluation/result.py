"""`Evaluation`: metrics of one model on one part of one split, with a value per user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import BundleError, SpecError, complain, did_you_mean
from sidelight.evaluation.evaluation_table import table
from sidelight.evaluation.statistics import Interval, interval_bounds
from sidelight.storage import read_folder, write_folder

_KIND = "evaluation"


@dataclass(frozen=True)
class Evaluation:
    """Figures by slice, with the value of every user behind them.

    Args:
        part: "validation" or "test".
        ks: Cut-offs, ascending.
        users: For each slice int64 (n,), inner user indices, ascending.
        values: For each slice the metrics "name@k": float64 (n,), row for row as `users`; NaN for
            a user for whom the metric is undefined.
        totals: For each slice the figures that belong to all lists together, e.g. "coverage@20".
        items: int32, shape (n, max(ks)): the lists of the users of the overall slice, -1 where short.
        opened: Openings of this split's test part, this one included; 0 for validation.
        info: Plain JSON values: data fingerprint, how the split was made, hash of the spec, the
            events that were the history ("history"), and the number of relevant items that could not
            be ranked.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> found = sl.evaluate(sl.Popular().fit(split), split, ks=[5])
        >>> sorted(found.slices)
        ['cold', 'overall', 'user:gender=f', 'user:gender=m', 'warm']
    """

    part: str
    ks: tuple[int, ...]
    users: dict[str, NDArray[np.int64]]
    values: dict[str, dict[str, NDArray[np.float64]]]
    totals: dict[str, dict[str, float]]
    items: NDArray[np.int32]
    opened: int = 0
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def slices(self) -> tuple[str, ...]:
        """Names of the slices that have users."""
        return tuple(self.values)

    def figures(self) -> dict[str, float]:
        """Return every figure as "slice.metric@k": means over users that have a value, and totals."""
        out = {
            f"{name}.{metric}": float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")
            for name, metrics in self.values.items()
            for metric, found in metrics.items()
        }
        totals = {f"{name}.{m}": v for name, found in self.totals.items() for m, v in found.items()}
        return out | totals

    def intervals(
        self, n: int = 10_000, *, level: float = 0.95, seed: int = 0, slices: Sequence[str] | None = None
    ) -> dict[str, Interval]:
        """Bootstrap intervals over users of the means in `figures`; totals have none.

        Args:
            n: Resamples of users.
            level: Nominal coverage.
            seed: Equal seeds give equal intervals.
            slices: Only these, or None for all.
        """
        out = {}
        means = self.figures()
        for name in self.slices if slices is None else slices:
            metrics = self._slice(name)
            columns = np.column_stack(list(metrics.values()))
            bounds = interval_bounds(columns, n, level, seed)
            known = np.isfinite(columns).sum(axis=0)
            for metric, (low, high), users in zip(metrics, bounds, known, strict=True):
                key = f"{name}.{metric}"
                out[key] = Interval(means[key], low, high, level, int(users))
        return out

    def table(self, intervals: Mapping[str, Interval] | None = None, k: int | None = None) -> str:
        """A plain text table: accuracy by slice, figures of the lists, then a line a subgroup.

        Args:
            intervals: From `intervals`, shown as "[low, high]"; None shows means only.
            k: The cut-off to show, one of `ks`; None means all of them.
        """
        return table(self, self.ks if k is None else (k,), intervals or {})

    def __repr__(self) -> str:
        return f"Evaluation({self.part}: {', '.join(self.slices)})"

    def __str__(self) -> str:
        return self.table()

    def to_dict(self) -> dict[str, Any]:
        """Part, cut-offs, users by slice, figures and info as plain JSON values, without the users' own."""
        return {
            "part": self.part,
            "ks": list(self.ks),
            "users": {name: len(found) for name, found in self.users.items()},
            "figures": {name: v if np.isfinite(v) else None for name, v in self.figures().items()},
            "opened": self.opened,
            "info": self.info,
        }

    def save(self, path: str | Path, force: bool = False) -> Path:
        """Write a folder of .npy arrays and a JSON manifest with hashes; `load` gives it back equal.

        Raises:
            SpecError: The folder exists and `force` is False.
        """
        arrays: dict[str, Any] = {"items": self.items}
        for name, found in self.users.items():
            arrays[f"users/{_quoted(name)}"] = found
            arrays[f"values/{_quoted(name)}"] = np.column_stack(list(self.values[name].values()))
        metrics = {name: list(found) for name, found in self.values.items()}
        totals = {n: {m: _finite(v) for m, v in found.items()} for n, found in self.totals.items()}
        meta = {"kind": _KIND, "part": self.part, "ks": list(self.ks), "opened": self.opened}
        meta |= {"metrics": metrics, "totals": totals, "info": self.info}
        return write_folder(path, arrays, meta, force=force)

    @classmethod
    def load(cls, path: str | Path) -> Evaluation:
        """The evaluation that `save` wrote.

        Raises:
            BundleError: The folder is damaged or holds something else.
        """
        arrays, meta, _ = read_folder(path)
        if meta.get("kind") != _KIND:
            found = f"a folder of kind {meta.get('kind')!r}"
            raise BundleError(complain("a saved evaluation", found, str(path)))
        values = {
            name: {m: arrays[f"values/{_quoted(name)}"][:, at] for at, m in enumerate(names)}
            for name, names in meta["metrics"].items()
        }
        users = {name: arrays[f"users/{_quoted(name)}"] for name in values}
        nan = float("nan")
        totals = {n: {m: nan if v is None else v for m, v in t.items()} for n, t in meta["totals"].items()}
        ks = tuple(meta["ks"])
        return cls(meta["part"], ks, users, values, totals, arrays["items"], meta["opened"], meta["info"])

    def _slice(self, name: str) -> dict[str, NDArray[np.float64]]:
        if name not in self.values:
            raise SpecError(f"no slice {name!r}; {did_you_mean(name, self.values)}")
        return self.values[name]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _quoted(name: str) -> str:
    """A slice name as one part of an array name, where "/" would make a folder."""
    return name.replace("%", "%25").replace("/", "%2F")
