"""The record of a comparison: plain JSON values, for a report, for other tools, for later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from sidelight.config import USE
from sidelight.evaluation.test_access_log import describe, spec_hash
from sidelight.experiment.arms import is_seeded, spec_diff
from sidelight.experiment.bootstrap import LEVEL
from sidelight.experiment.figures import Contrast
from sidelight.experiment.runs import KIND, SCHEMA
from sidelight.json_files import plain

if TYPE_CHECKING:
    from sidelight.experiment.comparison import Comparison

ABOUT = (
    "data",
    "split",
    "history",
    "versions",
    "candidates",
    "command",
    "made",
    "thin_validation",
    "warnings",
    "sensitive",
)
COSTS = ("seconds", "megabytes", "milliseconds")  # of a fit, of its bundle, of one list
POINTS = 200  # of a path of weights: what a drawing can show
_BUCKETS = "item:popularity="
_WHERE = {"overall": "the one list", "cold": "the list of new items", "warm": "the list of old items"}


def record(found: Comparison) -> dict[str, Any]:
    """All of a comparison but the values of single users.

    Keys: kind, schema, part, metric, level, baseline, seeds, keeps, arms, data, split, history, versions,
    candidates, command, made, thin_validation, warnings, sensitive, figures, differences, exposure, weights,
    epochs, runs, examples, answer, against (differences and answer with each other arm as the baseline).
    """
    whole = {
        "kind": KIND,
        "schema": SCHEMA,
        "part": found.part,
        "metric": found.metric,
        "level": LEVEL,
        "baseline": found.baseline,
        "seeds": found.seeds,
        "keeps": found.keeps,
        "arms": arms(found),
        **{name: found.about.get(name) for name in ABOUT},
        "figures": [asdict(each) for each in found.figures()],
        "differences": [asdict(each) for each in found.differences()],
        "exposure": exposure(found),
        "weights": weights(found),
        "epochs": epochs(found),
        "runs": [
            {
                "arm": arm,
                "keep": keep,
                "seed": seed,
                **{name: run.about.get(name) for name in COSTS},
                "spec_hash": run.about["spec_hash"],
            }
            for (arm, keep, seed), run in found.runs.items()
        ],
        "examples": examples(found),
        "answer": answer(found),
        "against": _against(found),
    }
    out: dict[str, Any] = plain(whole)
    return out


def arms(found: Comparison) -> list[dict[str, Any]]:
    """Specs, and in words what each has that the baseline has not."""
    base = describe(found.arms[found.baseline])
    return [
        {
            "name": name,
            "spec": describe(spec),
            "spec_hash": spec_hash(spec),
            "differs": spec_diff(base, describe(spec)),
        }
        for name, spec in found.arms.items()
    ]


def exposure(found: Comparison) -> list[dict[str, Any]]:
    """Share of all exposure beside the share of what was relevant: new items, then by popularity."""
    name = f"exposure@{found.metric.partition('@')[2]}"
    out = []
    for keep in found.keeps:
        for arm in found.arms:
            every = [found.run(arm, keep, seed) for seed in found.seeds]
            groups = {"new": [run.about["new_items"] for run in every]}
            for part in dict.fromkeys(g for run in every for g in run.evaluation.totals):
                # Items without any user are the new ones again.
                if part.startswith(_BUCKETS) and part != f"{_BUCKETS}0":
                    groups[part] = [run.evaluation.totals.get(part, {}) for run in every]
            for group, shares in groups.items():
                two = {"exposure": _mean(shares, name), "relevance": _mean(shares, "relevance")}
                out.append({"arm": arm, "keep": keep, "group": group, **two})
    return out


def _mean(rows: list[Mapping[str, float | None]], name: str) -> float | None:
    values = [row.get(name) for row in rows]
    known = [v for v in values if v is not None and np.isfinite(v)]
    return float(np.mean(known)) if known else None


def weights(found: Comparison) -> list[dict[str, Any]]:
    """How the loss weights moved, at most `POINTS` updates of each path."""
    out = []
    for (arm, keep, seed), run in found.runs.items():
        trace = run.about["trace"]
        steps = trace.get("step", [])
        for task, path in trace.get("weights", {}).items():
            length = min(len(steps), len(path))
            at = np.unique(np.linspace(0, length - 1, min(length, POINTS)).round().astype(int))
            thin = {"step": [steps[i] for i in at], "weight": [path[i] for i in at]}
            out.append({"arm": arm, "keep": keep, "seed": seed, "task": task, **thin})
    return out


def epochs(found: Comparison) -> list[dict[str, Any]]:
    """Validation signal by epoch."""
    return [
        {"arm": arm, "keep": keep, "seed": seed, **each}
        for (arm, keep, seed), run in found.runs.items()
        for each in run.about["trace"].get("epochs", [])
    ]


def examples(found: Comparison) -> list[dict[str, Any]]:
    """The same few users with the list of each arm: first seed, largest share of the clicks."""
    keep, seed = max(found.keeps), found.seeds[0]
    of = {arm: found.run(arm, keep, seed).about["examples"] for arm in found.arms}
    shown = [
        {"user": each["user"], "history": each["history"], "lists": {found.baseline: each["list"]}}
        for each in of[found.baseline]
    ]
    for at, each in enumerate(shown):
        for arm, theirs in of.items():
            each["lists"][arm] = theirs[at]["list"]
    return shown


def answer(found: Comparison, baseline: str | None = None) -> dict[str, Any]:
    """Say in words what the arms did with all clicks: the first one in full, the others by their verdict.

    It begins with the first one and not with the best one: the best of several looks better than it is.

    Args:
        found: What to speak of.
        baseline: Another arm to compare with, see `Comparison.differences`.
    """
    base = found.baseline if baseline is None else baseline
    others = [arm for arm in found.arms if arm != base]
    gaps = [each for each in found.differences(base) if each.keep == max(found.keeps)]
    by = {(each.arm, each.slice): each for each in gaps}
    place = next((name for name in _WHERE if (others[0], name) in by), None)
    empty = {"arm": others[0], "slice": place or "overall", "metric": found.metric}
    if place is None:
        nothing = "Nobody has anything relevant in all runs: there is nothing to compare."
        told = " ".join([nothing, *_doubts(found)])
        return {
            **empty,
            "mean": None,
            "low": None,
            "high": None,
            "verdict": None,
            "power": None,
            "sentence": told,
        }
    gap = by[others[0], place]
    rest = [by[arm, place] for arm in others[1:] if (arm, place) in by]
    parts = [_sentence(found, base, gap), *_others(rest, base), *_doubts(found)]
    numbers = {"mean": gap.mean, "low": gap.low, "high": gap.high, "verdict": gap.verdict}
    return {**empty, **numbers, "power": power(gap, len(gaps)), "sentence": " ".join(parts)}


def power(gap: Contrast, tests: int) -> dict[str, Any] | None:
    """Estimate the smallest difference that would be found clear in four of five such experiments.

    (z(1 - alpha / 2m) + z(.8)) standard errors, of m tests with the strictest step of Holm's adjustment;
    the standard error is that of the interval. None where the interval has no width.

    Args:
        gap: Its interval gives the standard error.
        tests: Number m of differences that are adjusted together.
    """
    z = NormalDist().inv_cdf
    error = (gap.high - gap.low) / (2 * z((1 + LEVEL) / 2))
    if not error > 0:
        return None
    smallest = (z(1 - (1 - LEVEL) / (2 * tests)) + z(0.8)) * error
    told = (
        f"With these {gap.users:,} users, a difference of {smallest:.4f} or more would be found in four of "
    )
    return {
        "smallest": smallest,
        "tests": tests,
        "sentence": f"{told}five such experiments; a smaller one can be missed.",
    }


def _sentence(found: Comparison, base: str, gap: Contrast) -> str:
    """Gain, loss or no clear difference, with the interval; and what it does not cover."""
    name, _, k = gap.metric.partition("@")
    title = {"ndcg": "NDCG", "mrr": "MRR", "map": "MAP"}.get(name, name.replace("_", " ").capitalize())
    figure = f"{title}@{k} of {_WHERE[gap.slice]}"
    subject, other = _subjects(found, base, gap.arm)
    size = f"by {abs(gap.mean):.4f}"
    if gap.verdict == "better":
        told = f"rose {size} (95 % interval {gap.low:.4f} to {gap.high:.4f}) over {other}"
    elif gap.verdict == "worse":
        told = f"fell {size} (95 % interval {-gap.high:.4f} to {-gap.low:.4f}) below {other}"
    else:
        bounds = f"{gap.mean:+.4f}, 95 % interval {gap.low:+.4f} to {gap.high:+.4f}"
        told = f"did not differ clearly ({bounds}) from {other}"
        if gap.verdict == "few":
            told += f": {gap.users} users are too few"
        elif gap.low > 0 or gap.high < 0:
            told += ", once corrected for all arms and slices that were looked at"
    where = "" if max(found.keeps) == 1 else f" with {max(found.keeps):.4g} of the clicks"
    text = f"{subject}, {figure}{where} {told}."
    if len(found.seeds) == 1 and any(isinstance(s, dict) or is_seeded(s) for s in found.arms.values()):
        text += " There was one seed: how far another one would move this is not known."
    return text


def _others(rest: list[Contrast], base: str) -> list[str]:
    """A sentence on the arms after the first, by name where they differ clearly."""
    if not rest:
        return []
    parts = []
    for side in ("better", "worse"):
        named = [f"{each.arm!r} ({each.mean:+.4f})" for each in rest if each.verdict == side]
        if named:
            parts.append(
                f"{' and '.join(named)} {'is' if len(named) == 1 else 'are'} clearly {side} than {base!r}"
            )
    unclear = [repr(each.arm) for each in rest if each.verdict not in ("better", "worse")]
    if unclear:
        names = " and ".join(unclear) if len(unclear) < 3 else f"{len(unclear)} others"
        parts.append(f"{names} {'does' if len(unclear) == 1 else 'do'} not differ clearly from {base!r}")
    text = "; ".join(parts)
    return [f"{text[0].upper()}{text[1:]}."]


def _doubts(found: Comparison) -> list[str]:
    """A sentence on arms that read what may be known only after the event."""
    arms = dict.fromkeys(
        repr(one["arm"]) for one in found.about.get("warnings") or [] if one["kind"] == "leak"
    )
    return [f"Do not trust {' and '.join(arms)}: may have seen the answer, see the warnings."] if arms else []


def _against(found: Comparison) -> list[dict[str, Any]]:
    """The other arms as baselines, so that a reader may choose one without another fit."""
    return [
        {
            "baseline": arm,
            "differences": [asdict(d) for d in found.differences(arm)],
            "answer": answer(found, arm),
        }
        for arm in found.arms
        if arm != found.baseline and len(found.arms) > 2
    ]


def _subjects(found: Comparison, baseline: str, arm: str) -> tuple[str, str]:
    """How the two arms are called: by their tasks where these alone differ, else by name."""
    base, other = _tasks(describe(found.arms[baseline])), _tasks(describe(found.arms[arm]))
    lines = spec_diff(describe(found.arms[baseline]), describe(found.arms[arm]))
    paths = [line.partition(":")[0] for line in lines]
    # Without tasks a weighting weighs nothing: two that differ there differ in nothing.
    if base == 0 and other > 0 and all(p.endswith("tasks") or "weighting" in p for p in paths):
        return f"With auxiliary task{'s' * (other > 1)}", "the primary loss alone"
    return f"With {arm!r}", repr(baseline)


def _tasks(spec: Any) -> int:
    """Auxiliary tasks in a spec and the models inside it."""
    if isinstance(spec, list):
        return sum(_tasks(each) for each in spec)
    if not isinstance(spec, Mapping) or USE not in spec:
        return 0
    return len(spec.get("tasks", [])) + sum(_tasks(v) for v in spec.values() if isinstance(v, (list, dict)))
