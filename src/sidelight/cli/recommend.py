"""The verb `recommend`: the best items for users, for histories, or the audience of items."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import polars as pl

    from sidelight.models.explanation import Explanation
    from sidelight.models.recommender import Recommender


def recommend(
    model: Annotated[Path, typer.Argument(help="Bundle that `sidelight train` wrote.", show_default=False)],
    user: Annotated[
        list[str] | None, typer.Option("--user", "-u", help="User id; may be given more than once.")
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option("--history", help="Item ids of somebody new, with commas; may be given more than once."),
    ] = None,
    audience: Annotated[
        list[str] | None,
        typer.Option("--audience", help="Item id: count its users and list the nearest instead."),
    ] = None,
    add: Annotated[
        Path | None, typer.Option("--add", help="Table of new items that join the catalogue for this call.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Length of the lists.")] = 10,
    why: Annotated[bool, typer.Option("--why", help="Add what each score is made of, as shares.")] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """List the best items for users, new people with a history, or the nearest users for items.

    Without --user, --history or --audience every known user gets a list. A user nobody knows gets
    the most popular items, and the source column says so.

    Example:
        sidelight recommend model/ --user u01 --user u02 -k 5 --why
        sidelight recommend model/ --history i01,i05 -k 5
    """
    from sidelight.cli.console import emit, note
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
        people = found.audience(audience, k)
        reached = {str(row["item_id"]): row["reached"] for row in people.iter_rows(named=True)}
        users = len(found.need_people().ids)
        for item in dict.fromkeys(audience):
            said = f"{item}: {reached.get(item, 0):,} of {users:,} users would have it among the first {k}"
            nobody = "; nobody to show: no history or content says anything about it"
            note(said + ("; listed are the nearest, with their place" if item in reached else nobody))
        emit(_reasons(found, people) if why else people, json=json)
        return
    lists = [[i.strip() for i in each.split(",") if i.strip()] for each in history or []]
    answer = found.recommend(users=user or None, histories=lists or None, k=k)
    emit(_described(found, answer, lists, why), json=json)


def _reasons(model: Recommender, people: pl.DataFrame) -> pl.DataFrame:
    """What carried the score of an item for each of its audience."""
    rows = people.iter_rows(named=True)
    return _with_reasons(people, [model.explain(row["item_id"], user=row["user_id"]) for row in rows])


def _described(
    model: Recommender, answer: pl.DataFrame, histories: list[list[str]], why: bool
) -> pl.DataFrame:
    """The lists with what each item is and, if asked for, what carried its score."""
    import polars as pl

    from sidelight.content.shared_terms import text_of

    at = model.items.find(answer["item_id"].to_list())
    said = [text_of(model.items.rows.row(int(i), named=True)) for i in at]
    answer = answer.insert_column(2, pl.Series("item", said, dtype=pl.String))
    if not why:
        return answer
    found = []
    for row in answer.iter_rows(named=True):
        person = {"history": histories[row["user_id"]]} if histories else {"user": row["user_id"]}
        found.append(model.explain(row["item_id"], **person) if row["score"] else None)
    return _with_reasons(answer, found)


def _with_reasons(rows: pl.DataFrame, found: Sequence[Explanation | None]) -> pl.DataFrame:
    """Rows with the reasons and the words of one explanation each; None leaves them empty.

    Only what the explanation calls a cause is in `because`; `reasons` has every share from 1 % on.
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
