"""`Comparison`: what arms did beside each other, with intervals, as text and as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sidelight import config
from sidelight.errors import BundleError, SpecError, complain, did_you_mean
from sidelight.evaluation.result import Evaluation
from sidelight.experiment import runs, to_record
from sidelight.experiment.comparison_table import table
from sidelight.experiment.figures import Contrast, Figure, adjusted, contrasts, figures, need_one_split
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
        metric: What differences are taken of, "name@k".
        runs: (arm, keep, seed) to run. An arm that draws nothing has one run for equal clicks, that of
            the first seed; it stands for all seeds.
        about: Data, split, by which events users were known ("history"), if validation was thinned
            with training, sensitive groups, versions, number of candidates an arm, command, date, and
            "warnings" (see `warnings`): JSON values.
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
        """Mean over users and seeds with its interval, by arm, share of clicks, slice and metric."""
        return list(self._figures)

    def differences(self, baseline: str | None = None) -> list[Contrast]:
        """Each arm minus the baseline in every slice, for the same seeds and the same users.

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
        """Each later arm minus the arm of a place: all pairs have one difference, seen from either side."""
        if (keep, row) not in self._rows:
            names = list(self.arms)
            later = names[row + 1 :]
            self._rows[keep, row] = contrasts(self._grid(keep), keep, names[row], later, self.metric)
        return self._rows[keep, row]

    @cached_property
    def _rows(self) -> dict[tuple[float, int], list[Contrast]]:
        return {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each thing that was warned of, "arm: ...", leaks first; read before any figure."""
        found = sorted(self.about.get(runs.WARNINGS) or [], key=lambda one: one["kind"] != "leak")
        return tuple(f"{one['arm']}: {one['text']}" for one in found)

    def run(self, arm: str, keep: float, seed: int) -> Run:
        """The run of an arm; of one that draws nothing, the run that stands for all seeds."""
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
        """A plain text table: the metric by arm, its differences to the baseline, and the answer."""
        return table(self)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"Comparison({self.part}: {', '.join(self.arms)}; {len(self.runs)} runs)"

    def to_dict(self) -> dict[str, Any]:
        """The record: everything that is known, as plain JSON values; what a report is made from."""
        return to_record.record(self)

    def save(self, folder: str | Path) -> Path:
        """Write the record, and the runs that are not in the folder yet; `load` gives it back.

        Args:
            folder: A new one, or one of a comparison that has no other arms, seeds or shares.
        """
        root = runs.begin(folder, asked={"arms": [*self.arms], "seeds": self.seeds, "keeps": self.keeps})
        for (arm, keep, seed), run in self.runs.items():
            place = root / runs.RUNS / runs.run_name(arm, keep, seed)
            if place.exists():
                runs.check_same_run(run.about, place)
            else:
                run.save(place)
        write_json(self.to_dict(), root / runs.RECORD)
        return root

    @classmethod
    def load(cls, folder: str | Path) -> Comparison:
        """The comparison that `save` wrote.

        Raises:
            BundleError: The folder is damaged, holds something else, or a comparison that was cut off.
        """
        root = Path(folder)
        head = read_json(root / runs.RECORD, "a comparison", "kind")
        if head["kind"] != runs.KIND or head.get("schema") != runs.SCHEMA or "figures" not in head:
            found = "one that was cut off" if head["kind"] == runs.KIND else f"a {head['kind']}"
            fix = "run it again with the same folder to go on"
            raise BundleError(complain("a finished comparison", found, str(root), fix))
        keys = [(each["arm"], float(each["keep"]), int(each["seed"])) for each in head["runs"]]
        found_runs = {key: Run.load(root / runs.RUNS / runs.run_name(*key)) for key in keys}
        return cls(
            {arm["name"]: _own(arm["spec"]) for arm in head["arms"]}, head["baseline"],
            tuple(head["seeds"]), tuple(head["keeps"]), head["part"], head["metric"], found_runs,
            {name: head.get(name, runs.UNSAID.get(name)) for name in to_record.ABOUT},
        )  # fmt: skip


def _own(spec: dict[str, Any]) -> Any:
    """The spec again; one with a class that is not imported stays a dict: a folder imports nothing."""
    try:
        return config.from_dict(spec, importing=False)
    except SpecError:
        return spec
