"""Comparison of arms on the same users and seeds, with intervals, as text and as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sidelight import config
from sidelight.errors import BundleError, SpecError, complain, did_you_mean
from sidelight.evaluation.evaluation_table import aligned
from sidelight.evaluation.protocol import shown_history
from sidelight.evaluation.result import Evaluation
from sidelight.experiment import runs, to_record
from sidelight.experiment.figures import MAIN, Contrast, Figure, adjusted, contrasts, figures, need_one_split
from sidelight.experiment.record_schema import ABOUT, ABSENT, KIND, SCHEMA
from sidelight.experiment.runs import Run
from sidelight.json_files import read_json, write_json

Key = tuple[str, float, int]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Arms on the same splits, seeds and users. Every mean comes with an interval.

    Args:
        arms: Name to spec, before its seed; the baseline first.
        baseline: Name of the arm that the others are compared with.
        seeds: Seeds that every arm was given.
        keeps: Shares of the events.
        part: "validation" or "test".
        metric: Metric of the differences, "name@k".
        runs: (arm, keep, seed) to run. An arm without random draws has one run for equal clicks, that
            of the first seed; it stands for all seeds.
        about: JSON values of the fields `record_schema.ABOUT`: data, split, history, versions, number of
            candidates per arm, command, date, sensitive groups, warnings, and whether validation was
            thinned with training.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> arms = {"popular": sl.Popular(), "ease": sl.EASE()}
        >>> found = sl.compare(split, arms, seeds=1, ks=[5], metric="ndcg@5")
        >>> "ease" in found.table()
        True
    """

    arms: Mapping[str, Any]
    baseline: str
    seeds: tuple[int, ...]
    keeps: tuple[float, ...]
    part: str
    metric: str
    runs: Mapping[Key, Run]
    about: Mapping[str, Any] = field(default_factory=dict)

    def figures(self) -> list[Figure]:
        """Return the mean over users and seeds with its interval, by arm, share, slice and metric."""
        return list(self._figures)

    def differences(self, baseline: str | None = None) -> list[Contrast]:
        """Return each arm minus the baseline in every slice, for the same seeds and the same users.

        Args:
            baseline: Name of another arm to compare with; None is the comparison's own. Nothing is
                fitted again.
        """
        base = self.baseline if baseline is None else baseline
        if base not in self.arms:
            raise SpecError(f"no arm {base!r}; {did_you_mean(base, self.arms)}")
        names = list(self.arms)
        at, out = names.index(base), []
        for keep in self.keeps:
            rows = [self._row(keep, row) for row in range(at + 1)]
            earlier = [
                each.mirrored(names[row]) for row in range(at) for each in rows[row] if each.arm == base
            ]
            out += adjusted([*earlier, *rows[at]])
        return out

    @cached_property
    def _figures(self) -> tuple[Figure, ...]:
        return tuple(each for keep in self.keeps for each in figures(self._grid(keep), keep))

    def _row(self, keep: float, row: int) -> list[Contrast]:
        """Return each later arm minus one arm: a pair has one difference, seen from two sides."""
        if (keep, row) not in self._rows:
            first, *later = list(self.arms)[row:]
            self._rows[keep, row] = contrasts(self._grid(keep), keep, first, later, self.metric)
        return self._rows[keep, row]

    @cached_property
    def _rows(self) -> dict[tuple[float, int], list[Contrast]]:
        return {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line per warning, "arm: ...", leaks first; to read before any figure."""
        found = sorted(self.about.get(runs.WARNINGS) or [], key=lambda one: one["kind"] != "leak")
        return tuple(f"{one['arm']}: {one['text']}" for one in found)

    def run(self, arm: str, keep: float, seed: int) -> Run:
        """Return the run of an arm; of one without random draws, the run that stands for all seeds."""
        found = self.runs.get((arm, keep, seed)) or self.runs.get((arm, keep, self.seeds[0]))
        if found is None:
            known = f"arms {list(self.arms)}, shares {list(self.keeps)}, seeds {list(self.seeds)}"
            raise SpecError(complain("a run of this comparison", f"{(arm, keep, seed)}", fix=f"take {known}"))
        return found

    def _grid(self, keep: float) -> dict[str, list[Evaluation]]:
        grid = {arm: [self.run(arm, keep, seed).evaluation for seed in self.seeds] for arm in self.arms}
        need_one_split(grid, keep)
        return grid

    def table(self) -> str:
        """Return a plain text table: the metric by arm, its differences to the baseline, and the answer."""
        return _table(self)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"Comparison({self.part}: {', '.join(self.arms)}; {len(self.runs)} runs)"

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values, the input of a report; see `record_schema`."""
        return to_record.record(self)

    def save(self, folder: str | Path) -> Path:
        """Write the record, and the runs that are not in the folder yet; `load` reads them back.

        Args:
            folder: A new one, or one of a comparison that has no other arms, seeds or shares.
        """
        root = runs.begin(folder, asked={"arms": [*self.arms], "seeds": self.seeds, "keeps": self.keeps})
        for key, run in self.runs.items():
            place = root / runs.RUNS / runs.run_name(*key)
            if place.exists():
                runs.check_same_run(run.about, place)
            else:
                run.save(place)
        write_json(self.to_dict(), root / runs.RECORD)
        return root

    @classmethod
    def load(cls, folder: str | Path) -> Comparison:
        """Load the comparison that `save` wrote.

        Raises:
            BundleError: The folder is damaged, holds something else, or a comparison that was cut off.
        """
        root = Path(folder)
        head = read_json(root / runs.RECORD, "a comparison", "kind")
        if head["kind"] != KIND or head.get("schema") != SCHEMA or "figures" not in head:
            found = "one that was cut off" if head["kind"] == KIND else f"a {head['kind']}"
            fix = "run it again with the same folder to go on"
            raise BundleError(complain("a finished comparison", found, str(root), fix))
        keys = [(each["arm"], float(each["keep"]), int(each["seed"])) for each in head["runs"]]
        return cls(
            {arm["name"]: _spec(arm["spec"]) for arm in head["arms"]}, head["baseline"],
            tuple(head["seeds"]), tuple(head["keeps"]), head["part"], head["metric"],
            {key: Run.load(root / runs.RUNS / runs.run_name(*key)) for key in keys},
            {name: head.get(name, ABSENT.get(name)) for name in ABOUT},
        )  # fmt: skip


def _spec(options: dict[str, Any]) -> Any:
    """Return the spec; one whose class is not imported stays a dict: loading a folder imports nothing."""
    try:
        return config.from_dict(options, importing=False)
    except SpecError:
        return options


def _table(found: Comparison) -> str:
    seeds = f"{len(found.seeds)} seed{'s' * (len(found.seeds) > 1)}"
    part = f"{found.part} part"
    if found.part == "test":
        part += f", histories: {shown_history(found.about)}"
    lines = [f"{part}, {seeds}; {found.metric}: mean over users and seeds [95 % interval]"]
    if min(found.keeps) < 1:
        thin = found.about.get("thin_validation", False)
        lines += [f"thinned: training {'and validation events alike' if thin else 'events only'}"]
    for keep in found.keeps:
        lines += ["", *_block(found, keep)]
    lines += ["", "* clear: interval beside 0, and p < 0.05 in sign flips adjusted for arms and slices"]
    answer = to_record.answer(found)
    sentences = [answer["sentence"], *([answer["power"]["sentence"]] if answer["power"] else [])]
    return "\n".join([*lines, *sentences, *(f"! {line}" for line in found.warnings)])


def _block(found: Comparison, keep: float) -> list[str]:
    """Return the lines of one share of the clicks: users, means per arm, differences per arm."""
    figures = [e for e in found.figures() if (e.keep, e.metric) == (keep, found.metric)]
    means = {
        (e.arm, e.slice): f"{e.mean:.4f} [{e.low:.4f}, {e.high:.4f}] " for e in figures if e.mean is not None
    }
    gaps = {}
    for e in found.differences():
        if e.keep == keep:
            mark = "*" if e.verdict in ("better", "worse") else " "
            gaps[e.arm, e.slice] = f"{e.mean:+.4f} [{e.low:+.4f}, {e.high:+.4f}]{mark}"
    users = {e.slice: f"{e.users:,} " for e in figures}
    sides = [side for side in MAIN if side in users]
    head = "all clicks" if keep == 1 else f"{keep:.4g} of the clicks"
    rows = [[head, *(f"{side} " for side in sides)], ["users", *(users[side] for side in sides)]]
    rows += [[arm, *(means.get((arm, side), "- ") for side in sides)] for arm in found.arms]
    rows += [[f"minus {found.baseline}", *("" for _ in sides)]]
    others = [arm for arm in found.arms if arm != found.baseline]
    return aligned(rows + [[arm, *(gaps.get((arm, side), "- ") for side in sides)] for arm in others])
