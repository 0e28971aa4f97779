"""A learned model on citeulike-a, the cold-item split of ALDI, titles only: alone and in the blend.

Arms `primary` and `augmented` are ONE calibrated list each: the blend of the closed-form models with
the two-tower model, without and with auxiliary tasks. The two-tower models alone stand beside them.
Everything is chosen on validation; the test part is opened once for each arm and seed.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field, replace
from typing import Any

import arms
import citeulike_cold
import numpy as np
import shape

import sidelight as sl
from sidelight.evaluation.result import Evaluation
from sidelight.experiment.bootstrap import crossed_intervals

DIM, EPOCHS = 256, 14
PARTS = ("cold", "warm", "overall")
METRICS = ("recall@20", "ndcg@20", "cold_slots@20", "cold_relevance")
LABELS = {
    "closed_form": "Blend without a learned model", "two_tower": "TwoTower, primary loss only",
    "two_tower_augmented": "TwoTower, augmented", "primary": "Blend with TwoTower",
    "augmented": "Blend with augmented TwoTower",
}  # fmt: skip


@dataclass(eq=False)
class Once:
    """A spec whose model is fitted once: the closed forms draw nothing, so that seeds share them."""

    spec: Any
    seconds: dict[str, float]
    model: Any = field(default=None)

    def fit(self, split: sl.Split, progress: Any = None) -> Any:
        """The model, fitted at the first call."""
        if self.model is None:
            start = time.perf_counter()
            self.model = self.spec.fit(split)
            self.seconds[f"{type(self.spec).__name__} {len(self.seconds) + 1}"] = time.perf_counter() - start
        return self.model


def main() -> None:
    """Fit the closed forms once, then both learned models with every seed."""
    run = shape.start("citeulike_learned", options=_options)
    split = arms.SETS["citeulike-a"](run.data)
    seconds: dict[str, float] = {}
    closed = [Once(spec, seconds) for spec in citeulike_cold.MODELS["blend"].components]
    options = replace(arms.OPTIONS, epochs=EPOCHS)
    learned = {
        "": replace(arms.primary("citeulike-a", DIM), options=options),
        "_augmented": replace(arms.augmented("citeulike-a", DIM), options=options),
    }
    found: dict[str, list[Evaluation]] = {name: [] for name in LABELS}
    validation: dict[str, dict[str, float]] = {}
    log = run.out.with_suffix(".openings.jsonl")
    for seed in range(run.seeds):
        made = dict(_models(closed, learned, seed, seconds, split))
        for name, (spec, model) in made.items():
            if seed == 0:
                chosen = sl.evaluate(model, split, ks=(20,)).figures()
                validation[name] = {k: chosen[k] for k in chosen if k.partition(".")[2] in METRICS}
            each = sl.evaluate(model, split, part="test", ks=(20,), final=True, log=log, spec=spec)
            found[name].append(each)
            shape.note(f"seed {seed}, {name}: " + _line(each))
    figures, intervals = _figures(found)
    shape.emit(
        "citeulike_learned", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=split.data.fingerprint, seeds=run.seeds, validation=validation, labels=LABELS,
        published=citeulike_cold.PUBLISHED, fit_seconds=seconds,
        models={f"two_tower{name}": repr(spec) for name, spec in learned.items()},
    )  # fmt: skip


def _models(
    closed: list[Once], learned: dict[str, Any], seed: int, seconds: dict[str, float], split: sl.Split
) -> Any:
    """Name, and (spec, model), of every arm; closed forms alone with the first seed only."""
    if seed == 0:
        plain = sl.Blend(tuple(closed), new_share="validation")
        start = time.perf_counter()
        yield "closed_form", (citeulike_cold.MODELS["blend"], plain.fit(split))
        seconds["blend of closed forms, in all"] = time.perf_counter() - start
    for name, spec in learned.items():
        own = Once(replace(spec, seed=seed), {})
        start = time.perf_counter()
        model = own.fit(split)
        middle = time.perf_counter()
        blend = sl.Blend((*closed, own), new_share="validation", seed=seed)
        mixed = blend.fit(split)
        if seed == 0:
            seconds[f"two_tower{name}"] = middle - start
            seconds[f"blend weights with two_tower{name}"] = time.perf_counter() - middle
        yield f"two_tower{name}", (own.spec, model)
        parts = (*citeulike_cold.MODELS["blend"].components, own.spec)
        yield name[1:] or "primary", (sl.Blend(parts, new_share="validation", seed=seed), mixed)


def _line(each: Evaluation) -> str:
    figures = each.figures()
    return "  ".join(f"{p} {figures[f'{p}.recall@20']:.4f}/{figures[f'{p}.ndcg@20']:.4f}" for p in PARTS)


def _figures(
    found: dict[str, list[Evaluation]],
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}

    def put(key: str, rows: np.ndarray) -> None:
        known = crossed_intervals(rows[None])[0]
        figures[key], intervals[key] = known.mean, (known.low, known.high)

    for name, each in found.items():
        for part in PARTS:
            for metric in METRICS[: 4 if part == "overall" else 2]:
                put(f"{name}.{part}.{metric}", np.stack([e.values[part][metric] for e in each]))
    for part in PARTS:
        for metric in METRICS[:2]:
            for better, worse in (("two_tower_augmented", "two_tower"), ("augmented", "primary")):
                rows = [np.stack([e.values[part][metric] for e in found[n]]) for n in (better, worse)]
                put(f"{better}_minus_{worse}:{part}:{metric}", rows[0] - rows[1])
    return figures, intervals


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=5)


if __name__ == "__main__":
    main()
