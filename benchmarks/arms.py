"""Splits and arms that the benchmarks of learned models share: a primary-only model and its augmented twin.

Options of the primary were chosen on validation without any task; the augmented arm adds tasks and
the rule for their weights, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

import sidelight as sl

TITLE, PLOT = sl.Text("title"), sl.Text("text")
TITLE_VECTOR, PLOT_VECTOR = sl.Text("title", encoder="minilm"), sl.Text("text", encoder="minilm")
CONTENT = {
    "citeulike-a": (TITLE, TITLE_VECTOR),
    "amazon-industrial": (TITLE, TITLE_VECTOR, sl.Categories("brand")),
    "amazon-beauty": (TITLE, TITLE_VECTOR, sl.Tags("attribute_ids")),
    "ml-1m": (PLOT, PLOT_VECTOR, sl.Tags("genres"), sl.Tags("directors"), sl.Tags("actors")),
}
STEERED = sl.ValidationGuided()


def citeulike(folder: Path) -> sl.Split:
    """The published cold-item split of ALDI."""
    place = folder / "citeulike-a"
    data = sl.read(interactions=place / "interactions.parquet", items=place / "items.parquet")
    return sl.split.published(data, place / "split_aldi_cold.parquet")


def industrial(folder: Path) -> sl.Split:
    """The published split by time: a tenth of what is chosen later is new."""
    place = folder / "amazon-industrial"
    data = sl.read(interactions=place / "interactions.parquet", items=place / "items.parquet")
    return sl.split.published(data, place / "split_time.parquet")


def beauty(folder: Path) -> sl.Split:
    """The published split: each user's last event is the test, the one before it validation."""
    place = folder / "amazon-beauty"
    data = sl.read(interactions=place / "interactions.parquet", items=place / "items.parquet")
    return sl.split.published(data, place / "split_leave_one_out.parquet")


def movielens(folder: Path) -> sl.Split:
    """Ratings of 4 and 5; a fifth of the films has no training event, and a tenth of the rest is held out twice."""
    place = folder / "ml-1m"
    events = pl.read_parquet(place / "interactions.parquet").filter(pl.col("rating") >= 4).drop("rating")
    # The votes were counted years later: they tell how popular a film became.
    items = pl.read_parquet(place / "items.parquet").drop("imdb_rating", "imdb_votes")
    return sl.split.cold_items(sl.Dataset.from_frames(events, items=items), share=0.2, warm=0.1)


SETS: dict[str, Callable[[Path], sl.Split]] = {
    "citeulike-a": citeulike,
    "amazon-industrial": industrial,
    "amazon-beauty": beauty,
    "ml-1m": movielens,
}
OPTIONS = {
    "citeulike-a": sl.Options(epochs=14, patience=3, lr=3e-3, inputs=(0.3, 0.9)),
    "amazon-industrial": sl.Options(epochs=14, patience=3, lr=3e-3, inputs=(0.3, 0.9)),
    "amazon-beauty": sl.Options(epochs=14, patience=3, lr=3e-3, inputs=(0.3, 0.9), batch_size=2048, full=5000),
    "ml-1m": sl.Options(epochs=14, patience=3, lr=3e-3, inputs=(0.3, 0.9)),
}
DIM = {"citeulike-a": 256, "amazon-industrial": 256, "amazon-beauty": 128, "ml-1m": 256}


def primary(name: str) -> sl.TwoTower:
    """The model without tasks."""
    return sl.TwoTower(CONTENT[name], dim=DIM[name], dropout=(0.5, 0.6, 0.0), options=OPTIONS[name])
