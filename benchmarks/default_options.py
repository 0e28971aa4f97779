"""Which default options of the neighbour models are better on average, and whether other data sets agree.

Four data sets at all and at a tenth of the clicks, validation, users drawn once. A setting is judged by
its mean relative difference to the first one, the default before; leaving one set out, the setting that
the other three choose is judged on the one that had no say.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import arms
import numpy as np
import shape

import sidelight as sl
from sidelight.data.split.event_splits import subsample

LEVELS = (1.0, 0.1)
METRIC = "ndcg@20"


def settings(name: str) -> dict[str, dict[str, Any]]:
    """Candidates of each model by what differs; the first is the one that the others are compared with."""
    text = (arms.PLOT, arms.PLOT_VECTOR) if name == "ml-1m" else (arms.TITLE, arms.TITLE_VECTOR)
    own = {f"shrink {s:g}": sl.ItemKNN(shrink=s, hub=0.3) for s in (10.0, 30.0, 100.0)}
    joint = {
        f"shrink {s:g}, hub {h:g}, weight {w:g}": sl.HybridKNN(text, weight=w, shrink=s, hub=h)
        for s, h, w in ((1.0, 0.0, 1.0), (20.0, 0.3, 1.0), (20.0, 0.3, 3.0))
    }
    return {"ItemKNN": own, "HybridKNN": joint}


def main() -> None:
    """Measure every setting, then count."""
    run = shape.start("default_options", options=_options)
    cells: dict[str, dict[str, dict[str, list[float]]]] = {}
    figures: dict[str, float] = {}
    prints: dict[str, str] = {}
    for name in arms.SETS:
        split = _drawn(arms.SETS[name](run.data), run.users)
        prints[name] = split.data.fingerprint
        for keep in LEVELS:
            part = split if keep == 1 else subsample(split, keep, 0)
            for model, found in settings(name).items():
                for setting, spec in found.items():
                    means = sl.evaluate(spec.fit(part), part, ks=(20,), metrics=("ndcg",)).figures()
                    for each in ("overall", "cold", "warm"):
                        if f"{each}.{METRIC}" in means:
                            value = means[f"{each}.{METRIC}"]
                            figures[f"{name} {keep:.0%}.{each}.{model} {setting}"] = value
                    value = means[f"overall.{METRIC}"]
                    cells.setdefault(model, {}).setdefault(setting, {}).setdefault(name, []).append(value)
                    shape.note(f"{name} {keep:.0%}: {model} {setting}: {value:.4f}")
    for model, by_setting in cells.items():
        figures |= _judged(model, by_setting)
    shape.emit(
        "default_options", figures, {}, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=prints, users=run.users,
    )  # fmt: skip


def _judged(model: str, found: dict[str, dict[str, list[float]]]) -> dict[str, float]:
    """Mean relative difference to the first setting: over all sets, and of what other sets would choose."""
    first = next(iter(found.values()))
    gain = {
        setting: {name: float(np.mean(np.divide(v, first[name]) - 1)) for name, v in sets.items()}
        for setting, sets in found.items()
    }
    out = {
        f"relative to the first.mean of all sets.{model} {s}": float(np.mean(list(g.values())))
        for s, g in gain.items()
    }
    for left in first:
        chosen = max(gain, key=lambda s: float(np.mean([g for n, g in gain[s].items() if n != left])))
        out[f"relative to the first.{left}, chosen on the others.{model} {chosen}"] = gain[chosen][left]
    return out


def _drawn(split: sl.Split, users: int) -> sl.Split:
    asked = split.data.interactions.user[split.validation]
    who = np.unique(asked)
    if len(who) <= users:
        return split
    kept = np.random.default_rng(0).choice(who, users, replace=False)
    return replace(split, validation=split.validation[np.isin(asked, kept)])


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--users", type=int, default=1500, help="of the validation part, at most")


if __name__ == "__main__":
    main()
