"""Splits and arms that the benchmarks of learned models share: a primary-only model and its augmented twin.

Options of the primary were chosen on validation without any task; the augmented arm adds tasks and
the rule for their weights, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import shape

import sidelight as sl

TITLE, PLOT = sl.Text("title"), sl.Text("text")
TITLE_VECTOR, PLOT_VECTOR = sl.Text("title", encoder="minilm"), sl.Text("text", encoder="minilm")
CONTENT = {
    "citeulike-a": (TITLE, TITLE_VECTOR),
    "amazon-industrial": (TITLE, TITLE_VECTOR, sl.Categories("brand")),
    "amazon-beauty": (TITLE, TITLE_VECTOR, sl.Tags("attribute_ids")),
    "ml-1m": (PLOT, PLOT_VECTOR, sl.Tags("genres"), sl.Tags("directors"), sl.Tags("actors")),
}
LABELS = {
    # Tags are written by readers after the fact: labels of old articles only, never an input.
    "citeulike-a": sl.LabelPrediction(sl.Tags("tags"), weight=0.5, warm_only=True, min_items=20),
    "amazon-industrial": sl.LabelPrediction(sl.Categories("brand"), weight=0.5, warm_only=False),
    "amazon-beauty": sl.LabelPrediction(sl.Tags("attribute_ids"), weight=0.5, warm_only=False),
}
# Without trial, as all sets were measured; `noise` measures what a trial changes.
STEERED = sl.ValidationGuided(eta=0.4, every=6, ceiling=5.0, trial=False)


def dataset(
    place: Path, columns: Sequence[str], late: Sequence[str] = (), links: str | None = None
) -> sl.Dataset:
    """A data set with some item columns only.

    Args:
        place: Its folder.
        columns: Item columns to use, those that are there.
        late: Further ones that new items do not have: labels of old items.
        links: File of pairs, an item and one that it links to; they become the column "links".
    """
    items = pl.read_parquet(place / "items.parquet")
    items = items.select("item_id", *(c for c in (*columns, *late) if c in items.columns))
    if links is not None:
        pairs = pl.read_parquet(place / links)
        start, end = pairs.columns[:2]
        lists = pairs.group_by(
            pl.col(start).cast(items["item_id"].dtype).alias("item_id"), maintain_order=True
        )
        lists = lists.agg(pl.col(end).alias("links"))
        items = items.join(lists, on="item_id", how="left", maintain_order="left")
    data = sl.from_frames(pl.read_parquet(place / "interactions.parquet"), items=items)
    told = tuple(replace(c, known_at_launch=c.name not in late) for c in data.schema.items)
    return replace(data, schema=replace(data.schema, items=told))


def unlabelled(part: Any) -> Any:
    """A model without the labels that content predicts."""
    content = getattr(part, "content", ())
    kept = tuple(each for each in content if not isinstance(each, sl.PredictedLabels))
    return replace(part, content=kept) if len(kept) < len(content) else part


def published(name: str, file: str, folder: Path) -> sl.Split:
    """A data set in the split that came with it.

    amazon-industrial: by time, a tenth of what is chosen later is new. amazon-beauty: each user's last
    event is the test, the one before it validation.
    """
    place = folder / name
    data = sl.read(interactions=place / "interactions.parquet", items=place / "items.parquet")
    return sl.split.published(data, place / file)


def citeulike(folder: Path) -> sl.Split:
    """Titles in the split of ALDI; tags are labels of old articles, written by those who saved them."""
    place = folder / "citeulike-a"
    return sl.split.published(dataset(place, ["title"], ["tags"]), place / "split_aldi_cold.parquet")


def movielens(folder: Path, more: pl.DataFrame | None = None) -> sl.Split:
    """Ratings of 4 and 5; a fifth of the films is new, and a tenth of the other events is held out twice.

    Args:
        folder: Of the data sets.
        more: Further item columns by item_id.
    """
    place = folder / "ml-1m"
    events = pl.read_parquet(place / "interactions.parquet").filter(pl.col("rating") >= 4).drop("rating")
    # The votes were counted years later: they tell how popular a film became.
    items = pl.read_parquet(place / "items.parquet").drop("imdb_rating", "imdb_votes")
    if more is not None:
        items = items.join(more, on="item_id", how="left", maintain_order="left")
    return sl.split.cold_items(sl.from_frames(events, items=items), share=0.2, warm=0.1)


SETS: dict[str, Callable[[Path], sl.Split]] = {
    "citeulike-a": citeulike,
    "amazon-industrial": partial(published, "amazon-industrial", "split_time.parquet"),
    "amazon-beauty": partial(published, "amazon-beauty", "split_leave_one_out.parquet"),
    "ml-1m": movielens,
}
OPTIONS = sl.TrainingOptions(epochs=14, patience=3, lr=3e-3, input_share=(0.3, 0.9), validation_users=1000)
# Larger batches and sampled negatives where there are four times as many people.
LARGE = replace(OPTIONS, batch_size=2048, full_softmax_limit=5000, min_steps=16, epochs=12)
# The dense set is learned in a few passes: smaller steps, and more looks at validation.
MANY_CLICKS = replace(OPTIONS, lr=1e-3, min_steps=24, task_items=512)
CHOSEN = {"amazon-beauty": LARGE, "ml-1m": MANY_CLICKS}
# Half the dimensions where a fit takes minutes: the same figure on validation.
DIM = {"amazon-beauty": 64}


def progress(name: str) -> Callable[[int, int, str], None]:
    """Says which run a comparison is at, on standard error."""

    def show(done: int, total: int, label: str) -> None:
        if label.startswith(("runs", "tuning")):
            shape.note(f"{name}: {label} ({done} of {total})")

    return show


def primary(name: str, dim: int | None = None) -> sl.TwoTower:
    """The model without tasks."""
    options = CHOSEN.get(name, OPTIONS)
    dim = dim or DIM.get(name, 128)
    return sl.TwoTower(CONTENT[name], dim=dim, dropout=(0.5, 0.6, 0.0), options=options)


def tasks(name: str) -> tuple[Any, ...]:
    """Structure of the content, labels of the items, and modalities that belong together.

    Near in plot is not near in taste: films are taught by a ridge regression from content instead.
    """
    pairs = sl.Contrastive(weight=0.2)
    if name == "ml-1m":
        return (pairs, sl.Distillation(sl.Ridge(CONTENT[name], reg=50.0), weight=0.5))
    near = sl.ContentNeighbours((TITLE_VECTOR.name,), weight=2.0)
    if name == "amazon-beauty":
        # From two and a half times the start: fits are short in epochs, weights have fewer steps to climb.
        return (replace(near, weight=5.0), replace(LABELS[name], weight=1.0), replace(pairs, weight=0.3))
    return (near, LABELS[name], pairs)


def augmented(name: str, dim: int | None = None) -> sl.TwoTower:
    """The primary with tasks, their weights steered by validation."""
    return primary(name, dim).with_tasks(*tasks(name), weighting=STEERED)
