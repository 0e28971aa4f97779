"""Closed-form models on citeulike-a, the published cold-item split of ALDI, titles only.

Options were chosen on the validation part (`--select` prints that search); the test part is opened
once a run, for all models together.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import arms
import shape

import sidelight as sl

TITLE = sl.Text("title")
VECTOR = sl.Text("title", encoder="minilm")

CONTENT_KNN = sl.ContentKNN((VECTOR,), neighbours=200, power=3.0, hub=0.75)
LEXICAL_KNN = sl.ContentKNN((TITLE,), neighbours=200, power=2.0, hub=0.75)
HYBRID_KNN = sl.HybridKNN((TITLE, VECTOR), weight=1.0, shrink=20.0, neighbours=200, hub=0.3)
EASE = sl.EASE(reg=30.0)
TAUGHT = sl.Ridge((TITLE, VECTOR), weights=(1.0, 2.0), reg=50.0, teacher=EASE, strength=3.0)

MODELS = {
    "popular": sl.Popular(),
    "item_knn": sl.ItemKNN(neighbours=200, shrink=5.0, hub=0.3),
    "content_knn": CONTENT_KNN,
    "hybrid_knn": HYBRID_KNN,
    "ease": EASE,
    "ridge": sl.Ridge((TITLE,), reg=20.0),
    "als": sl.ALS(dim=256, epochs=12, unobserved=0.02, reg=0.003),
    # The protocol judges one list of held-out articles and others as the split has them.
    "blend": sl.Blend((EASE, CONTENT_KNN, LEXICAL_KNN, TAUGHT), new_share="validation"),
}
SEARCH = {
    "content_knn": [
        sl.ContentKNN((VECTOR,), neighbours=n, power=p, hub=h)
        for n, p, h in ((50, 2, 0), (50, 2, 0.5), (100, 3, 0.75), (200, 3, 0.75), (300, 3, 0.75), (300, 4, 1))
    ],
    "ease": [sl.EASE(reg=r) for r in (10.0, 30.0, 100.0)],
    "ridge": [sl.Ridge((TITLE,), reg=r) for r in (3.0, 10.0, 20.0, 50.0)],
    "als": [
        sl.ALS(dim=d, unobserved=u, reg=r)
        for d, u, r in ((128, 0.02, 0.01), (128, 0.02, 0.003), (128, 0.01, 0.003), (256, 0.02, 0.003))
    ],
    "ease_side": [sl.EASESide((VECTOR,), weight=w, reg=30.0) for w in (3.0, 10.0, 30.0)],
}
METRICS = ("recall", "ndcg", "cold_slots", "cold_relevance")
LABELS = {
    "popular": "Popular", "item_knn": "ItemKNN: clicks", "content_knn": "ContentKNN: titles",
    "hybrid_knn": "HybridKNN: clicks and titles", "ease": "EASE: clicks", "ridge": "Ridge: words of titles",
    "als": "ALS: clicks", "blend": "Blend: EASE, ContentKNN, Ridge",
}  # fmt: skip
# As printed by its authors, who use an LLM that reads the text; other intervals, same split and protocol.
PUBLISHED = {"LLM-InS, best published": [".360 / .213", ".325 / .216", ".229 / .175"]}


def measure(spec: object, split: sl.Split, part: str, log: Path | None = None) -> sl.Evaluation:
    """Fit one model and rank for all users."""
    model = spec.fit(split)
    return sl.evaluate(model, split, part=part, ks=(20,), final=part == "test", log=log)


def select(split: sl.Split) -> None:
    """Print the validation figures of every option that was tried."""
    for name, specs in SEARCH.items():
        for spec in specs:
            figures = measure(spec, split, "validation").figures()
            line = "  ".join(
                f"{s} {figures[f'{s}.recall@20']:.4f}/{figures[f'{s}.ndcg@20']:.4f}"
                for s in ("cold", "warm", "overall")
            )
            shape.note(f"{name:12s} {line}  {spec}")


def main() -> None:
    """Measure all models on validation and test."""
    run = shape.start("citeulike_cold", options=_options)
    split = arms.SETS["citeulike-a"](run.data)
    if run.select:
        select(split)
        return
    figures, intervals, validation = {}, {}, {}
    log = run.out.with_suffix(".openings.jsonl")  # every look at the test part, kept beside the result
    for name, spec in MODELS.items():
        model = spec.fit(split)
        chosen = sl.evaluate(model, split, ks=(20,)).figures()
        found = sl.evaluate(model, split, part="test", ks=(20,), final=True, log=log)
        ranges = found.intervals()
        for key, value in found.figures().items():
            if value is not None and (key.split(".")[1].split("@")[0] in METRICS or name == "blend"):
                figures[f"{name}.{key}"] = value
                if key in ranges:
                    intervals[f"{name}.{key}"] = (ranges[key].low, ranges[key].high)
        validation[name] = {k: chosen[k] for k in chosen if k.split(".")[1].split("@")[0] in METRICS}
        shape.note(
            f"{name:12s} "
            + "  ".join(
                f"{s} {figures[f'{name}.{s}.recall@20']:.4f}/{figures[f'{name}.{s}.ndcg@20']:.4f}"
                for s in ("cold", "warm", "overall")
            )
        )
    shape.emit(
        "citeulike_cold", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=split.data.fingerprint, validation=validation,
        published=PUBLISHED, labels=LABELS, models={name: repr(spec) for name, spec in MODELS.items()},
    )  # fmt: skip


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--select", action="store_true", help="print the search on validation and stop")


if __name__ == "__main__":
    main()
