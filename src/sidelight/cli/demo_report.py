"""Output of the demo: headline, four rows, the answer, lists of users, the new product, next steps."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.table import Table

    from sidelight.cli.demo_arms import Measured
    from sidelight.data.split.split import Split
    from sidelight.models.explanation import Explanation
    from sidelight.models.recommender import Recommender

SLICES = ("cold", "warm", "overall")


def console() -> Console:
    """Return a console on standard output of at most 110 columns."""
    from rich.console import Console

    found = Console(file=sys.stdout, highlight=False)
    width = min(110, found.width) if sys.stdout.isatty() else 110
    return Console(file=sys.stdout, highlight=False, width=width)


def print_heading(split: Split) -> None:
    """Print the sparsity of the data and the parts of the split."""
    data = split.data
    density = len(data.interactions) / (data.n_users * data.n_items)
    new = int((split.cold & (data.matrix().getnnz(axis=0) > 0)).sum())
    console().print(
        f"\n[bold]{data.n_users:,} households, {data.n_items:,} products, {len(data.interactions):,} first "
        f"purchases[/]: {1 - density:.2%} of all pairs are empty. Divided by time: models learn from the "
        "first 70 %, options and weights are chosen on the next 15 %, and the figures below are of the last "
        f"15 %. {new:,} products were first bought after training: no model has seen a purchase of them.\n"
    )


def print_comparison(found: Measured) -> None:
    """Print the four arms side by side on test."""
    from sidelight.cli.demo_arms import ARMS, METRIC

    cut = METRIC.partition("@")[2]
    table = _table(f"NDCG@{cut} on test (higher is better), and the shares of places in lists")
    for name in ("", "new products", "known products", "one list", "places to new products"):
        table.add_column(name, justify="right" if name else "left")
    shown = {arm: found.comparison.run(arm, 1.0, 0).evaluation.figures() for arm in ARMS}
    best = {s: max(each[f"{s}.{METRIC}"] or 0.0 for each in shown.values()) for s in SLICES}
    for arm, each in shown.items():
        cells = [_mark(each[f"{s}.{METRIC}"] or 0.0, best[s]) for s in SLICES]
        table.add_row(arm, *cells, f"{each[f'overall.cold_slots@{cut}']:.1%}")
    console().print(table)
    share = shown[ARMS[0]]["overall.cold_relevance"] or 0.0
    console().print(
        f"[dim]Of what households really bought in that time, {share:.1%} was new products: a fair list "
        "gives them about as many places. Popular knows nothing of new products: it has them in random "
        "order, last.[/]\n"
    )


def print_answer(found: Measured) -> None:
    """Print whether the auxiliary signals help, and the arm to serve."""
    from sidelight.cli.demo_answer import QUESTION, against, verdict
    from sidelight.cli.demo_arms import AUGMENTED, CLOSED, METRIC

    out = console()
    out.print(
        f"[bold]{QUESTION}[/] {verdict(found.comparison)} {against(found.comparison, AUGMENTED, CLOSED)}\n"
    )
    tried = ", ".join(
        f"{each.figures()[f'overall.{METRIC}']:.4f} {arm}" for arm, each in found.validation.items()
    )
    out.print(
        f"[dim]What follows is from the {found.best}. It was chosen on validation (one list: {tried}), where "
        "the weights were chosen too, so that a blend with one part more has to be clearly better: its 95 % "
        "interval above 0. The test part chooses nothing.[/]\n"
    )


def print_lists(model: Recommender, *users: Any) -> None:
    """Print lists of some users, with reasons."""
    for user in users:
        at = int(model.need_people().find([user])[0])
        bought = model.need_people().histories.row(at)
        out = console()
        table = _table(f"Household {user} ({len(bought)} products bought)")
        room = out.width - 32
        widths = {
            "": 2, "id": 8, "recommended": room * 2 // 5, "new": 3,
            "of its score": room * 2 // 5, "in common": room // 5,
        }  # fmt: skip
        for name, width in widths.items():
            fold = name.startswith("of")
            table.add_column(name, overflow="fold" if fold else "ellipsis", no_wrap=not fold, width=width)
        for row in model.recommend(users=[user], k=5).iter_rows(named=True):
            reason = model.explain(row["item_id"], user=user)
            item = int(model.items.find([row["item_id"]])[0])
            table.add_row(
                str(row["rank"]),
                str(row["item_id"]),
                title(model, row["item_id"]),
                "new" if model.items.popular[item] == 0 else "",
                _parts(reason),
                _words(reason),
            )
        out.print(table)
        out.print()


def print_new_product(model: Recommender, audience: pl.DataFrame, seconds: float) -> None:
    """Print the audience of a product that was just added."""
    item = audience["item_id"][0] if len(audience) else None
    out = console()
    if item is None:
        out.print("The new product has no audience: nothing in its content is known.\n")
        return
    out.print(f"[bold]A brand-new product joins:[/] {title(model, item)}")
    out.print(
        f"[dim]No household has ever bought it. Added and matched in {seconds:.1f} s, without retraining.[/]"
    )
    reached = f"{audience['reached'][0]:,} of {audience['users'][0]:,} households"
    out.print(f"{reached} would have it among the first 10 of their list; the nearest:")
    for row in audience.head(3).iter_rows(named=True):
        reason = model.explain(item, user=row["user_id"])
        line = f"  household {row['user_id']}: place {row['place']:,} of its whole list"
        if reason.reasons:
            shared = _words(reason)
            line += "; of its score " + _parts(reason)
            line += f"; in common: {shared}" if shared else ""
        out.print(line, soft_wrap=True)
    out.print()


def print_closing(place: Path, history: Sequence[Any]) -> None:
    """Print the paths of all results, and commands to try next.

    Args:
        place: The demo's folder.
        history: Products for the example of a new user.
    """
    from sidelight.cli.demo_arms import FOLDER, LOG

    out = console()
    model = place / "model"
    written = {
        "report": (place / "report.html").resolve(),
        "bundle": model,
        "comparison": place / FOLDER,
        "data and split": f"{place / 'groceries'}, {place / 'split'}",
        "test openings": place / LOG,
    }
    out.print("[bold]Written[/]")
    for name, path in written.items():
        out.print(f"  {name:14s} {path}", soft_wrap=True)
    database, asked = place / "service.sqlite", ",".join(map(str, history))
    out.print(
        "[bold]Next[/]\n"
        f"  open the report in a browser: {(place / 'report.html').resolve().as_uri()}\n"
        f"  sidelight serve {model} --database {database} --init     # explorer: http://127.0.0.1:8000/\n"
        f"  sidelight store publish {place / 'store'} {model} --promote     # versions, and a way back\n"
        f"  sidelight serve {place / 'store'} --database {database} --init\n"
        f"  sidelight recommend {model} --history {asked} -k 5 --why",
        soft_wrap=True,
    )


def title(model: Recommender, item: Any, limit: int = 72) -> str:
    """Return the title of an item."""
    from sidelight.content.shared_terms import text_of

    at = int(model.items.find([item])[0])
    return text_of(model.items.rows.row(at, named=True), limit=limit)


def _parts(reason: Explanation) -> str:
    """Format the two largest parts of a score."""
    return ", ".join(f"{share:.0%} {name}" for name, share in reason.reasons[:2])


def _words(reason: Explanation) -> str:
    """Format words and attribute values, each once, without bare numbers."""
    found = dict.fromkeys((w.partition("=")[2] or w).lower() for w, _ in reason.words)
    return ", ".join(word for word in found if not word.replace(".", "").isdigit())


def _mark(value: float, best: float) -> str:
    return f"[bold green]{value:.4f}[/]" if value == best else f"{value:.4f}"


def _table(heading: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=heading, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
