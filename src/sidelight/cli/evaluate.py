"""Verb `evaluate`: measure a bundle on cold, warm and all items, alone or against another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sidelight.cli.console import emit, progress, target
from sidelight.cli.shared_options import (
    OPENINGS,
    BundleArgument,
    HistoryOption,
    MovedData,
    SplitArgument,
    load_split,
    parse_cutoffs,
)

if TYPE_CHECKING:
    from sidelight.content.features import Features
    from sidelight.data.split.split import Split
    from sidelight.evaluation import Evaluation
    from sidelight.models.recommender import Recommender

GROUPS = "Subgroups: user:activity, item:popularity, user:COLUMN, item:COLUMN; repeatable."


def evaluate(
    model: BundleArgument,
    split: SplitArgument,
    against: Annotated[
        Path | None, typer.Option(help="Another bundle: show paired differences, MODEL minus this one.")
    ] = None,
    ks: Annotated[str, typer.Option("--ks", "--k", "-k", help="Cut-offs, with commas.")] = "10,20",
    group: Annotated[list[str] | None, typer.Option(help=GROUPS)] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Open the sealed test part, and record that it was opened.")
    ] = False,
    history: HistoryOption = None,
    log: Annotated[
        Path | None, typer.Option(help=f"Record of openings [default: {OPENINGS} beside SPLIT].")
    ] = None,
    data: MovedData = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the values of every user.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines: one line per figure.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that is there.")] = False,
) -> None:
    """Measure a bundle: accuracy on cold, warm and all items, and properties of its lists.

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
    from sidelight.evaluation.evaluate import evaluate as run_evaluation

    place = target(output, force, bundle=True) if output else None
    cuts = parse_cutoffs(ks)
    found = load_split(split, data)
    # Every bundle is loaded and checked before the first is measured.
    models = [_load_model(path, found, final) for path in ([model, against] if against else [model])]
    options: dict[str, Any] = {
        "ks": cuts, "groups": tuple(group or ()), "final": final, "part": "test" if final else "validation",
        "history": history, "log": log or split.resolve().parent / OPENINGS,
        **_content(found),
    }  # fmt: skip
    with progress() as report:
        results = [run_evaluation(each, found, progress=report, **options) for each in models]
    if place:
        results[0].save(place, force=force)
    _show(results, f"{model} minus {against}", json)


def _show(results: list[Evaluation], title: str, json: bool) -> None:
    from sidelight.evaluation import differences

    found, intervals = results[0], results[0].intervals()
    contrasts = [
        {
            "name": each.name, "difference": each.interval.mean, "low": each.interval.low,
            "high": each.interval.high, "users": each.interval.n_users, "p": each.p, "p_holm": each.p_holm,
        }
        for each in (differences(found, results[1]) if len(results) > 1 else ())
    ]  # fmt: skip
    if not json:
        print(found.table(intervals))
        if contrasts:
            print(f"\n{title}, the same users; p of the sign-flip test")
            emit(contrasts)
        return
    lines: list[dict[str, Any]] = [
        {"record": "evaluation", "part": found.part, "opened": found.opened, **found.info}
    ]
    for name, value in found.figures().items():
        line = {"record": "figure", "name": name, "value": value}
        if known := intervals.get(name):
            line |= {"low": known.low, "high": known.high, "users": known.n_users}
        lines.append(line)
    emit([*lines, *({"record": "difference", **each} for each in contrasts)], json=True)


def _load_model(path: Path, split: Split, final: bool) -> Recommender:
    """Load a bundle; refuse a model that was fitted on the events it would be evaluated by.

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
    """Return words for diversity and labels for calibration, where the item table has any."""
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
