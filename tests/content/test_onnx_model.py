"""ONNX image models, built here: layout, size, type, pooling, identity."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import polars as pl
import pytest

from sidelight.content.cache import Cache
from sidelight.content.image import IMAGENET, Image
from sidelight.content.protocols import fit_features
from sidelight.content.saved_modality import restore_encoder
from sidelight.errors import BundleError, DataError, SpecError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

COLOURS = ["red", "lime", "blue", "white"]


def items(colours: Sequence[str] = COLOURS) -> pl.DataFrame:
    rows = []
    for colour in colours:
        out = io.BytesIO()
        PIL.Image.new("RGB", (20, 30), colour).save(out, "PNG")
        rows.append(out.getvalue())
    return pl.DataFrame({"p": rows})


def model(
    path: Path,
    shape: Sequence[int | str] = ("n", 3, 8, 6),
    axes: Sequence[int] | None = None,
    out: Sequence[int | str] = ("n", 3),
    kind: int = 1,
    scale: float = 1.0,
) -> Path:
    """scale * image, averaged over `axes` (None keeps the feature map)."""
    h, t = onnx.helper, onnx.TensorProto
    steps = [
        h.make_node("Cast", ["image"], ["real"], to=t.FLOAT),
        h.make_node("Mul", ["real", "scale"], ["big"]),
    ]
    constants = [h.make_tensor("scale", t.FLOAT, [], [scale])]
    if axes is None:
        steps.append(h.make_node("Identity", ["big"], ["vector"]))
    else:
        constants.append(h.make_tensor("axes", t.INT64, [len(axes)], list(axes)))
        steps.append(h.make_node("ReduceMean", ["big", "axes"], ["vector"], keepdims=0))
    graph = h.make_graph(
        steps,
        "tiny",
        [h.make_tensor_value_info("image", kind, list(shape))],
        [h.make_tensor_value_info("vector", t.FLOAT, list(out))],
        constants,
    )
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def expected(colours: Sequence[str] = COLOURS) -> np.ndarray:
    rgb = np.array([PIL.Image.new("RGB", (1, 1), c).getpixel((0, 0)) for c in colours]) / 255
    out = (rgb - IMAGENET[0]) / IMAGENET[1]
    return out / np.linalg.norm(out, axis=1, keepdims=True)


CASES = {
    "channels first": {"axes": [2, 3]},
    "channels last": {"shape": ("n", 8, 6, 3), "axes": [1, 2]},
    "open size": {"shape": ("n", 3, "h", "w"), "axes": [2, 3]},
    "fixed batch": {"shape": (3, 3, 8, 6), "axes": [2, 3], "out": (3, 3)},
    "one at a time": {"shape": (1, 3, 8, 6), "axes": [2, 3], "out": (1, 3)},
    "feature map": {"out": ("n", 3, 8, 6)},
    "feature map, channels last": {"shape": ("n", 8, 6, 3), "out": ("n", 8, 6, 3)},
    "tokens": {"shape": ("n", 8, 6, 3), "axes": [1], "out": ("n", 6, 3)},
    "half precision": {"axes": [2, 3], "kind": 10},
}


@pytest.mark.parametrize("case", CASES)
def test_layouts_sizes_and_outputs(tmp_path: Path, case: str) -> None:
    path = model(tmp_path / "tiny.onnx", **CASES[case])  # type: ignore[arg-type]
    spec = Image("p", encoder=str(path), size=16)
    encoder, features = fit_features(spec, items())
    assert spec.name == "image:p@tiny.onnx" and features.present.all()
    np.testing.assert_allclose(features.values, expected(), atol=2e-3)
    restored = restore_encoder(*encoder.state()).transform(items())
    np.testing.assert_array_equal(restored.values, features.values)


def test_byte_models_get_the_pixels(tmp_path: Path) -> None:
    path = model(tmp_path / "bytes.onnx", ("n", 8, 6, 3), [1, 2], kind=2)
    _, features = fit_features(Image("p", encoder=str(path)), items())
    np.testing.assert_allclose(features.values[:3], np.eye(3), atol=1e-6)


def test_mean_and_std_are_options(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", axes=[2, 3])
    _, features = fit_features(Image("p", encoder=str(path), mean=[0, 0, 0], std=[1, 1, 1]), items())
    np.testing.assert_allclose(features.values[:3], np.eye(3), atol=1e-6)


def test_a_broken_image_among_good_ones_is_absent(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", axes=[2, 3])
    rows = pl.DataFrame({"p": [items()["p"][0], b"broken", items()["p"][2], None]})
    with pytest.warns(UserWarning, match=r"1 image .*row 2"):
        encoder, features = fit_features(Image("p", encoder=str(path)), rows)
    assert features.present.tolist() == [True, False, True, False]
    np.testing.assert_allclose(features.values[[0, 2]], expected()[[0, 2]], atol=1e-5)
    assert encoder.transform(rows[[3, 3]]).values.shape == (2, 3)


def test_other_weights_are_another_model(tmp_path: Path) -> None:
    path, cache = model(tmp_path / "m.onnx", axes=[2, 3]), Cache(tmp_path / "cache")
    encoder, _ = fit_features(Image("p", encoder=str(path)), items(), cache)
    assert len(cache) == 4
    fit_features(Image("p", encoder=str(path)), items(), cache)
    assert len(cache) == 4
    model(path, axes=[2, 3], scale=2.0)
    with pytest.raises(BundleError, match="image model these features were made with"):
        encoder.transform(items())
    fit_features(Image("p", encoder=str(path)), items(), cache)
    assert len(cache) == 8
    beside = tmp_path / "m.onnx.data"
    beside.write_bytes(b"external weights")
    fit_features(Image("p", encoder=str(path)), items(), cache)
    assert len(cache) == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": ("n", 4, 8, 6), "axes": [2, 3], "out": ("n", 4)}, "3 channels"),
        ({"shape": ("n", 3), "axes": [1], "out": ("n",)}, "one image input"),
        ({"shape": ("n", 3, 8, 6), "axes": [2, 3], "kind": 7}, "one image input"),
        ({"shape": ("n", 3, 8, 6), "axes": [1, 2, 3], "out": ("n",)}, "2, 3 or 4 dimensions"),
    ],
)
def test_models_for_something_else_are_refused(tmp_path: Path, options: dict, message: str) -> None:
    path = model(tmp_path / "m.onnx", **options)
    with pytest.raises(DataError, match=message):
        fit_features(Image("p", encoder=str(path)), items())


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        fit_features(Image("p", encoder=str(tmp_path / "gone.onnx")), items())
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    with pytest.raises(DataError, match="onnxruntime can load"):
        fit_features(Image("p", encoder=str(tmp_path / "bad.onnx")), items())
    good = model(tmp_path / "m.onnx", axes=[2, 3])
    with pytest.raises(SpecError, match="CPUExecutionProvider"):
        fit_features(Image("p", encoder=str(good), device="cuda"), items())
