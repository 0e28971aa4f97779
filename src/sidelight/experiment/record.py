"""The record of a comparison: plain JSON values, for a report, for other tools, for later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from sidelight.config import USE
from sidelight.evaluation.openings import describe, spec_hash
from sidelight.experiment.arms import differs, is_seeded
from sidelight.experiment.bootstrap import LEVEL
from sidelight.experiment.figures import Contrast
from sidelight.experiment.runs import KIND, SCHEMA, plain

if TYPE_CHECKING:
    from sidelight.experiment.comparison import Comparison

ABOUT = ("data", "split", "history", "versions", "candidates", "command", "made", "thin_validation")
POINTS = 200  # of a path of weights: what a drawing can show
_BUCKETS = "item:popularity="
_WHERE = {"overall": "the one list", "cold": "the list of new items", "warm": "the list of old items"}


def record(found: Comparison) -> dict[str, Any]:
    """All of a comparison but the values of single users.

    Keys: kind, schema, part, metric, level, baseline, seeds, keeps, arms, data, split, history, versions,
    candidates, command, made, thin_validation, figures, differences, exposure, weights, epochs, runs,
    examples, answer.
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
                "seconds": run.about["seconds"],
                "spec_hash": run.about["spec_hash"],
            }
            for (arm, keep, seed), run in found.runs.items()
        ],
        "examples": examples(found),
        "answer": answer(found),
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
            "differs": differs(base, describe(spec)),
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


def answer(found: Comparison) -> dict[str, Any]:
    """The first arm after the baseline, all clicks, in one sentence.

    It is the first one and not the best one: the best of several looks better than it is.
    """
    other = next(arm for arm in found.arms if arm != found.baseline)
    keep = max(found.keeps)
    gaps = {e.slice: e for e in found.differences() if (e.arm, e.keep) == (other, keep)}
    gap = next((gaps[name] for name in _WHERE if name in gaps), None)
    empty = {"arm": other, "slice": "overall", "metric": found.metric}
    if gap is None:
        nothing = "Nobody has anything relevant in all runs: there is nothing to compare."
        return {**empty, "mean": None, "low": None, "high": None, "sentence": nothing}
    numbers = {"mean": gap.mean, "low": gap.low, "high": gap.high}
    return {**empty, "slice": gap.slice, **numbers, "sentence": _sentence(found, gap)}


def _sentence(found: Comparison, gap: Contrast) -> str:
    """Gain, loss or no clear difference, with the interval; and what it does not cover."""
    name, _, k = gap.metric.partition("@")
    title = {"ndcg": "NDCG", "mrr": "MRR", "map": "MAP"}.get(name, name.replace("_", " ").capitalize())
    figure = f"{title}@{k} of {_WHERE[gap.slice]}"
    subject, other = _subjects(found, gap.arm)
    size = f"by {abs(gap.mean):.4f}"
    if gap.low > 0:
        told = f"rose {size} (95 % interval {gap.low:.4f} to {gap.high:.4f}) over {other}"
    elif gap.high < 0:
        told = f"fell {size} (95 % interval {-gap.high:.4f} to {-gap.low:.4f}) below {other}"
    else:
        bounds = f"{gap.mean:+.4f}, 95 % interval {gap.low:+.4f} to {gap.high:+.4f}"
        told = f"did not differ clearly ({bounds}) from {other}"
    where = "" if max(found.keeps) == 1 else f" with {max(found.keeps):.4g} of the clicks"
    text = f"{subject}, {figure}{where} {told}."
    if len(found.seeds) == 1 and any(isinstance(s, dict) or is_seeded(s) for s in found.arms.values()):
        text += " There was one seed: how far another one would move this is not known."
    return text


def _subjects(found: Comparison, arm: str) -> tuple[str, str]:
    """How the two arms are called: by their tasks where these alone differ, else by name."""
    base, other = _tasks(describe(found.arms[found.baseline])), _tasks(describe(found.arms[arm]))
    lines = differs(describe(found.arms[found.baseline]), describe(found.arms[arm]))
    paths = [line.partition(":")[0] for line in lines]
    # Without tasks a weighting weighs nothing: two that differ there differ in nothing.
    if base == 0 and other > 0 and all(p.endswith("tasks") or "weighting" in p for p in paths):
        return f"With auxiliary task{'s' * (other > 1)}", "the primary loss alone"
    return f"With {arm!r}", repr(found.baseline)


def _tasks(spec: Any) -> int:
    """Auxiliary tasks in a spec and the models inside it."""
    if isinstance(spec, list):
        return sum(_tasks(each) for each in spec)
    if not isinstance(spec, Mapping) or USE not in spec:
        return 0
    return len(spec.get("tasks", [])) + sum(_tasks(v) for v in spec.values() if isinstance(v, (list, dict)))
