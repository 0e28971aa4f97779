"""What the demo prints: a headline, the comparison, people's lists, the new product."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table

    from sidelight.data.split import Split
    from sidelight.models.explain import Explanation
    from sidelight.models.recommender import Recommender

SLICES = ("cold", "warm", "overall")


def console() -> Console:
    """Standard output, at most 110 columns so that lines stay readable."""
    from rich.console import Console

    found = Console(file=sys.stdout, highlight=False)
    width = min(110, found.width) if sys.stdout.isatty() else 200
    return Console(file=sys.stdout, highlight=False, width=width)


def heading(split: Split) -> None:
    """How sparse the data is, and how it was divided."""
    data = split.data
    density = len(data.interactions) / (data.n_users * data.n_items)
    new = int((split.cold & (data.matrix().getnnz(axis=0) > 0)).sum())
    console().print(
        f"\n[bold]{data.n_users:,} households, {data.n_items:,} products, {len(data.interactions):,} first "
        f"purchases[/]: {1 - density:.2%} of all pairs are empty.\n"
        "Divided by time: models see the first 70 %, options are chosen on the next 15 %, the figures\n"
        f"below are on the last 15 %.\n"
        f"{new:,} products were first bought after training: no model has seen anybody touch them.\n"
    )


def comparison(figures: Mapping[str, Mapping[str, float]]) -> None:
    """Models side by side on test."""
    table = _table("NDCG@20 on test (higher is better), and who gets the slots of the lists")
    for name in ("model", "new products", "known products", "one list", "slots to new products"):
        table.add_column(name, justify="left" if name == "model" else "right")
    best = {s: max(f[f"{s}.ndcg@20"] for f in figures.values()) for s in SLICES}
    for model, found in figures.items():
        cells = [_mark(found[f"{s}.ndcg@20"], best[s]) for s in SLICES]
        table.add_row(model, *cells, f"{found['overall.cold_slots@20']:.1%}")
    console().print(table)
    share = next(iter(figures.values()))["overall.cold_relevance"]
    console().print(
        f"[dim]Of what households really bought in that time, {share:.1%} was new products: a fair list\n"
        "gives them about as many slots. Models without content put them in random order, and last.[/]\n"
    )


def people(model: Recommender, *users: Any) -> None:
    """Lists of some users, with reasons."""
    for user in users:
        at = int(model.catalogue.find_users([user])[0])
        bought = model.catalogue.histories[at].indices
        table = _table(f"Household {user} ({len(bought)} products bought), recommended by the blend")
        wide = 1 if sys.stdout.isatty() else 2  # a log has room for whole names
        widths = {"": 2, "id": 9, "product": 36 * wide, "new": 3, "because of": 28 * wide, "words": 21 * wide}
        for name, width in widths.items():
            table.add_column(name, overflow="ellipsis", no_wrap=True, width=width)
        for row in model.recommend(users=[user], k=5).iter_rows(named=True):
            reason = model.explain(row["item_id"], user=user)
            item = int(model.catalogue.find_items([row["item_id"]])[0])
            table.add_row(
                str(row["rank"]),
                str(row["item_id"]),
                title(model, row["item_id"]),
                "new" if model.catalogue.popular[item] == 0 else "",
                title(model, reason.history[0][0]) if reason.history else "popular with everybody",
                _words(reason),
            )
        console().print(table)
        console().print()


def new_product(model: Recommender, audience: pl.DataFrame, seconds: float) -> None:
    """Where a product that did not exist a moment ago ends up."""
    item = audience["item_id"][0] if len(audience) else None
    out = console()
    if item is None:
        out.print("The new product has no audience: nothing in its content is known.\n")
        return
    out.print(f"[bold]A brand-new product joins:[/] {title(model, item)}")
    out.print(f"[dim]Nobody has ever bought it. Added and matched in {seconds:.1f} s, without retraining.[/]")
    for row in audience.iter_rows(named=True):
        reason = model.explain(item, user=row["user_id"])
        because = title(model, reason.history[0][0]) if reason.history else ""
        out.print(
            f"  household {row['user_id']}: place {row['place']} of its list, "
            f"because of [italic]{because}[/] ({_words(reason)})",
            soft_wrap=True,
        )
    out.print()


def closing(files: Mapping[str, Path], place: Path) -> None:
    """Where everything is, and what to try next."""
    out = console()
    out.print("[bold]Written[/]")
    for name, path in files.items():
        out.print(f"  {name:14s} {path}")
    out.print(
        "[bold]Try[/]\n"
        f"  sidelight recommend {place / 'model'} --history 995242,1029743 -k 5 --why\n"
        f"  sidelight check {place / 'groceries'}",
        soft_wrap=True,
    )


def title(model: Recommender, item: Any, limit: int = 72) -> str:
    """The name of an item."""
    from sidelight.content.words import text_of

    at = int(model.catalogue.find_items([item])[0])
    return text_of(model.catalogue.items.row(at, named=True), limit=limit)


def _words(reason: Explanation) -> str:
    """Words and attribute values, each once."""
    return ", ".join(dict.fromkeys((w.partition("=")[2] or w).lower() for w, _ in reason.words))


def _mark(value: float, best: float) -> str:
    return f"[bold green]{value:.4f}[/]" if value == best else f"{value:.4f}"


def _table(heading: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=heading, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
