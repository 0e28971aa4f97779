"""The verb `train`: fit a model on a split and save it as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    split: Annotated[Path, typer.Argument(help="Folder that `sidelight split` wrote.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the bundle.")] = Path("model"),
    spec: Annotated[
        Path | None, typer.Option(help="TOML file of the model's options; without it the schema decides.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The data that was split, if it has moved since.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there.")] = False,
) -> None:
    """Fit a model on the training part of a split and save it as a bundle.

    Without --spec this is a blend of neighbour, linear and content models that fit the columns;
    its weights are chosen on validation users and on cold items, hidden ones if need be. The spec
    in use is written into the bundle, and printed as TOML to start a spec file from.

    Example:
        sidelight split shop/ -o split/
        sidelight train split/ -o model/
    """
    from sidelight import config
    from sidelight.cli.terminal import emit, note, progress, target
    from sidelight.data.read import read
    from sidelight.data.split_files import read_split
    from sidelight.evaluation.evaluate import evaluate
    from sidelight.models.automatic import automatic

    place = target(output, force)
    found = read_split(split, read(data) if data else None)
    chosen = config.load(spec) if spec else automatic(found)
    with progress() as show:
        model = chosen.fit(found, show)
        figures = evaluate(model, found, progress=show).figures() if len(found.validation) else {}
    model.save(place, force=force, metrics=figures)
    if not json:
        note(config.dump(chosen).rstrip())
    shown = {name: value for name, value in figures.items() if name.endswith("ndcg@10")}
    emit([{"model": str(output), "spec": config.spec_hash(chosen)[:12], **shown}], json=json)
