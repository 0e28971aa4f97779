"""Compare arms on the same splits, seeds and budget, run by run; an interrupted comparison resumes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
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
from sidelight.models.components import SharedParts
from sidelight.option_types import SOME, Count, Seed, SomeShare, check_call
from sidelight.progress import Progress, ignore_progress
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
            with the seed of the run); users and their relevant items stay: on validation the figures
            are those of all validation events, also of those that no model saw.
        arms: Name to spec, or to a list of candidates. The first one is the baseline.
        seeds: A number (0 to n - 1), or the seeds. A spec without a seed is fitted once for each
            different set of clicks.
        part, final, log: As in `evaluate`. Tuning uses validation only. Each run on the test part is one
            recorded opening.
        keep: Shares of the events, in (0, 1].
        metric: Metric of the differences, "name@k".
        ks: Cut-offs.
        folder: Folder of the runs. Those that are there already are loaded: a comparison that was cut
            off resumes, and a finished one is not fitted again. None keeps all in memory.
        progress: Called with (runs done, runs in all, label), and by fits and evaluations.
        groups: Subgroups, as in `evaluate`.
        force: Start anew: a comparison in `folder` is removed, once all options are checked.
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

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> arms = {"popular": sl.Popular(), "ease": sl.EASE()}
        >>> sorted(sl.compare(split, arms, seeds=1, ks=[5], metric="ndcg@5").arms)
        ['ease', 'popular']
    """
    check_call(compare, locals())
    plan = _ComparisonPlan.check(arms, seeds, keep, metric)
    evaluation = _evaluation_plan(split, part, final, log, metric, ks, groups, history)
    if plan.effort > 1 and not len(split.validation):
        fix = "give one spec per arm, or a split with a validation part"
        raise DataError(complain("validation events to choose candidates by", "none", "compare", fix))
    warned = {
        arm: [note_warning(line) for line in leaks(specs, split)] for arm, specs in plan.candidates.items()
    }
    for arm, lines in warned.items():
        repeat_warnings(arm, lines)
    with nullcontext() if folder is None else claimed(Path(folder)):
        asked = {"arms": [*plan.candidates], "seeds": plan.seeds, "keeps": plan.keeps}
        root = None if folder is None else runs.begin(folder, force, asked)
        runner = Runner(split, evaluation, root, progress, None, thin_validation)
        return _run_all(runner, plan, fitted, warned)


def _run_all(
    runner: Runner,
    plan: _ComparisonPlan,
    fitted: Callable[[str, float, int, Any], None] | None,
    warned: dict[str, list[Note]],
) -> Comparison:
    """Fit the runs that are missing, repeat the warnings of each, and save the record."""
    root, report = runner.folder, runner.progress or ignore_progress
    chosen, done = _tune(runner, plan)
    jobs = plan.jobs(chosen)
    for (keep, seed), alike in groupby(jobs, key=lambda job: job[0][1:]):
        # Other clicks, other parts; all seeds share those of all clicks.
        sharing = runner if keep == 1 else replace(runner, parts=SharedParts())
        for key, spec in alike:
            arm = key[0]
            report(len(done), len(jobs), f"runs | {arm}, {keep:.4g} of the clicks, seed {seed}")
            if key not in done:
                place = root and root / runs.RUNS / runs.run_name(*key)
                own = sharing if fitted is None else replace(sharing, fitted=partial(fitted, *key))
                done[key] = own.run(spec, keep, seed, place)
            fresh = [one for one in done[key].about.get(runs.WARNINGS, []) if one not in warned[arm]]
            repeat_warnings(arm, fresh)
            warned[arm] += fresh
    report(len(done), len(jobs), "runs | done")
    about = _about(runner, done, plan)
    about[runs.WARNINGS] = [{"arm": arm, **one} for arm, lines in warned.items() for one in lines]
    part = runner.evaluation.part
    found = Comparison(chosen, plan.baseline, plan.seeds, plan.keeps, part, plan.metric, done, about)
    if root is not None:
        shutil.rmtree(root / runs.CHECKPOINTS, ignore_errors=True)
        found.save(root)
    return found


@dataclass(frozen=True)
class _ComparisonPlan:
    """Checked arms, seeds and shares."""

    candidates: Mapping[str, tuple[Any, ...]]
    seeds: tuple[int, ...]
    keeps: tuple[float, ...]
    metric: str

    @staticmethod
    def check(arms: Mapping[str, Any], seeds: Any, keep: Any, metric: str) -> _ComparisonPlan:
        if len(arms) < 2:
            raise SpecError(complain("two arms or more, the baseline first", f"{len(arms)}", "compare"))
        candidates = {name: tuple(a) if isinstance(a, (list, tuple)) else (a,) for name, a in arms.items()}
        for name, specs in candidates.items():
            for spec in specs or (None,):
                if not is_model(spec):
                    found = f"a {type(spec).__name__}" if specs else "an empty list"
                    raise SpecError(complain("specs with fit(split)", found, f"arm {name!r}"))
                config.to_dict(spec)  # a spec that text cannot carry is refused before anything is fitted
        efforts = {name: len(specs) for name, specs in candidates.items()}
        if len(set(efforts.values())) > 1:
            found = ", ".join(f"{n} of {name!r}" for name, n in efforts.items())
            fix = "give each arm as many candidates"
            raise SpecError(complain("the same tuning effort for all arms", found, "compare", fix))
        seeds = seeds if isinstance(seeds, Sequence) else range(seeds)
        keep = [keep] if isinstance(keep, (int, float)) else keep
        for values, expected in ((seeds, "different seeds"), (keep, "different shares of the clicks")):
            if len(set(values)) < len(values):
                raise SpecError(complain(expected, repr(values), "compare"))
        return _ComparisonPlan(candidates, tuple(map(int, seeds)), tuple(map(float, keep)), metric)

    @property
    def baseline(self) -> str:
        return next(iter(self.candidates))

    @property
    def effort(self) -> int:
        """Number of candidates per arm."""
        return len(self.candidates[self.baseline])

    def jobs(self, chosen: Mapping[str, Any]) -> list[tuple[Key, Any]]:
        """Return the runs seed by seed: a comparison that is cut off then has all arms of some seeds."""
        return [
            ((name, keep, seed), spec)
            for seed in self.seeds
            for keep in self.keeps
            for name, spec in chosen.items()
            if seed == self.seeds[0] or keep < 1 or is_seeded(spec)
        ]


def _tune(runner: Runner, plan: _ComparisonPlan) -> tuple[dict[str, Any], dict[Key, Run]]:
    """Return the best candidate of each arm, and the runs that tuning has made already."""
    evaluation = replace(runner.evaluation, part="validation", final=False, history=None)
    tuning, seed = replace(runner, evaluation=evaluation), plan.seeds[0]
    report, total = runner.progress or ignore_progress, plan.effort * len(plan.candidates)
    chosen: dict[str, Any] = {}
    done: dict[Key, Run] = {}
    for name, specs in plan.candidates.items():
        tried: list[Run] = []
        for at, spec in enumerate(specs if plan.effort > 1 else ()):
            report(plan.effort * len(chosen) + at, total, f"tuning | {name}, candidate {at + 1}")
            place = runner.folder and runner.folder / runs.TUNING / runs.run_name(name, 1.0, at)
            tried.append(tuning.run(spec, 1.0, seed, place))
        best = int(np.argmax([_mean_ndcg(run, plan.metric) for run in tried])) if tried else 0
        chosen[name] = specs[best]
        if tried and runner.evaluation.part == "validation" and 1.0 in plan.keeps:
            done[name, 1.0, seed] = tried[best]
    return chosen, done


def _mean_ndcg(run: Run, metric: str) -> float:
    """Return the mean NDCG of the slices that have users, at the cut-off of a metric."""
    name = f"ndcg@{metric.partition('@')[2]}"
    found = run.evaluation.figures()
    return float(np.mean([found[f"{part}.{name}"] for part in MAIN if f"{part}.{name}" in found]))


def _evaluation_plan(
    split: Split,
    part: Any,
    final: bool,
    log: Any,
    metric: str,
    ks: Sequence[int],
    groups: Sequence[str],
    history: Any,
) -> EvaluationPlan:
    """Check the options of the evaluation before anything is fitted: hours later would be too late."""
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
    metrics, cuts = tuple(dict.fromkeys(("recall", "ndcg", name))), tuple(sorted({int(k) for k in ks}))
    return EvaluationPlan(part, final, log, cuts, metrics, tuple(groups), history)


def _about(runner: Runner, done: Mapping[Key, Run], plan: _ComparisonPlan) -> dict[str, Any]:
    """Return what the record says of the data, the split and the package versions."""
    split, data = runner.split, runner.split.data
    versions: dict[str, set[str]] = {}
    for run in done.values():
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
        "history": next(iter(done.values())).about["history"],
        "candidates": plan.effort,
        "sensitive": list(audited(split)),
        "command": None,
        "made": datetime.now(UTC).date().isoformat(),
        "thin_validation": runner.thin_validation,
    }
