"""Encoding of image columns: problems are listed, only changed images are encoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from content.cases import BROKEN, PICTURE, picture, saved

from sidelight.content import image_descriptor, image_encoding
from sidelight.content.cache import Cache
from sidelight.content.image import Image
from sidelight.content.image_decoding import ImageWarning
from sidelight.content.protocols import fit_features
from sidelight.errors import DataError

PICTURE[:12, :16] = (250, 10, 10)  # red top left, blue bottom right: turning it shows

PICTURE[12:, 16:] = (10, 10, 250)


def test_every_problem_is_counted_and_listed_and_the_rest_goes_on() -> None:
    rows = [saved(picture()), None, *BROKEN.values(), saved(picture().rotate(90))]
    with pytest.warns(ImageWarning, match=f"{len(BROKEN)} images of column 'p'") as caught:
        _, features = fit_features(Image("p"), pl.DataFrame({"p": rows}))
    problems = caught[0].message.problems  # type: ignore[union-attr]
    assert [p.row for p in problems] == list(range(2, 2 + len(BROKEN)))
    assert all(p.reason and "bytes" in p.source for p in problems)
    assert np.flatnonzero(features.present).tolist() == [0, len(rows) - 1]
    assert not features.values[1:-1].any()


def test_only_broken_images_are_no_modality() -> None:
    with pytest.warns(ImageWarning), pytest.raises(DataError, match="at least one item"):
        fit_features(Image("p"), pl.DataFrame({"p": [b"x"]}))


def test_a_changed_picture_is_described_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = image_descriptor.describe
    monkeypatch.setattr(
        image_encoding.image_descriptor, "describe", lambda im, side: asked.append(1) or real(im, side)
    )
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(saved(picture().rotate(17 * i)))
    items = pl.DataFrame({"p": [f"{i}.png" for i in range(5)]})
    spec, cache = Image("p", root=str(tmp_path)), Cache(tmp_path / "cache")
    encoder, first = fit_features(spec, items, cache)
    assert len(asked) == 5
    np.testing.assert_array_equal(encoder.transform(items).values, first.values)
    assert len(asked) == 5
    (tmp_path / "3.png").write_bytes(saved(picture().rotate(99)))
    second = encoder.transform(items)
    assert len(asked) == 6
    assert (second.values != first.values).any(axis=1).tolist() == [False, False, False, True, False]
    fit_features(Image("p", root=str(tmp_path), size=64), items, cache)
    assert len(asked) == 11  # another size is another encoder


def test_a_file_that_goes_while_it_is_read_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(saved(picture().rotate(ord(name))))
    real, cache = image_encoding.encode_rows, Cache(tmp_path / "cache")

    def late(*args: object, **options: object) -> object:
        (tmp_path / "a").unlink()
        (tmp_path / "b").write_bytes(saved(picture().rotate(5)))
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(image_encoding, "encode_rows", late)
    with pytest.warns(ImageWarning, match="2 images .* changed while it was read"):
        _, features = fit_features(Image("p", root=str(tmp_path)), pl.DataFrame({"p": list("abc")}), cache)
    assert features.present.tolist() == [False, False, True] and len(cache) == 1
