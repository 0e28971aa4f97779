"""`Image`: scales of the descriptor, and models that are referred to by the hash of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import polars as pl
import pytest
from content.cases import block, noise, picture, saved

from sidelight.content import image as module
from sidelight.content.cache import Cache
from sidelight.content.image import DescriptorEncoder, Image, ImageModelEncoder
from sidelight.content.image_descriptor import BLOCKS, DIM, VERSION, describe
from sidelight.content.protocols import fit_features
from sidelight.errors import BundleError


def drawn(seed: int) -> PIL.Image.Image:
    """Noise that is coarser or finer, so that every block of the descriptor varies."""
    return noise(seed, (4 + seed % 5, 3 + seed % 7)).resize((64, 64), PIL.Image.Resampling.BICUBIC)


def table(n: int = 30) -> pl.DataFrame:
    return pl.DataFrame({"p": [saved(drawn(seed)) for seed in range(n)]})


def test_columns_are_centred_and_scaled_by_their_spread_and_the_width_of_their_block() -> None:
    encoder, features = fit_features(Image("p"), table(6))
    raw = np.array([describe(drawn(seed)) for seed in range(6)], dtype=np.float64)
    wanted = (raw - raw.mean(axis=0)) * (raw.std(axis=0) > 1e-6) / np.maximum(raw.std(axis=0), 1e-6)
    for name, width in BLOCKS.items():
        np.testing.assert_allclose(block(features.values, name), block(wanted, name) / width**0.5, atol=1e-4)
    np.testing.assert_array_equal(encoder.transform(table(6)).values, features.values)


def test_blocks_weigh_the_same_after_scaling() -> None:
    _, features = fit_features(Image("p"), table())
    np.testing.assert_allclose(features.values.mean(axis=0), 0, atol=1e-6)
    for name, width in BLOCKS.items():
        own = block(features.values, name)
        varying, weight = (own.std(axis=0) > 0).sum(), (own**2).sum(axis=1).mean()
        assert weight == pytest.approx(varying / width, rel=1e-4)


def test_images_that_all_look_alike_are_there_and_say_nothing() -> None:
    encoder, features = fit_features(Image("p"), pl.DataFrame({"p": [saved(picture())] * 2}))
    assert features.present.all() and not features.values.any()
    assert not encoder.transform(table(1)).values.any()


def test_the_name_tells_a_model_and_the_root_may_be_a_path(tmp_path: Path) -> None:
    assert Image("p").name == "image:p"
    assert Image("p", encoder="some/folder/clip-ViT-B-32").name == "image:p@clip-ViT-B-32"
    assert Image("p", root=tmp_path) == Image("p", root=str(tmp_path))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arrays", "meta", "message"),
    [
        ({}, {"version": "0"}, f"image descriptor version 0, this is {VERSION}"),
        ({"centre": np.zeros(3)}, {}, f"expected {DIM} numbers, found shape .3,"),
        ({"scale": np.zeros(3)}, {}, f"expected {DIM} numbers"),
    ],
)
def test_a_saved_encoder_of_other_formulas_is_refused(
    arrays: dict[str, Any], meta: dict[str, Any], message: str
) -> None:
    own, about = Image("p").fit(table(3)).state()
    with pytest.raises(ValueError, match=message):
        DescriptorEncoder.restore({**own, **arrays}, {**about, **meta})


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A model whose vectors are the length of each file, at a hash that can be changed."""
    made: dict[str, Any] = {"identity": "first", "asked": 0}

    def encode(files: list[bytes]) -> list[np.ndarray]:
        made["asked"] += len(files)
        return [np.array([len(file), 1], dtype=np.float32) for file in files]

    monkeypatch.setattr(module, "select_encoder", lambda spec: (made["identity"], encode))
    return made


SPEC = Image("p", encoder="clip")


def test_vectors_of_a_model_are_taken_as_they_are(model: dict[str, Any]) -> None:
    items = pl.DataFrame({"p": [b"abc", None, b"a"]})
    encoder, features = fit_features(SPEC, items)
    assert features.values.tolist() == [[3, 1], [0, 0], [1, 1]] and features.name == "image:p@clip"
    assert features.present.tolist() == [True, False, True]
    np.testing.assert_array_equal(encoder.transform(items).values, features.values)
    assert encoder.transform(items[[1, 1]]).values.tolist() == [[0, 0], [0, 0]]


def test_a_model_is_saved_by_its_hash_and_other_files_are_refused(model: dict[str, Any]) -> None:
    items = pl.DataFrame({"p": [b"abc"]})
    arrays, meta = SPEC.fit(items).state()
    assert arrays == {} and (meta["identity"], meta["dim"]) == ("first", 2)
    again = ImageModelEncoder.restore(arrays, meta)
    assert again.transform(items).values.tolist() == [[3, 1]]
    model["identity"] = "second"
    with pytest.raises(BundleError, match="the image model these features were made with; found other files"):
        again.transform(items)


def test_a_cache_that_is_given_later_is_used(model: dict[str, Any], tmp_path: Path) -> None:
    items = pl.DataFrame({"p": [b"abc", b"a"]})
    encoder = SPEC.fit(items).with_cache(Cache(tmp_path))
    for _ in range(2):
        assert encoder.transform(items).values.tolist() == [[3, 1], [1, 1]]
    assert model["asked"] == 4  # two in the fit, two before the cache held them


def test_an_encoder_with_a_cache_is_another_one(tmp_path: Path) -> None:
    plain, cache = Image("p").fit(table(2)), Cache(tmp_path)
    cached = plain.with_cache(cache)
    np.testing.assert_array_equal(cached.transform(table(3)).values, plain.transform(table(3)).values)
    assert len(cache) == 3 and plain.cache is None
