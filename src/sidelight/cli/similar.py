"""The verb `similar`: the items nearest to given ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def similar(
    model: Annotated[Path, typer.Argument(help="Bundle that `sidelight train` wrote.", show_default=False)],
    item: Annotated[list[str], typer.Option("--item", "-i", help="Item id; may be given more than once.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many for each item.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """List the items nearest to given ones, by what the model knows: users, content, or both.

    Example:
        sidelight similar model/ --item i09 -k 5
    """
    from sidelight.cli.console import emit
    from sidelight.serving.bundle import load

    emit(load(model).similar(item, k), json=json)
