"""Made-up records of comparisons in several shapes; figures follow a simple law, so that pages look real."""

from __future__ import annotations

from typing import Any

import numpy as np

KS = (10, 20)
MAIN = ("overall", "cold", "warm")
GROUPS = (
    *(f"item:popularity={g}" for g in ("0", "1-4", "5-9", "10-49", "50+")),
    *(f"user:activity={g}" for g in ("1-4", "5-9", "10-49", "50+")),
)
TASKS = ("contrastive", "reconstruction", "popularity", "alignment")
ABLATIONS = (
    "primary loss only",
    "all tasks",
    *(f"without {t}" for t in TASKS),
    *(f"only {t}" for t in TASKS),
    "all tasks, uncertainty weighting",
    "all tasks with a name that goes on for longer than any chart is wide",
)
LEVELS = {"overall": 0.182, "cold": 0.121, "warm": 0.244}
TITLES = (
    "Organic oat drink, 1 l",
    "Sparkling water",
    "Rye bread with sunflower seeds",
    "Dark chocolate 70 %",
    "Fair trade coffee beans, whole, medium roast",
    "Basmati rice",
    "Hand soap refill",
    "Tomato passata",
)
HOSTILE = (
    '<script>alert("x")</script>',
    "</script><script>alert(1)</script>",
    "\u202eevil\u202d \"quoted\" 'title'",
    "<img src=x onerror=alert(1)>",
    "A & B < C > D",
    "nul\x00 and half \ud800 a pair",
    "{{ 7 * 7 }} {% raw %}",
    "W" * 120,
)


def made(
    arms: tuple[str, ...] = ("clicks only", "clicks and content"),
    keeps: tuple[float, ...] = (1.0,),
    seeds: tuple[int, ...] = (0, 1, 2),
    groups: tuple[str, ...] = GROUPS,
    weights: bool = True,
    titles: tuple[str, ...] = TITLES,
    slices: tuple[str, ...] = MAIN,
    gain: float = 0.09,
) -> dict[str, Any]:
    """The record of a comparison of `arms`, the first of which is the baseline."""
    rng = np.random.default_rng(7)
    effects = {arm: gain * (0.4 + 0.9 * rng.random()) * rng.choice([1, 1, 1, -0.4]) for arm in arms[2:]}
    effects = {arms[0]: 0.0, arms[1]: gain, **effects}
    names = (*slices, *groups)
    differences = [_difference(rng, a, k, s, effects[a]) for a in arms[1:] for k in keeps for s in names]
    answer = next(d for d in differences if d["keep"] == max(keeps))
    return {
        "kind": "comparison",
        "schema": 1,
        "part": "test",
        "metric": "ndcg@20",
        "level": 0.95,
        "baseline": arms[0],
        "seeds": list(seeds),
        "keeps": list(keeps),
        "candidates": 1,
        "arms": [_arm(name, at, arms[0]) for at, name in enumerate(arms)],
        "data": {
            "fingerprint": "4f2a9c01d7",
            "users": 5551,
            "items": 16980,
            "interactions": 204986,
            "density": 0.002175,
            "train_interactions": 131402,
        },
        "split": {"how": "temporal", "validation": 0.15, "test": 0.15, "cold": "first seen after training"},
        "versions": {"sidelight": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0"},
        "command": "sidelight compare split/ clicks.toml content.toml -o comparison/ --seeds 3 --final",
        "made": "2026-03-14",
        "figures": [
            f for a in arms for k in keeps for s in names for f in _figures(rng, a, k, s, effects[a])
        ],
        "differences": differences,
        "exposure": [e for a in arms for k in keeps for e in _exposure(a, k, effects[a])],
        "weights": [w for a in arms[1:] for k in keeps for s in seeds for w in _weights(rng, a, k, s)]
        if weights
        else [],
        "epochs": [
            {"arm": a, "keep": k, "seed": s, "epoch": e, "signal": 0.1 + 0.01 * e}
            for a in arms
            for k in keeps
            for s in seeds
            for e in range(4)
        ]
        if weights
        else [],
        "runs": [
            {"arm": a, "keep": k, "seed": s, "seconds": float(rng.uniform(2, 90)), "spec_hash": "ab12" * 16}
            for a in arms
            for k in keeps
            for s in seeds
        ],
        "examples": [_example(rng, arms, n, titles) for n in range(3)],
        "answer": {
            "arm": arms[1],
            "slice": answer["slice"],
            "metric": "ndcg@20",
            **{name: answer[name] for name in ("mean", "low", "high")},
            "sentence": _sentence(answer),
        },
    }


def twelve() -> dict[str, Any]:
    """A dozen ablations at five shares of the interactions."""
    return made(ABLATIONS, (1.0, 0.5, 0.25, 0.1, 0.05))


def few() -> dict[str, Any]:
    """Three arms at four shares: what one chart holds."""
    return made(("clicks only", "clicks and content", "content only"), (1.0, 0.5, 0.2, 0.05))


def empty() -> dict[str, Any]:
    """As little as a comparison can have: no groups, no cold slice, nothing recorded."""
    found = made(groups=(), weights=False, slices=("overall",))
    found |= {"exposure": [], "examples": [], "runs": [], "command": None}
    found["figures"] = [f for f in found["figures"] if f["metric"] == "ndcg@20"]
    return found


def nothing() -> dict[str, Any]:
    """A comparison in which nobody had anything relevant."""
    found = empty() | {"figures": [], "differences": []}
    found["answer"] |= {"mean": None, "low": None, "high": None, "sentence": "There is nothing to compare."}
    return found


def unsure() -> dict[str, Any]:
    """Intervals and means that are NaN or None here and there."""
    found = made(keeps=(1.0, 0.5))
    for at, entry in enumerate([*found["figures"], *found["differences"]]):
        if at % 3 == 0:
            entry |= {"low": float("nan"), "high": None}
        if at % 7 == 0:
            entry |= {"mean": float("nan"), "low": None, "high": None}
    found["answer"] |= {"low": None, "high": float("nan")}
    found["weights"][0]["weight"][:3] = [None, float("nan"), float("inf")]
    return found


def hostile() -> dict[str, Any]:
    """Text that would break out of HTML, attributes, scripts or the direction of a line."""
    found = made(("<b>base</b>", '"><script>alert(2)</script>', "\u202ereversed & 'quoted'"), titles=HOSTILE)
    found["answer"]["sentence"] = "</h1><script>alert(3)</script> \u202ebackwards"
    found["command"] = "sidelight compare '</code></pre><script>alert(4)</script>'"
    found["split"]["</dl><script>"] = "</script>"
    for entry in found["exposure"]:
        entry["group"] = entry["group"].replace("50+", "</text></svg><script>alert(5)</script>")
    return found


SHAPES = {
    "two": made,
    "few": few,
    "twelve": twelve,
    "empty": empty,
    "nothing": nothing,
    "unsure": unsure,
    "hostile": hostile,
}


def _level(keep: float, name: str) -> float:
    base = LEVELS.get(name, 0.15 if name.startswith("user") else 0.1)
    return base * (0.35 + 0.65 * keep**0.3)


def _effect(keep: float, name: str, effect: float) -> float:
    """Content helps new items most and more where clicks are few; heavy users lose a little."""
    factor = {"cold": 2.6, "warm": -0.05, "overall": 1.0}.get(name, 0.7)
    factor = {"item:popularity=0": 2.2, "item:popularity=50+": -0.35, "user:activity=50+": -0.3}.get(
        name, factor
    )
    return _level(keep, name) * effect * factor * (1.5 - 0.5 * keep)


def _figures(
    rng: np.random.Generator, arm: str, keep: float, name: str, effect: float
) -> list[dict[str, Any]]:
    mean = _level(keep, name) + _effect(keep, name, effect)
    where = {"arm": arm, "keep": keep, "slice": name}
    out = []
    for stem, factor in (("recall", 1.4), ("ndcg", 1.0)):
        for k in KS:
            found = mean * factor * (1.0 if k == 20 else 0.82)
            wide = 0.004 + 0.002 * rng.random()
            out.append(
                {
                    **where,
                    "metric": f"{stem}@{k}",
                    "mean": found,
                    "low": found - wide,
                    "high": found + wide,
                    "users": 5551,
                }
            )
    if name == "overall":
        beside = {"novelty@20": 7.1, "cold_slots@20": 0.02 + 1.4 * max(effect, 0), "cold_relevance": 0.231}
        out += [
            {**where, "metric": m, "mean": v, "low": 0.95 * v, "high": 1.05 * v, "users": 5540}
            for m, v in beside.items()
        ]
        totals = {
            "coverage@20": 0.31 + effect,
            "gini@20": 0.86 - effect,
            "popularity_lift@20": -0.12 - effect,
        }
        out += [
            {**where, "metric": m, "mean": v, "low": None, "high": None, "users": 5551}
            for m, v in totals.items()
        ]
    return out


def _difference(rng: np.random.Generator, arm: str, keep: float, name: str, effect: float) -> dict[str, Any]:
    mean = _effect(keep, name, effect) + float(rng.normal(0, 0.0006))
    wide = 0.0015 + 0.003 * float(rng.random())
    p = float(min(1.0, 2 * np.exp(-3 * abs(mean) / wide)))
    return {
        "arm": arm,
        "keep": keep,
        "slice": name,
        "metric": "ndcg@20",
        "mean": mean,
        "low": mean - wide,
        "high": mean + wide,
        "p": p,
        "p_holm": min(1.0, 3 * p),
        "users": int(rng.integers(120, 5551)),
        "left_out": 0,
        "up": 0.41,
        "down": 0.33,
    }


def _exposure(arm: str, keep: float, effect: float) -> list[dict[str, Any]]:
    chosen = {
        "new": 0.23,
        "item:popularity=1-4": 0.14,
        "item:popularity=5-9": 0.18,
        "item:popularity=10-49": 0.29,
        "item:popularity=50+": 0.16,
    }
    base = {
        "new": 0.02,
        "item:popularity=1-4": 0.05,
        "item:popularity=5-9": 0.12,
        "item:popularity=10-49": 0.35,
        "item:popularity=50+": 0.46,
    }
    toward = float(np.clip(effect / 0.12, 0, 1))
    return [
        {
            "arm": arm,
            "keep": keep,
            "group": group,
            "relevance": share,
            "exposure": base[group] + toward * (share - base[group]),
        }
        for group, share in chosen.items()
    ]


def _weights(rng: np.random.Generator, arm: str, keep: float, seed: int) -> list[dict[str, Any]]:
    steps = list(range(0, 2000, 40))
    out = []
    for at, task in enumerate(TASKS):
        end = 0.15 + 0.3 * at
        path = end + (1 - end) * np.exp(-np.array(steps) / 400) + rng.normal(0, 0.02, len(steps))
        out.append(
            {"arm": arm, "keep": keep, "seed": seed, "task": task, "step": steps, "weight": path.tolist()}
        )
    return out


def _example(
    rng: np.random.Generator, arms: tuple[str, ...], n: int, titles: tuple[str, ...]
) -> dict[str, Any]:
    def items(count: int) -> list[dict[str, Any]]:
        drawn = rng.permutation(40)[:count]
        return [{"item": f"i{i:02d}", "title": titles[i % len(titles)]} for i in drawn]

    lists = {
        arm: [
            item | {"new": bool(rng.random() < 0.25), "relevant": bool(rng.random() < 0.2)}
            for item in items(10)
        ]
        for arm in arms
    }
    return {"user": f"household {1200 + 17 * n}", "history": items(6), "lists": lists}


def _sentence(gap: dict[str, Any]) -> str:
    return (
        f"With {gap['arm']!r}, NDCG@20 of the one list rose by {gap['mean']:.4f} "
        f"(95 % interval {gap['low']:.4f} to {gap['high']:.4f}) over the baseline."
    )


def _arm(name: str, at: int, baseline: str) -> dict[str, Any]:
    spec = {"use": "TwoTower", "dim": 64, "epochs": 20, "tasks": [{"use": "Contrastive", "weight": 0.1 * at}]}
    differs = (
        [] if name == baseline else [f"tasks[0].weight: 0.0 becomes {0.1 * at:.1f}", "dim: 64 as before"]
    )
    return {"name": name, "spec": spec, "spec_hash": f"{at:02d}" * 32, "differs": differs}
