"""`compare`: arms on the same splits, seeds and budget, run by run, to go on where it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from sidelight import config
from sidelight.data.split.split import Split, TestHistory
from sidelight.errors import DataError, SpecError, complain, did_you_mean
from sidelight.evaluation.metrics import METRICS
from sidelight.evaluation.protocol import check_part, with_history
from sidelight.evaluation.slices import audited, members
from sidelight.experiment import runs
from sidelight.experiment.arms import is_model, is_seeded
from sidelight.experiment.column_leaks import leaks
from sidelight.experiment.comparison import Comparison
from sidelight.experiment.figures import MAIN
from sidelight.experiment.fit_warnings import Note, note_warning, repeat_warnings
from sidelight.experiment.run_arm import EvaluationPlan, Runner
from sidelight.experiment.runs import Run
from sidelight.option_types import SOME, Count, Seed, SomeShare, check_call
from sidelight.progress import Progress
from sidelight.target_paths import claimed

Key = tuple[str, float, int]


def compare(
    split: Split,
    arms: Mapping[str, Any],
    *,
    seeds: Count | Annotated[Sequence[Seed], SOME] = 5,
    part: Literal["validation", "test"] = "validation",
    final: bool = False,
    keep: SomeShare | Annotated[Sequence[SomeShare], SOME] = (1.0,),
    metric: str = "ndcg@20",
    ks: Annotated[Sequence[Count], SOME] = (10, 20),
    folder: str | Path | None = None,
    log: str | Path | None = None,
    progress: Progress | None = None,
    groups: Sequence[str] = ("item:popularity", "user:activity"),
    force: bool = False,
    history: TestHistory | None = None,
    fitted: Callable[[str, float, int, Any], None] | None = None,
    thin_validation: bool = True,
) -> Comparison:
    """Fit every arm with every seed on every share of the clicks, and compare user by user.

    An arm given as a list of specs is tuned: each candidate is fitted with the first seed on all
    clicks, and the best mean of validation NDCG over the overall, cold and warm slice goes on. All
    arms must have as many candidates: what differs may then be the arm, not the effort.

    Args:
        split: For all arms. A share below 1 thins its training and validation events (`thinned`,
            with the seed of the run); users and what is relevant to them stay: on validation the
            figures are those of all validation events, also of those that no model saw.
        arms: Name to spec, or to a list of candidates. The first one is the baseline.
        seeds: A number (0 to n - 1), or the seeds. A spec without a seed is fitted once for each
            different set of clicks.
        part, final, log: As in `evaluate`. Tuning looks at validation only. Each run on the test
            part is one recorded opening.
        keep: Shares of the events, in (0, 1].
        metric: What differences are taken of, "name@k".
        ks: Cut-offs.
        folder: Where runs are kept. What is there already is loaded, so that a comparison that was
            cut off goes on and a finished one is not fitted again. None keeps all in memory.
        progress: Called with (runs done, runs in all, label), and by what goes on in a run.
        groups: Subgroups, as in `evaluate`.
        force: Start anew: a comparison that is in `folder` is removed, once all options are checked.
        history: As in `evaluate`.
        fitted: Called with (arm, share of the clicks, seed, model) after each fit, to keep a model that
            would be fitted again otherwise. Not called for a run that is loaded from `folder`, nor while
            candidates compete.
        thin_validation: False thins training events only: models of a sparse shop then stop, steer
            and choose weights by more clicks than such a shop would have.

    Raises:
        SpecError: Options that do not fit, or arms that were not tuned alike.
        DataError: `folder` holds a run of another spec, split, history or data set, or there are no
            validation events to choose or judge by.
    """
    check_call(compare, locals())
    plan = _Plan.check(split, arms, seeds, keep, metric)
    measure = _measure(split, part, final, log, metric, ks, groups, history)
    if len(plan.candidates[plan.baseline]) > 1 and not len(split.validation):
        fix = "give one spec an arm, or a split with a validation part"
        raise DataError(complain("validation events to choose candidates by", "none", "compare", fix))
    warned = {
        arm: [note_warning(line) for line in leaks(specs, split)] for arm, specs in plan.candidates.items()
    }
    for arm, lines in warned.items():
        repeat_warnings(arm, lines)
    about = {"thin_validation": thin_validation}
    if folder is None:
        return _compared(
            Runner(split, measure, None, progress, None, thin_validation), plan, fitted, warned, about
        )
    with claimed(Path(folder)):
        asked = {"arms": [*plan.candidates], "seeds": plan.seeds, "keeps": plan.keeps}
        root = runs.begin(folder, force, asked)
        return _compared(
            Runner(split, measure, root, progress, None, thin_validation), plan, fitted, warned, about
        )


def _compared(
    bench: Runner,
    plan: _Plan,
    fitted: Callable[[str, float, int, Any], None] | None,
    warned: dict[str, list[Note]],
    about: dict[str, Any],
) -> Comparison:
    """Fit what is not there yet, tell what each run warned of, and keep the record."""
    root, progress = bench.folder, bench.progress
    chosen, made = _tune(bench, plan, progress)
    for key, spec in plan.jobs(chosen):
        if progress is not None:
            progress(len(made), plan.total(chosen), f"runs | {_title(*key)}")
        if key not in made:
            place = root and root / runs.RUNS / runs.run_name(*key)
            own = bench if fitted is None else replace(bench, fitted=partial(fitted, *key))
            made[key] = own.run(spec, key[1], key[2], place)
        fresh = [one for one in made[key].about.get(runs.WARNINGS, []) if one not in warned[key[0]]]
        repeat_warnings(key[0], fresh)
        warned[key[0]] += fresh
    if progress is not None:
        progress(len(made), plan.total(chosen), "runs | done")
    told = [{"arm": arm, **one} for arm, lines in warned.items() for one in lines]
    about = _about(bench.split, made, plan) | about | {runs.WARNINGS: told}
    part = bench.measure.part
    found = Comparison(chosen, plan.baseline, plan.seeds, plan.keeps, part, plan.metric, made, about)
    if root is not None:
        shutil.rmtree(root / runs.CHECKPOINTS, ignore_errors=True)
        found.save(root)
    return found


@dataclass(frozen=True)
class _Plan:
    """Checked arms, seeds and shares."""

    candidates: Mapping[str, tuple[Any, ...]]
    seeds: tuple[int, ...]
    keeps: tuple[float, ...]
    metric: str

    @staticmethod
    def check(split: Split, arms: Mapping[str, Any], seeds: Any, keep: Any, metric: str) -> _Plan:
        if len(arms) < 2:
            raise SpecError(complain("two arms or more, the baseline first", f"{len(arms)}", "compare"))
        found = {name: tuple(a) if isinstance(a, (list, tuple)) else (a,) for name, a in arms.items()}
        for name, specs in found.items():
            for spec in specs or (None,):
                if not is_model(spec):
                    what = f"a {type(spec).__name__}" if specs else "an empty list"
                    raise SpecError(complain("specs with fit(split)", what, f"arm {name!r}"))
                config.to_dict(spec)  # a spec that text cannot carry is refused before anything is fitted
        efforts = {name: len(specs) for name, specs in found.items()}
        if len(set(efforts.values())) > 1:
            told = ", ".join(f"{n} of {name!r}" for name, n in efforts.items())
            fix = "give each arm as many candidates"
            raise SpecError(complain("the same tuning effort for all arms", told, "compare", fix))
        return _Plan(found, _seeds(seeds), _keeps(keep), metric)

    @property
    def baseline(self) -> str:
        return next(iter(self.candidates))

    def jobs(self, chosen: Mapping[str, Any]) -> list[tuple[Key, Any]]:
        """Seed by seed, so that a comparison that is cut off has all arms of some seeds."""
        return [
            ((name, keep, seed), spec)
            for seed in self.seeds
            for keep in self.keeps
            for name, spec in chosen.items()
            if seed == self.seeds[0] or keep < 1 or is_seeded(spec)
        ]

    def total(self, chosen: Mapping[str, Any]) -> int:
        return len(self.jobs(chosen))


def _tune(bench: Runner, plan: _Plan, progress: Progress | None) -> tuple[dict[str, Any], dict[Key, Run]]:
    """The best candidate of each arm, and the runs that this made already."""
    measure = replace(bench.measure, part="validation", final=False, history=None)
    tuning, seed = replace(bench, measure=measure), plan.seeds[0]
    effort = len(plan.candidates[plan.baseline])
    chosen: dict[str, Any] = {}
    made: dict[Key, Run] = {}
    for name, specs in plan.candidates.items():
        tried: list[Run] = []
        for at, spec in enumerate(specs if effort > 1 else ()):
            if progress is not None:
                done = effort * len(chosen) + at
                progress(done, effort * len(plan.candidates), f"tuning | {name}, candidate {at + 1}")
            place = bench.folder and bench.folder / runs.TUNING / runs.run_name(name, 1.0, at)
            tried.append(tuning.run(spec, 1.0, seed, place))
        best = int(np.argmax([_signal(run, plan.metric) for run in tried])) if tried else 0
        chosen[name] = specs[best]
        if tried and bench.measure.part == "validation" and 1.0 in plan.keeps:
            made[name, 1.0, seed] = tried[best]
    return chosen, made


def _signal(run: Run, metric: str) -> float:
    """Mean NDCG of the slices that have users."""
    name = f"ndcg@{metric.partition('@')[2]}"
    found = run.evaluation.figures()
    return float(np.mean([found[f"{part}.{name}"] for part in MAIN if f"{part}.{name}" in found]))


def _measure(
    split: Split,
    part: Any,
    final: bool,
    log: Any,
    metric: str,
    ks: Sequence[int],
    groups: Sequence[str],
    history: Any,
) -> EvaluationPlan:
    """Checked before anything is fitted: hours later would be too late."""
    if final != (part == "test"):
        fix = 'for the test part give part="test" and final=True'
        found = f"part={part!r}, final={final}"
        raise SpecError(complain("part 'validation', or 'test' with final=True", found, "compare", fix))
    name, _, cut = metric.partition("@")
    if name not in METRICS:
        raise SpecError(f"unknown metric {name!r}; {did_you_mean(name, METRICS)}")
    if cut not in {str(k) for k in ks}:
        raise SpecError(complain("a metric at one of the cut-offs ks", f"{metric!r}, ks = {list(ks)}"))
    groups = audited(split, groups)
    members(split, groups)
    with_history(split, part, history)
    check_part(None, split, part)
    names = tuple(dict.fromkeys(("recall", "ndcg", name)))
    return EvaluationPlan(
        part, final, log, tuple(sorted({int(k) for k in ks})), names, tuple(groups), history
    )


def _seeds(given: Any) -> tuple[int, ...]:
    found = tuple(int(seed) for seed in (given if isinstance(given, Sequence) else range(given)))
    if len(set(found)) < len(found):
        raise SpecError(complain("different seeds", repr(given)))
    return found


def _keeps(given: Any) -> tuple[float, ...]:
    found = tuple(float(k) for k in ([given] if isinstance(given, (int, float)) else given))
    if len(set(found)) < len(found):
        raise SpecError(complain("different shares of the clicks", repr(given), "option 'keep'"))
    return found


def _title(arm: str, keep: float, seed: int) -> str:
    return f"{arm}, {keep:.4g} of the clicks, seed {seed}"


def _about(split: Split, made: Mapping[Key, Run], plan: _Plan) -> dict[str, Any]:
    """What the record says of the data, the division and the programs."""
    data = split.data
    versions: dict[str, set[str]] = {}
    for run in made.values():
        for package, number in run.about["versions"].items():
            versions.setdefault(package, set()).add(number)
    return {
        "data": {
            "fingerprint": data.fingerprint,
            "users": data.n_users,
            "items": data.n_items,
            "interactions": len(data.interactions),
            "density": len(data.interactions) / max(1, data.n_users * data.n_items),
            "train_interactions": len(split.train),
        },
        "split": split.how,
        "versions": {package: " and ".join(sorted(found)) for package, found in versions.items()},
        "history": next(iter(made.values())).about["history"],
        "candidates": len(plan.candidates[plan.baseline]),
        "sensitive": list(audited(split)),
        "command": None,
        "made": datetime.now(UTC).date().isoformat(),
    }
