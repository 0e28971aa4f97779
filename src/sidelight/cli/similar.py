"""Verb `similar`: the items nearest to given ones."""

from __future__ import annotations

from typing import Annotated

import typer

from sidelight.cli.console import emit
from sidelight.cli.shared_options import BundleArgument, JsonLines


def similar(
    model: BundleArgument,
    item: Annotated[list[str], typer.Option("--item", "-i", help="Item id; may be given more than once.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Number of items for each.")] = 10,
    json: JsonLines = False,
) -> None:
    """List the items nearest to given ones, by users, content, or both, as the model scores.

    Example:
        sidelight similar model/ --item i09 -k 5
    """
    from sidelight.serving.bundle import load

    emit(load(model).similar(item, k), json=json)
