"""The verb `evaluate`: measure a bundle on cold, warm and all items, alone or against another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidelight.content.features import Features
    from sidelight.data.split.split import Split
    from sidelight.evaluation import Difference, Evaluation, Interval
    from sidelight.models.recommender import Recommender


class History(StrEnum):
    """By which events users are known."""

    train = "train"
    both = "train+validation"


KnownBy = Annotated[
    History | None,
    typer.Option(help="By which events users are known on the test part [default: what the split says]."),
]


def evaluate(
    model: Annotated[Path, typer.Argument(help="Bundle that `sidelight train` wrote.", show_default=False)],
    split: Annotated[Path, typer.Argument(help="Folder that `sidelight split` wrote.", show_default=False)],
    against: Annotated[
        Path | None, typer.Option(help="Another bundle: show paired differences, MODEL minus this one.")
    ] = None,
    ks: Annotated[str, typer.Option("--ks", "--k", "-k", help="Cut-offs, with commas.")] = "10,20",
    group: Annotated[
        list[str] | None,
        typer.Option(help="Subgroups: user:activity, item:popularity, user:COLUMN, item:COLUMN; repeatable."),
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Open the sealed test part, and record that it was opened.")
    ] = False,
    history: KnownBy = None,
    log: Annotated[
        Path | None, typer.Option(help="Record of openings [default: openings.jsonl beside SPLIT].")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The data that was split, if it has moved since.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the values of every user.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines: one figure a line.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that is there.")] = False,
) -> None:
    """Measure a bundle: accuracy on cold, warm and all items, and what its lists show.

    Ranks every candidate for every user that has something relevant. Brackets are 95 % bootstrap
    intervals over users. Works on the validation part, as often as you like; --final opens the test
    part, and every opening is recorded. There the history of a user has the validation events in it
    where the split is by order, as in use; --history train leaves them out. Diversity is over the
    words of the text columns, miscalibration over the first category or tags column.
    docs/evaluation.md defines each figure.

    Example:
        sidelight split shop/ -o split/ --force
        sidelight train split/ -o model/ --force
        sidelight evaluate model/ split/ --ks 10,50 --group user:activity
    """
    from sidelight.cli.console import target

    place = target(output, force, bundle=True) if output else None
    options = {"ks": _cut_offs(ks), "groups": tuple(group or ()), "final": final}
    options["history"] = history.value if history else None
    options["log"] = log or split.resolve().parent / "openings.jsonl"
    results = _results([model, against] if against else [model], split, data, options)
    if place:
        results[0].save(place, force=force)
    _show(results, f"{model} minus {against}", json)


def _results(
    bundles: list[Path], folder: Path, data: Path | None, options: dict[str, Any]
) -> list[Evaluation]:
    """Every bundle is loaded and checked before the first is measured."""
    from sidelight.cli.console import progress
    from sidelight.data.read import read
    from sidelight.data.split.files import read_split
    from sidelight.evaluation.evaluate import evaluate as measure

    split = read_split(folder, read(data) if data else None)
    models = [_fitted(path, split, options["final"]) for path in bundles]
    options = {**options, **_content(split), "part": "test" if options["final"] else "validation"}
    with progress() as show:
        return [measure(model, split, progress=show, **options) for model in models]


def _show(results: list[Evaluation], title: str, json: bool) -> None:
    from sidelight.cli.console import emit
    from sidelight.evaluation import differences

    intervals = results[0].intervals()
    contrasts = [_contrast(each) for each in differences(results[0], results[1])] if len(results) > 1 else []
    if json:
        emit(
            [*_records(results[0], intervals), *({"record": "difference", **c} for c in contrasts)], json=True
        )
        return
    print(results[0].table(intervals))
    if contrasts:
        print(f"\n{title}, the same users; p of the sign-flip test")
        emit(contrasts)


def _cut_offs(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"expected whole numbers with commas, as 10,20; found {text!r}") from None
    if min(found) < 1:
        raise typer.BadParameter(f"expected cut-offs of 1 or more; found {text!r}")
    return found


def _fitted(path: Path, split: Split, final: bool) -> Recommender:
    """The model in a bundle, refused when it has learned from what it would be judged by.

    Training events are fine, and for the test part those of training and validation together.
    """
    import numpy as np

    from sidelight.errors import DataError, complain
    from sidelight.evaluation.protocol import seen_validation
    from sidelight.models.items import Items
    from sidelight.serving.bundle import load

    model = load(path)
    own, people = model.items, model.people
    fitted = split.joined() if own.refitted else split
    if not np.array_equal(own.ids, split.data.item_ids):
        found = f"{len(own.ids):,} items, not the same {split.data.n_items:,}"
        raise DataError(complain("the items of the split", found, str(path), "train it on this split"))
    if people is None:  # users per item are all that is left of the training events
        differ = not np.array_equal(own.popular, Items.of(fitted).popular)
    else:
        stored, histories = people.histories, fitted.histories()
        differ = stored.shape != histories.shape or bool((stored.matrix() != histories.matrix()).nnz)
    if differ:
        found = "other interactions: it may have seen what it would be judged by"
        expected = "a model fitted on the training part of this split"
        raise DataError(complain(expected, found, str(path), "train it on this split"))
    if own.refitted and not final:
        raise DataError(seen_validation(str(path)))
    return model


def _content(split: Split) -> dict[str, Features]:
    """Words for diversity and labels for calibration, where the item table has any."""
    from sidelight.content import protocols
    from sidelight.content.categories import Categories
    from sidelight.content.tags import Tags
    from sidelight.content.text import Text

    schema, items = split.data.schema, split.data.items
    found: dict[str, Features] = {}
    texts = [c.name for c in schema.with_role("items", "text")]
    if texts:
        found["content"] = protocols.fit_features(Text(*texts), items)[1]
    labels = schema.with_role("items", "category", "tags")
    if labels:
        spec = Categories(labels[0].name) if labels[0].role == "category" else Tags(labels[0].name)
        found["categories"] = protocols.fit_features(spec, items)[1]
    return found


def _records(found: Evaluation, intervals: Mapping[str, Interval]) -> list[dict[str, Any]]:
    """One line for the run, then one a figure."""
    about = {"record": "evaluation", "part": found.part, "opened": found.opened, **found.info}
    lines: list[dict[str, Any]] = [about]
    for name, value in found.figures().items():
        line = {"record": "figure", "name": name, "value": value}
        if name in intervals:
            known = intervals[name]
            line |= {"low": known.low, "high": known.high, "users": known.n_users}
        lines.append(line)
    return lines


def _contrast(each: Difference) -> dict[str, Any]:
    known = each.interval
    return {
        "name": each.name,
        "difference": known.mean,
        "low": known.low,
        "high": known.high,
        "users": known.n_users,
        "p": each.p,
        "p_holm": each.p_holm,
    }
