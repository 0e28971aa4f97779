"""Record of a comparison: plain JSON values for reports, other tools and later readers."""

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
from sidelight.experiment.record_schema import ABOUT, KIND, RUN_COSTS, SCHEMA, Entry, check_record
from sidelight.json_files import plain

if TYPE_CHECKING:
    from sidelight.experiment.comparison import Comparison

POINTS = 200  # per path of weights: as many as a drawing can show
_BUCKETS = "item:popularity="
_LISTS = {"overall": "the one list", "cold": "the list of new items", "warm": "the list of old items"}


def record(found: Comparison) -> Entry:
    """Return everything of a comparison but the values of single users.

    Its fields are those of `record_schema`: the head, one table each of arms, figures, differences,
    exposure, weights, epochs, runs, examples and warnings, the answer, and `against`: differences and
    answer with each other arm as the baseline.
    """
    base = describe(found.arms[found.baseline])
    arms = []
    for name, spec in found.arms.items():
        options = describe(spec)
        differs = spec_diff(base, options)
        arms.append({"name": name, "spec": options, "spec_hash": spec_hash(spec), "differs": differs})
    runs = [
        {**_key(key), **{name: run.about.get(name) for name in RUN_COSTS}} for key, run in found.runs.items()
    ]
    epochs = [
        {**_key(key), **each}
        for key, run in found.runs.items()
        for each in run.about["trace"].get("epochs", [])
    ]
    out: Entry = plain(
        {
            "kind": KIND,
            "schema": SCHEMA,
            "part": found.part,
            "metric": found.metric,
            "level": LEVEL,
            "baseline": found.baseline,
            "seeds": found.seeds,
            "keeps": found.keeps,
            "arms": arms,
            **{name: found.about.get(name) for name in ABOUT},
            "figures": [asdict(each) for each in found.figures()],
            "differences": [asdict(each) for each in found.differences()],
            "exposure": _exposure(found),
            "weights": _weights(found),
            "epochs": epochs,
            "runs": runs,
            "examples": _examples(found),
            "answer": answer(found),
            "against": _against(found),
        }
    )
    check_record(out)
    return out


def _key(key: tuple[str, float, int]) -> Entry:
    return dict(zip(("arm", "keep", "seed"), key, strict=True))


def _exposure(found: Comparison) -> list[Entry]:
    """Return each item group's share of all exposure and of the relevant pairs: cold items, then buckets."""
    name = f"exposure@{found.metric.partition('@')[2]}"
    out = []
    for keep in found.keeps:
        for arm in found.arms:
            every = [found.run(arm, keep, seed) for seed in found.seeds]
            groups = {"new": [run.about["new_items"] for run in every]}
            for part in dict.fromkeys(g for run in every for g in run.evaluation.totals):
                # Items without any user are the cold ones again.
                if part.startswith(_BUCKETS) and part != f"{_BUCKETS}0":
                    groups[part] = [run.evaluation.totals.get(part, {}) for run in every]
            for group, shares in groups.items():
                both = {"exposure": _mean(shares, name), "relevance": _mean(shares, "relevance")}
                out.append({"arm": arm, "keep": keep, "group": group, **both})
    return out


def _mean(rows: list[Mapping[str, float | None]], name: str) -> float | None:
    values = [row.get(name) for row in rows]
    known = [v for v in values if v is not None and np.isfinite(v)]
    return float(np.mean(known)) if known else None


def _weights(found: Comparison) -> list[Entry]:
    """Return the path of each loss weight, at most `POINTS` updates per path."""
    out = []
    for key, run in found.runs.items():
        trace = run.about["trace"]
        steps = trace.get("step", [])
        for task, path in trace.get("weights", {}).items():
            length = min(len(steps), len(path))
            at = np.unique(np.linspace(0, length - 1, min(length, POINTS)).round().astype(int))
            thin = {"step": [steps[i] for i in at], "weight": [path[i] for i in at]}
            out.append({**_key(key), "task": task, **thin})
    return out


def _examples(found: Comparison) -> list[Entry]:
    """Return the lists of all arms for a few users: first seed, largest share of the clicks."""
    keep, seed = max(found.keeps), found.seeds[0]
    of = {arm: found.run(arm, keep, seed).about["examples"] for arm in found.arms}
    return [
        {
            "user": each["user"],
            "history": each["history"],
            "lists": {arm: of[arm][at]["list"] for arm in (found.baseline, *found.arms)},
        }
        for at, each in enumerate(of[found.baseline])
    ]


def _against(found: Comparison) -> list[Entry]:
    """Return the view of each other arm as the baseline; with two arms there is only one difference."""
    others = [arm for arm in found.arms if arm != found.baseline] if len(found.arms) > 2 else []
    return [
        {
            "baseline": arm,
            "differences": [asdict(d) for d in found.differences(arm)],
            "answer": answer(found, arm),
        }
        for arm in others
    ]


def answer(found: Comparison, baseline: str | None = None) -> Entry:
    """Summarise a comparison with all clicks: the first arm in full, the others by their verdict.

    It begins with the first arm and not with the best one: the best of several looks better than it is.

    Args:
        found: Comparison to summarise.
        baseline: Another arm to compare with, see `Comparison.differences`.
    """
    base = found.baseline if baseline is None else baseline
    others = [arm for arm in found.arms if arm != base]
    gaps = [each for each in found.differences(base) if each.keep == max(found.keeps)]
    by = {(each.arm, each.slice): each for each in gaps}
    place = next((name for name in _LISTS if (others[0], name) in by), None)
    out: Entry = {"arm": others[0], "slice": place or "overall", "metric": found.metric}
    if place is None:
        nothing = "No user has anything relevant in all runs: there is nothing to compare."
        unknown = dict.fromkeys(("mean", "low", "high", "verdict", "power"))
        return {**out, **unknown, "sentence": " ".join([nothing, *_leak_sentence(found)])}
    gap = by[others[0], place]
    rest = [by[arm, place] for arm in others[1:] if (arm, place) in by]
    parts = [_sentence(found, base, gap), *_other_arms(rest, base), *_leak_sentence(found)]
    numbers = {"mean": gap.mean, "low": gap.low, "high": gap.high, "verdict": gap.verdict}
    return {**out, **numbers, "power": power(gap, len(gaps)), "sentence": " ".join(parts)}


def power(gap: Contrast, tests: int) -> Entry | None:
    """Describe the smallest difference that would be found clear in four of five such experiments.

    Args:
        gap: Difference whose interval gives the standard error; None where it has no width.
        tests: Number of differences that are adjusted together.
    """
    if not gap.high > gap.low:
        return None
    smallest = smallest_visible(gap.low, gap.high, tests)
    sentence = (
        f"With these {gap.users:,} users, a difference of {smallest:.4f} or more would be found in four of "
        "five such experiments; a smaller one can be missed."
    )
    return {"smallest": smallest, "tests": tests, "sentence": sentence}


def smallest_visible(low: float, high: float, tests: int = 1) -> float:
    """Return the smallest true difference that a comparison of this precision shows with a power of 80 %.

    (z(1 - alpha / 2m) + z(.8)) standard errors, of m tests with the strictest step of Holm's adjustment;
    the standard error is that of the interval.

    Args:
        low, high: Interval of the difference.
        tests: Number m of differences that are adjusted together.

    Examples:
        >>> round(smallest_visible(-0.00196, 0.00196), 5)
        0.0028
    """
    z = NormalDist().inv_cdf
    error = (high - low) / (2 * z((1 + LEVEL) / 2))
    return (z(1 - (1 - LEVEL) / (2 * tests)) + z(0.8)) * error


def _sentence(found: Comparison, base: str, gap: Contrast) -> str:
    """Describe a gain, a loss or no clear difference, with its interval and its limits."""
    name, _, k = gap.metric.partition("@")
    title = {"ndcg": "NDCG", "mrr": "MRR", "map": "MAP"}.get(name, name.replace("_", " ").capitalize())
    subject, other = _subjects(found, base, gap.arm)
    size = f"by {abs(gap.mean):.4f}"
    if gap.verdict == "better":
        change = f"rose {size} (95 % interval {gap.low:.4f} to {gap.high:.4f}) over {other}"
    elif gap.verdict == "worse":
        change = f"fell {size} (95 % interval {-gap.high:.4f} to {-gap.low:.4f}) below {other}"
    else:
        bounds = f"{gap.mean:+.4f}, 95 % interval {gap.low:+.4f} to {gap.high:+.4f}"
        change = f"did not differ clearly ({bounds}) from {other}"
        if gap.verdict == "few":
            change += f": {gap.users} users are too few"
        elif gap.low > 0 or gap.high < 0:
            change += ", once corrected for all arms and slices that were tested"
    share = "" if max(found.keeps) == 1 else f" with {max(found.keeps):.4g} of the clicks"
    text = f"{subject}, {title}@{k} of {_LISTS[gap.slice]}{share} {change}."
    if len(found.seeds) == 1 and any(isinstance(s, dict) or is_seeded(s) for s in found.arms.values()):
        text += " There was one seed: how far another one would move this is not known."
    return text


def _other_arms(rest: list[Contrast], base: str) -> list[str]:
    """Return a sentence on the arms after the first, by name where they differ clearly."""
    parts = []
    for side in ("better", "worse"):
        named = [f"{each.arm!r} ({each.mean:+.4f})" for each in rest if each.verdict == side]
        if named:
            verb = "is" if len(named) == 1 else "are"
            parts.append(f"{' and '.join(named)} {verb} clearly {side} than {base!r}")
    unclear = [repr(each.arm) for each in rest if each.verdict not in ("better", "worse")]
    if unclear:
        names = " and ".join(unclear) if len(unclear) < 3 else f"{len(unclear)} others"
        parts.append(f"{names} {'does' if len(unclear) == 1 else 'do'} not differ clearly from {base!r}")
    text = "; ".join(parts)
    return [f"{text[0].upper()}{text[1:]}."] if text else []


def _leak_sentence(found: Comparison) -> list[str]:
    """Return a sentence on arms that read columns which may be known only after the event."""
    warned = found.about.get("warnings") or []
    arms = " and ".join(dict.fromkeys(repr(one["arm"]) for one in warned if one["kind"] == "leak"))
    return [f"Do not trust {arms}: may have seen the answer, see the warnings."] if arms else []


def _subjects(found: Comparison, baseline: str, arm: str) -> tuple[str, str]:
    """Return phrases for the two arms: by their tasks where only these differ, else by name."""
    base, other = describe(found.arms[baseline]), describe(found.arms[arm])
    before, after = _count_tasks(base), _count_tasks(other)
    paths = [line.partition(":")[0] for line in spec_diff(base, other)]
    # Without tasks a weighting weighs nothing: two specs that differ only there are the same model.
    if before == 0 and after > 0 and all(p.endswith("tasks") or "weighting" in p for p in paths):
        return f"With auxiliary task{'s' * (after > 1)}", "the primary loss alone"
    return f"With {arm!r}", repr(baseline)


def _count_tasks(spec: Any) -> int:
    """Count the auxiliary tasks in a spec and the models inside it."""
    if isinstance(spec, list):
        return sum(map(_count_tasks, spec))
    if not isinstance(spec, Mapping) or USE not in spec:
        return 0
    inside = [v for v in spec.values() if isinstance(v, (list, dict))]
    return len(spec.get("tasks", [])) + sum(map(_count_tasks, inside))
