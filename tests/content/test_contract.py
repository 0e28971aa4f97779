"""What every encoder promises, checked on each of them with the same rows."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import polars as pl
import pytest
import scipy.sparse as sp

from sidelight.content.categories import Categories
from sidelight.content.features import Features
from sidelight.content.image import Image
from sidelight.content.links import Links
from sidelight.content.numbers import Numbers
from sidelight.content.predicted_labels import PredictedLabels
from sidelight.content.protocols import Content, Encoder, fit_features
from sidelight.content.saved_modality import restore_encoder
from sidelight.content.tags import Tags
from sidelight.content.text import Text
from sidelight.content.vector import Vector
from sidelight.errors import BundleError, DataError, SpecError
from sidelight.storage import read_folder, write_folder

SPECS: list[Content] = [
    Text("title", min_df=1),
    Text("title", "text", min_df=1, ngrams=(1, 2), sublinear=False),
    Categories("brand"),
    Categories("brand", "kind"),
    Tags("tags"),
    Tags("tags", idf=False, min_count=2),
    Links("cites"),
    Links("cites", "parts", separator=" ", min_count=1),
    Numbers("price"),
    Numbers("price", "year", scale="standard"),
    Vector("embedding"),
    Image("photo"),
    PredictedLabels(Tags("tags"), (Text("title", min_df=1), Vector("embedding")), reg=1.0),
    PredictedLabels(Categories("brand"), (Text("title", "text", min_df=1),), reg=0.1, true_share=0.0),
]
IDS = [f"{type(s).__name__}-{i}" for i, s in enumerate(SPECS)]


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def table() -> pl.DataFrame:
    """Seven items; number 5 has nothing at all, the others lack something here and there."""
    return pl.DataFrame(
        {
            "title": ["Red shoe", "blue shoe, blue!", "Tea pot", "  ", "red tea", None, "Schuh Größe 42"],
            "text": ["soft", None, "for tea", "only text", "", None, "x"],
            "brand": ["Acme", "acme ", None, "Bolt", "Acme", None, ""],
            "kind": [1, 2, 1, 2, 1, None, 1],
            "tags": [["a", "b"], ["b"], [], ["c", "c", " "], ["a", None], None, ["b", "c"]],
            "item_id": [1, 2, 3, 4, 5, 6, 7],
            "cites": [[2, 3], [3], None, [], [1], None, [99]],
            "parts": ["2", None, "", "1 7", None, None, None],
            "price": [1.0, 2.5, float("nan"), 4.0, 1e9, None, 3.0],
            "year": [1999, None, 2001, 2002, 2003, None, 2004],
            "embedding": [[1.0, 2.0], [0.0, 0.0], [3.0, 1.0], None, [5.0, 5.0], None, [1.0, 1.0]],
            "photo": [png(0), png(1), None, png(3), png(0), None, png(6)],
        }
    )


PRESENT = {
    "text:title": [1, 1, 1, 0, 1, 0, 1],
    "text:title+text": [1, 1, 1, 1, 1, 0, 1],
    "categories:brand": [1, 1, 0, 1, 1, 0, 0],
    "categories:brand+kind": [1, 1, 1, 1, 1, 0, 1],
    "tags:tags": [1, 1, 0, 1, 1, 0, 1],
    "links:cites": [1, 1, 1, 0, 1, 0, 0],
    "links:cites+parts": [1, 1, 1, 1, 1, 0, 1],
    "numbers:price": [1, 1, 0, 1, 1, 0, 1],
    "numbers:price+year": [1, 1, 1, 1, 1, 0, 1],
    "vector:embedding": [1, 1, 1, 0, 1, 0, 1],
    "image:photo": [1, 1, 0, 1, 1, 0, 1],
    "predicted:tags:tags": [1, 1, 1, 1, 1, 0, 1],
    "predicted:categories:brand": [1, 1, 1, 1, 1, 0, 0],  # the words of the last one have no label to teach
}


def dense(features: Features) -> np.ndarray:
    return features.values.toarray() if sp.issparse(features.values) else np.asarray(features.values)


def same(a: Features, b: Features) -> None:
    assert a.name == b.name and a.names == b.names and a.sparse == b.sparse
    np.testing.assert_array_equal(a.present, b.present)
    np.testing.assert_array_equal(dense(a), dense(b))


def fitted(spec: Content) -> tuple[Encoder, Features]:
    return fit_features(spec, table())


each = pytest.mark.parametrize("spec", SPECS, ids=IDS)


@each
def test_shape_mask_and_type(spec: Content) -> None:
    _, features = fitted(spec)
    assert features.name == spec.name and len(features) == 7
    np.testing.assert_array_equal(features.present, np.array(PRESENT[spec.name], dtype=bool))
    assert dense(features).dtype == np.float32
    assert not dense(features)[~features.present].any()
    assert dense(features)[features.present].any()


@each
def test_transform_of_the_fitted_rows_and_of_some_of_them(spec: Content) -> None:
    encoder, features = fitted(spec)
    same(encoder.transform(table()), features)
    same(spec.fit(table()).transform(table()), features)
    some = [6, 0, 5, 0]
    part = encoder.transform(table()[some])
    np.testing.assert_array_equal(dense(part), dense(features)[some])
    np.testing.assert_array_equal(part.present, features.present[some])


@each
def test_no_rows_and_rows_of_nulls(spec: Content) -> None:
    encoder, features = fitted(spec)
    none = encoder.transform(table().clear())
    assert none.values.shape == (0, features.dim) and none.names == features.names
    nothing = pl.DataFrame({name: [None, None] for name in table().columns})
    for rows in (nothing, table()[[5, 5]]):
        found = encoder.transform(rows)
        assert found.values.shape == (2, features.dim)
        assert not found.present.any() and not dense(found).any()


@each
def test_the_saved_state_transforms_exactly_alike(spec: Content, tmp_path: Path) -> None:
    encoder, features = fitted(spec)
    arrays, meta = encoder.state()
    write_folder(tmp_path / "saved", arrays, meta)
    arrays, meta, _ = read_folder(tmp_path / "saved")
    restored = restore_encoder(arrays, meta)
    assert type(restored) is type(encoder)
    same(restored.transform(table()), features)
    again, meta_again = restored.state()
    assert meta_again == json.loads(json.dumps(meta)) and again.keys() == arrays.keys()


@each
def test_row_order_does_not_matter(spec: Content) -> None:
    _, features = fitted(spec)
    order = [3, 6, 1, 5, 0, 2, 4]
    _, shuffled = fit_features(spec, table()[order])
    assert shuffled.names == features.names
    np.testing.assert_allclose(dense(shuffled), dense(features)[order], rtol=0, atol=1e-6)


@each
def test_a_missing_or_misspelt_column_is_named(spec: Content) -> None:
    encoder, _ = fitted(spec)
    first: str = spec.columns[0]  # type: ignore[attr-defined]
    for call in (spec.fit, encoder.transform):
        with pytest.raises(SpecError, match=f"{first!r}.*did you mean '{first}s'"):
            call(table().rename({first: first + "s"}))


@each
def test_a_modality_that_no_item_has_is_refused(spec: Content) -> None:
    with pytest.raises(DataError, match="expected at least one item"):
        spec.fit(table()[[5]])


@each
def test_damaged_states_are_bundle_errors(spec: Content) -> None:
    arrays, meta = fitted(spec)[0].state()
    for key in arrays:
        with pytest.raises(BundleError, match="damaged"):
            restore_encoder({k: v for k, v in arrays.items() if k != key}, meta)
        if key not in ("words",) and not key.startswith("labels"):
            with pytest.raises(BundleError, match="damaged"):
                restore_encoder({**arrays, key: arrays[key][:-1]}, meta)
    for key in meta.keys() - {"kind"}:
        with pytest.raises(BundleError, match="damaged"):
            restore_encoder(arrays, {k: v for k, v in meta.items() if k != key})


def test_only_own_encoders_come_back() -> None:
    with pytest.raises(BundleError, match="did you mean 'tfidf'"):
        restore_encoder({}, {"kind": "tfid"})
    with pytest.raises(BundleError, match="unknown content encoder 'os:system'"):
        restore_encoder({}, {"kind": "os:system"})
    with pytest.raises(BundleError):
        restore_encoder({}, {})


def test_a_spec_from_outside_needs_only_the_protocol() -> None:
    class Length:
        name = "length:title"

        def fit(self, items: pl.DataFrame, cache: Any = None, progress: Any = None) -> Any:
            return self

        def transform(self, items: pl.DataFrame) -> Features:
            values = items["title"].str.len_chars().fill_null(0).to_numpy().astype(np.float32)[:, None]
            return Features(self.name, values, items["title"].is_not_null().to_numpy())

    _, features = fit_features(Length(), table())
    assert features.values[0, 0] == len("Red shoe")


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: Text("tags"), r"use Tags\('tags'\)"),
        (lambda: Text("photo"), "expected text"),
        (lambda: Categories("tags"), r"use Tags\('tags'\)"),
        (lambda: Categories("photo"), "labels as text"),
        (lambda: Tags("title"), "separator"),
        (lambda: Numbers("title"), "expected numbers"),
        (lambda: Vector("title"), "lists of numbers"),
        (lambda: Vector("tags"), "lists of numbers"),
        (lambda: Image("price"), "paths or bytes"),
    ],
)
def test_a_column_of_another_type_is_refused(make: Callable[[], Content], hint: str) -> None:
    with pytest.raises(DataError, match=hint):
        fit_features(make(), table())


def test_nothing_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for spec in SPECS:
            fit_features(spec, table())
