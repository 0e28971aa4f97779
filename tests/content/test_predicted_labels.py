"""`PredictedLabels`: the regression is the formula, and labels that may not be seen change nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

import sidelight as sl
from sidelight import config
from sidelight.content.predicted_labels import _axes, _ridge
from sidelight.content.protocols import fit_features
from sidelight.content.saved_modality import restore_encoder
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import DataError, SpecError
from sidelight.models.content_space import ContentSpace, LateContentWarning
from sidelight.storage import read_folder, write_folder

SPEC = sl.PredictedLabels(sl.Tags("tags"), (sl.Text("title", min_df=1), sl.Vector("vector")), dim=8, reg=0.5)


@pytest.fixture(scope="module")
def split() -> sl.Split:
    """Tags are not known at launch, and a fifth of the items is cold."""
    data = make_synthetic(120, 90, 1500, seed=3, missing=0.2).data
    late = tuple(replace(c, known_at_launch=c.name != "tags") for c in data.schema.items)
    return sl.split.cold_items(replace(data, schema=replace(data.schema, items=late)), share=0.2)


def touched(split: sl.Split) -> np.ndarray:
    return np.asarray(split.fitting().getnnz(axis=0) > 0)


def space(split: sl.Split, spec: sl.PredictedLabels = SPEC) -> ContentSpace:
    return ContentSpace.fit((spec,), split.data, touched=touched(split))


def relabelled(split: sl.Split, which: np.ndarray) -> sl.Split:
    """The same split where some items have labels that nobody else has."""
    items = split.data.items.with_row_index("at")
    strange = pl.when(pl.col("at").is_in(np.flatnonzero(which).tolist())).then(pl.lit(["strange", "odd"]))
    items = items.with_columns(strange.otherwise(pl.col("tags")).alias("tags")).drop("at")
    return replace(split, data=replace(split.data, items=items))


@pytest.mark.parametrize("rows", [12, 60])
def test_ridge_is_the_normal_equation_on_either_side(rows: int) -> None:
    rng = np.random.default_rng(0)
    words = sp.random(rows, 20, 0.3, "csr", np.float32, random_state=1)
    dense = rng.standard_normal((rows, 5)).astype(np.float32)
    target = rng.standard_normal((rows, 3)).astype(np.float32)
    x = np.hstack([words.toarray(), dense]).astype(np.float64)
    expected = np.linalg.solve(x.T @ x + 2.0 * np.eye(25), x.T @ target)
    np.testing.assert_allclose(_ridge([words, dense], target, 2.0), expected, atol=1e-5)


def test_axes_hold_as_much_of_the_labels_as_any_can() -> None:
    labels = sp.random(50, 30, 0.2, "csr", np.float32, random_state=2)
    axes = _axes(labels, 4)
    np.testing.assert_allclose(axes.T @ axes, np.eye(4), atol=1e-5)
    best = (np.linalg.svd(labels.toarray(), compute_uv=False)[:4] ** 2).sum()
    assert 0.995 * best < (np.asarray(labels @ axes) ** 2).sum() < 1.0001 * best
    assert np.array_equal(_axes(labels, 30), np.eye(30))


def test_a_label_that_the_title_tells_is_predicted() -> None:
    items = pl.DataFrame({"title": ["red pot", "red cup", "blue pot", "blue cup", "red jar", "blue jar"] * 4})
    items = items.with_columns(kind=pl.col("title").str.split(" ").list.first())
    seen = np.arange(len(items)) < 16
    spec = sl.PredictedLabels(sl.Categories("kind"), (sl.Text("title", min_df=1),), reg=0.1)
    _, features = fit_features(spec, items, seen=seen)
    red = features.values[0] / np.linalg.norm(features.values[0])
    close = features.values[16:] @ red
    is_red = (items["kind"] == "red").to_numpy()[16:]
    assert close[is_red].min() > 0.9 and close[~is_red].max() < 0.3


def test_the_share_mixes_labels_and_prediction(split: sl.Split) -> None:
    seen = touched(split)
    alone, own, half = (
        fit_features(replace(SPEC, true_share=share), split.data.items, seen=seen)[1].values
        for share in (0.0, 1.0, 0.5)
    )  # fmt: skip
    both = seen & (alone != own).any(axis=1) & (np.abs(alone).sum(axis=1) > 0)
    assert both.sum() > 20
    middle = alone[both] + own[both]
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    np.testing.assert_allclose(half[both], middle, atol=1e-5)
    np.testing.assert_array_equal(alone[~seen], own[~seen])


def test_labels_of_cold_items_are_never_seen(split: sl.Split) -> None:
    cold = ~touched(split)
    assert cold.sum() >= 10
    before, after = space(split), space(relabelled(split, cold))
    np.testing.assert_array_equal(before.features[0].values, after.features[0].values)
    changed = space(relabelled(split, ~cold))
    assert not np.array_equal(before.features[0].values[cold], changed.features[0].values[cold])


def test_labels_of_new_rows_are_never_read(split: sl.Split) -> None:
    encoder = space(split).encoders[0]
    rows = split.data.items[:9]
    found = encoder.transform(rows)
    np.testing.assert_array_equal(found.values, encoder.transform(rows.drop("tags")).values)
    assert found.present.any()


def test_labels_known_at_launch_are_seen_of_all_items_and_of_new_ones(split: sl.Split) -> None:
    known = tuple(replace(c, known_at_launch=True) for c in split.data.schema.items)
    early = replace(split, data=replace(split.data, schema=replace(split.data.schema, items=known)))
    cold = ~touched(split)
    before, after = space(early), space(relabelled(early, cold))
    assert not np.array_equal(before.features[0].values[cold], after.features[0].values[cold])
    rows = early.data.items[:9]
    with_tags, without = (before.encoders[0].transform(r) for r in (rows, rows.with_columns(tags=None)))
    assert not np.array_equal(with_tags.values, without.values)


def test_late_labels_do_not_warn_but_late_content_does(split: sl.Split) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        space(split)
    with pytest.warns(LateContentWarning, match="'tags'"):
        space(split, replace(SPEC, content=(sl.Tags("tags"),)))


def test_late_labels_need_to_know_which_items_are_touched(split: sl.Split) -> None:
    with pytest.raises(SpecError, match="which items have interactions"):
        ContentSpace.fit((SPEC,), split.data)


def test_no_labels_to_see_is_refused(split: sl.Split) -> None:
    with pytest.raises(DataError, match="at least one item"):
        ContentSpace.fit((SPEC,), split.data, touched=np.zeros(split.data.n_items, dtype=bool))


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"dim": 0}, "dim in"),
        ({"reg": 0.0}, "reg > 0"),
        ({"true_share": 1.5}, "true_share"),
        ({"content": ()}, "length >= 1"),
        ({"content": sl.Text("title")}, "comma"),
        ({"content": (SPEC,)}, "predicted labels"),
        ({"labels": SPEC}, "predicted labels"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], hint: str) -> None:
    with pytest.raises(SpecError, match=hint):
        replace(SPEC, **options)  # type: ignore[arg-type]


def test_the_spec_is_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_text(config.dump(sl.ContentKNN((sl.Text("title"), SPEC), weights=(1.0, 0.5))))
    assert config.load(file).content[1] == SPEC


def test_a_saved_late_encoder_carries_no_labels_and_needs_no_torch(split: sl.Split, tmp_path: Path) -> None:
    encoder, rows = space(split).encoders[0], split.data.items[:5]
    arrays, meta = encoder.state()
    write_folder(tmp_path / "saved", arrays, meta)
    again, about, _ = read_folder(tmp_path / "saved")
    assert about["labels"] is None and not any(key.startswith("labels") for key in again)
    np.testing.assert_array_equal(
        restore_encoder(again, about).transform(rows).values, encoder.transform(rows).values
    )
    code = (
        "import sys; from sidelight.storage import read_folder; "
        "from sidelight.content.saved_modality import restore_encoder; "
        f"a, m, _ = read_folder({json.dumps(str(tmp_path / 'saved'))}); restore_encoder(a, m); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "spec", [sl.ContentKNN((sl.Text("title"), SPEC)), sl.Ridge((SPEC,)), sl.HybridKNN((SPEC,))]
)
def test_models_never_see_labels_of_cold_items(split: sl.Split, spec: object) -> None:
    cold = ~touched(split)
    a, b = (spec.fit(s).score(split.histories()) for s in (split, relabelled(split, cold)))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(a, b)
