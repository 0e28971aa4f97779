"""How long the blend with an augmented two-tower takes to fit on citeulike-a, and which part takes it.

The models of `citeulike_learned`, on all cores of the machine, content encoded before. Bar: 180 s on
two cores.
"""

from __future__ import annotations

import time
from dataclasses import replace

import arms
import citeulike_cold
import shape
from citeulike_learned import DIM, EPOCHS, Once

import sidelight as sl

PARTS = ("cold", "warm", "overall")


def main() -> None:
    """Fit once with tasks and once without, every part with a clock of its own."""
    run = shape.start("training_time")
    split = arms.SETS["citeulike-a"](run.data)
    options = replace(arms.OPTIONS, epochs=EPOCHS)
    figures: dict[str, float] = {}
    for name, make in (("primary", arms.primary), ("augmented", arms.augmented)):
        parts = (
            *citeulike_cold.MODELS["blend"].components,
            replace(make("citeulike-a", DIM), options=options),
        )
        if not figures:
            _encoded(parts[-1], split)
        seconds: dict[str, float] = {}
        start = time.perf_counter()
        model = sl.Blend(tuple(Once(part, seconds) for part in parts), new_share="validation").fit(split)
        whole = time.perf_counter() - start
        figures[f"{name}.seconds"] = whole
        figures |= {f"{name}.seconds.{part}": took for part, took in seconds.items()}
        figures[f"{name}.seconds.weights, calibration and gains"] = whole - sum(seconds.values())
        found = sl.evaluate(model, split, ks=(20,)).figures()
        figures |= {
            f"{name}.validation.{p}.{m}@20": found[f"{p}.{m}@20"] for p in PARTS for m in ("recall", "ndcg")
        }
        shape.note(f"{name}: {whole:.0f} s  " + ", ".join(f"{k} {v:.0f}" for k, v in seconds.items()))
    shape.emit(
        "training_time", figures, {}, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=split.data.fingerprint, bars={"augmented.seconds": 180},
    )  # fmt: skip


def _encoded(spec: sl.TwoTower, split: sl.Split) -> None:
    """Put the vectors of the titles into the cache."""
    replace(spec, options=replace(spec.options, epochs=1), tasks=()).fit(split)


if __name__ == "__main__":
    main()
