"""Synthetic content that shows the latent topics of items: words, labels, numbers, vectors, photos."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.schema import Column

WORDS = 40  # of each topic, and as many that belong to none
PIXELS = 16
_ONSETS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def item_columns(
    rng: np.random.Generator,
    topics: NDArray[np.float32],
    launch: NDArray[np.int64],
    clicked: NDArray[np.int64],
    noise: float,
    missing: float,
    images: bool,
) -> tuple[dict[str, Any], tuple[Column, ...]]:
    """Return columns of the item table (without ids) in the order of the items, and their schema.

    Args:
        rng: Random generator.
        topics: float32 (n_items, n_topics), rows sum to 1.
        launch: int64 microseconds (n_items,).
        clicked: int64, item of each event.
        noise: Share of words, labels and of the spread of numbers that is unrelated to the topics.
        missing: Share of descriptions and of vectors that are null.
        images: Add a PNG per item.
    """
    n, k = topics.shape
    main = np.where(rng.random(n) < noise, rng.integers(0, k, n), topics.argmax(axis=1))
    vector = topics @ rng.standard_normal((k, 2 * k)) + noise * rng.standard_normal((n, 2 * k))
    price = np.exp(2.0 + topics @ rng.standard_normal(k) + noise * rng.standard_normal(n))
    tags = _words(rng, topics, 3, noise)
    columns: dict[str, Any] = {
        "title": _joined(_words(rng, topics, 5, noise)),
        "description": _holes(rng, _joined(_words(rng, topics, 15, noise)), missing),
        "category": pl.Series(vocabulary(k)[:, 0])[main],
        "tags": pl.Series(tags.tolist(), dtype=pl.List(pl.String)).list.unique(maintain_order=True),
        "price": np.round(price, 2),
        "vector": _holes(rng, pl.Series(vector.astype(np.float32)).cast(pl.List(pl.Float32)), missing),
        "launch": launch,
        "votes": np.bincount(clicked, minlength=n).astype(np.float64),
    }
    roles: dict[str, Any] = {
        "title": "text", "description": "text", "category": "category", "tags": "tags",
        "price": "number", "vector": "vector", "launch": "timestamp",
    }  # fmt: skip
    schema = [Column("item_id", "item_id"), *(Column(name, role) for name, role in roles.items())]
    schema.append(Column("votes", "number", known_at_launch=False))
    if images:
        columns["photo"] = pl.Series(_photos(rng, topics, noise), dtype=pl.Binary)
        schema.append(Column("photo", "image_bytes"))
    return columns, tuple(schema)


def user_columns(
    plan: NDArray[np.int64], region: NDArray[np.int64], gender: NDArray[np.int64]
) -> tuple[dict[str, Any], tuple[Column, ...]]:
    """Return columns of the user table (without ids) and their schema."""
    columns = {
        "plan": pl.Series(["free", "basic", "premium"])[plan],
        "region": pl.Series(["north", "east", "south", "west", "island"])[region],
        "gender": pl.Series(["f", "m"])[gender],
    }
    roles = (Column("plan", "category"), Column("region", "category"))
    return columns, (Column("user_id", "user_id"), *roles, Column("gender", "category", sensitive=True))


def vocabulary(n_topics: int) -> NDArray[np.str_]:
    """Make distinct words, shape (n_topics + 1, WORDS); the last row belongs to no topic."""
    syllables = [a + b for a in _ONSETS for b in _VOWELS]
    base, count = len(syllables), (n_topics + 1) * WORDS
    # A step without common factor with base**3 visits every word once, far from its neighbours.
    numbers = (np.arange(count) * 48_271) % base**3
    words = [syllables[m // base**2] + syllables[m // base % base] + syllables[m % base] for m in numbers]
    return np.array(words).reshape(n_topics + 1, WORDS)


def _words(
    rng: np.random.Generator, topics: NDArray[np.float32], length: int, noise: float
) -> NDArray[np.str_]:
    """Draw words of each item, (n_items, length): of its topics, or with probability `noise` of none."""
    n, k = topics.shape
    reached = np.cumsum(topics, axis=1)
    out = np.empty((n, length), dtype="<U6")
    words = vocabulary(k)
    for at in range(length):
        topic = np.minimum(np.sum(rng.random((n, 1)) > reached, axis=1), k - 1)
        topic[rng.random(n) < noise] = k
        # The square makes the first words of a topic the usual ones.
        out[:, at] = words[topic, np.floor(WORDS * rng.random(n) ** 2).astype(np.int64)]
    return out


def _joined(words: NDArray[np.str_]) -> pl.Series:
    return pl.Series([" ".join(row) for row in words.tolist()])


def _holes(rng: np.random.Generator, values: pl.Series, share: float) -> pl.Series:
    """Replace a random share of the values by null."""
    gone = pl.Series(rng.random(len(values)) < share)
    return pl.select(pl.when(~gone).then(values)).to_series()


def _photos(rng: np.random.Generator, topics: NDArray[np.float32], noise: float) -> list[bytes]:
    """Draw square photos: each topic has a colour above and one below."""
    n, k = topics.shape
    colours = rng.integers(30, 226, (k, 2, 3))
    halves = np.einsum("nk,khc->nhc", topics, colours)[:, [0] * (PIXELS // 2) + [1] * (PIXELS // 2)]
    out = []
    for item in range(n):
        grain = 20 + 60 * noise
        pixels = halves[item][:, None, :] + grain * rng.standard_normal((PIXELS, PIXELS, 3))
        out.append(png(np.clip(pixels, 0, 255).astype(np.uint8)))
    return out


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a PNG file of RGB pixels, shape (height, width, 3). Needs no image library."""
    height, width, _ = pixels.shape

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    # Each line begins with the number of its filter; 0 is none.
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
