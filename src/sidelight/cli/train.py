"""Verb `train`: fit a model on a split and save it as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sidelight.cli.console import emit, note, progress, target
from sidelight.cli.shared_options import MovedData, SplitArgument, load_split
from sidelight.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidelight.data.split.split import Split
    from sidelight.models.recommender import Recommender


def train(
    split: SplitArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the bundle.")] = Path("model"),
    spec: Annotated[
        Path | None, typer.Option(help="TOML file of the model's options; without it the schema decides.")
    ] = None,
    data: MovedData = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="Once evaluated, fit again on training and validation events.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the spec as TOML and stop.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
    people: Annotated[
        bool, typer.Option("--people/--no-people", help="Store user ids and histories in the bundle.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there.")] = False,
) -> None:
    """Fit a model on the training part of a split and save it as a bundle.

    Without --spec this is a blend of neighbour, linear and content models that fit the columns;
    its weights are chosen on validation users and on cold items, hidden ones if need be. --show
    prints that spec, to start a file for --spec from. The bundle keeps the spec it was made with.
    With --refit it holds a model that has learned from the validation events too, for use and for
    the test part; its metrics are those on validation before that. With --no-people the bundle holds
    nothing per user: it recommends for the histories that a request brings.

    Example:
        sidelight train split/ -o model/
    """
    import warnings

    from sidelight import config
    from sidelight.data.split.assemble import unused_weights
    from sidelight.experiment.column_leaks import LeakWarning, leaks
    from sidelight.models.default_model import automatic
    from sidelight.models.refit import check_refit
    from sidelight.models.refit import refit as fit_again

    found = load_split(split, data)
    chosen = config.load(spec) if spec else automatic(found)
    if show:
        print(config.dump(chosen), end="")
        return
    place = target(output, force, bundle=True)
    for line in unused_weights(found, f"{type(chosen).__name__} does not use them"):
        note(line)
    if refit:
        check_refit(found)
    for line in leaks(chosen, found):
        warnings.warn(line, LeakWarning, stacklevel=1)
    with progress() as report:
        model = chosen.fit(found, report)
        figures = _figures(model, found, report)
        model = fit_again(chosen, found, report) if refit else model
    model.save(place, force=force, metrics=figures, people=people)
    shown = {name: value for name, value in figures.items() if name.endswith("ndcg@10")}
    about = {"model": str(output), "spec": config.spec_hash(chosen)[:12], "refitted": refit}
    if model.choices:
        note(str(model))
    emit([{**about, **shown}], json=json)


def _figures(model: Recommender, split: Split, report: Progress) -> Mapping[str, float]:
    """Return figures on validation; none, with a note, where it has no events: the fit is kept anyway."""
    from sidelight.errors import DataError
    from sidelight.evaluation.evaluate import evaluate

    try:
        return evaluate(model, split, progress=report).figures()
    except DataError as error:
        note(f"saved without figures: {error}")
        return {}
