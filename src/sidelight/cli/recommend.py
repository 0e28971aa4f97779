"""Verb `recommend`: the best items for users or histories, or the audience of items."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sidelight.cli.console import emit, note
from sidelight.cli.shared_options import BundleArgument, JsonLines

if TYPE_CHECKING:
    import polars as pl

    from sidelight.models.explanation import Explanation
    from sidelight.models.recommender import Recommender


def recommend(
    model: BundleArgument,
    user: Annotated[
        list[str] | None, typer.Option("--user", "-u", help="User id; may be given more than once.")
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option("--history", help="Item ids of a new user, with commas; may be given more than once."),
    ] = None,
    audience: Annotated[
        list[str] | None,
        typer.Option("--audience", help="Item id: count its users and list the nearest instead."),
    ] = None,
    add: Annotated[
        Path | None, typer.Option("--add", help="Table of new items that join the catalogue for this call.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Length of the lists.")] = 10,
    why: Annotated[bool, typer.Option("--why", help="Add the parts of each score, as shares.")] = False,
    json: JsonLines = False,
) -> None:
    """List the best items for users or for histories of new users, or the nearest users for items.

    Without --user, --history or --audience every known user gets a list. An unknown user gets the
    most popular items, and the source column says so.

    Example:
        sidelight recommend model/ --user u01 --user u02 -k 5 --why
        sidelight recommend model/ --history i01,i05 -k 5
    """
    from sidelight.errors import SpecError, complain
    from sidelight.serving.bundle import load

    asked = [n for n, v in (("--user", user), ("--history", history), ("--audience", audience)) if v]
    if len(asked) > 1:
        raise SpecError(complain("one of --user, --history and --audience", " and ".join(asked)))
    found = load(model)
    if add is not None:
        from sidelight.data.read_items import read_items

        found = found.add_items(read_items(add, found.items.columns))
    if audience:
        users = found.audience(audience, k)
        reached = {str(row["item_id"]): row["reached"] for row in users.iter_rows(named=True)}
        total = len(found.need_people().ids)
        for item in dict.fromkeys(audience):
            size = f"{item}: {reached.get(item, 0):,} of {total:,} users would have it among the first {k}"
            none = "; no user to show: no history or content says anything about it"
            note(size + ("; listed are the nearest, with their place" if item in reached else none))
        if why:
            rows = users.iter_rows(named=True)
            reasons = [found.explain(row["item_id"], user=row["user_id"]) for row in rows]
            users = _with_reasons(users, reasons)
        emit(users, json=json)
        return
    lists = [[i.strip() for i in each.split(",") if i.strip()] for each in history or []]
    answer = found.recommend(users=user or None, histories=lists or None, k=k)
    emit(_described(found, answer, lists, why), json=json)


def _described(
    model: Recommender, answer: pl.DataFrame, histories: list[list[str]], why: bool
) -> pl.DataFrame:
    """Add the title of each item to the lists and, if requested, the reasons of its score."""
    import polars as pl

    from sidelight.content.shared_terms import text_of

    at = model.items.find(answer["item_id"].to_list())
    titles = [text_of(model.items.rows.row(int(i), named=True)) for i in at]
    answer = answer.insert_column(2, pl.Series("item", titles, dtype=pl.String))
    if not why:
        return answer
    found = []
    for row in answer.iter_rows(named=True):
        user = {"history": histories[row["user_id"]]} if histories else {"user": row["user_id"]}
        found.append(model.explain(row["item_id"], **user) if row["score"] else None)
    return _with_reasons(answer, found)


def _with_reasons(rows: pl.DataFrame, found: Sequence[Explanation | None]) -> pl.DataFrame:
    """Add reasons and words of one explanation per row; None leaves them empty.

    `because` has only the causes of an explanation; `reasons` has every share from 1 % on.
    """
    import polars as pl

    columns = {
        name: [
            ", ".join(f"{text} ({share:.0%})" for text, share in getattr(each, name)) if each else ""
            for each in found
        ]
        for name in ("because", "reasons", "words")
    }
    return rows.with_columns(pl.Series(name, column, pl.String) for name, column in columns.items())
