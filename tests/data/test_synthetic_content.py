"""Synthetic words and photos."""

from __future__ import annotations

import numpy as np
import pytest

from sidelight.data.synthetic import SyntheticData, make_synthetic
from sidelight.data.synthetic_content import png, vocabulary


def test_content_shows_the_topics(made: SyntheticData) -> None:
    words = {w: z for z, row in enumerate(vocabulary(8)) for w in row}
    main = made.topics.argmax(axis=1)
    said = [
        max(set(z), key=z.count) for z in ([words[w] for w in t.split()] for t in made.data.items["title"])
    ]
    assert np.mean(np.array(said) == main) > 0.8
    first = {row[0]: z for z, row in enumerate(vocabulary(8))}
    assert np.mean(np.array([first[c] for c in made.data.items["category"]]) == main) > 0.8
    present = made.data.items["vector"].is_not_null().to_numpy()
    vectors = np.array(made.data.items["vector"].drop_nulls().to_list())
    vectors = vectors - vectors.mean(axis=0)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -np.inf)
    assert np.mean(main[present][alike.argmax(axis=1)] == main[present]) > 0.7


def test_photos_are_pictures() -> None:
    import io

    Image = pytest.importorskip("PIL.Image", reason="needs Pillow, from the extra 'image'")
    photo = make_synthetic(20, 10, 30, images=True).data.items["photo"][0]
    assert Image.open(io.BytesIO(photo)).convert("RGB").size == (16, 16)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(png(pixels)))) == pixels).all()


def test_vocabulary_words_are_distinct() -> None:
    assert len(np.unique(vocabulary(60))) == 61 * 40
