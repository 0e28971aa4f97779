"""Encoding of an image column: paths or bytes to vectors and a list of problems."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.content import image_descriptor
from sidelight.content.cached_encoding import encode_rows, key_of
from sidelight.content.image_decoding import BadImage, ImageProblem, ImageWarning, decode, read_bytes
from sidelight.content.onnx_model import OnnxModel
from sidelight.content.sentence_models import SentenceModel
from sidelight.content.spec_fields import column, wrong_type
from sidelight.progress import Progress

if TYPE_CHECKING:
    from sidelight.content.cache import Cache

DESCRIPTOR = "descriptor"

Encode = Callable[[list[bytes]], list[NDArray[np.float32] | str]]
"""From the bytes of image files to a vector each, or the reason why there is none."""


def select_encoder(spec: Any) -> tuple[str, Encode]:
    """Return the identity of the encoder of an `Image` in the cache, and the encoder."""
    if spec.encoder == DESCRIPTOR:
        side = spec.size or image_descriptor.SIDE
        return f"descriptor:{image_descriptor.VERSION}:{side}", lambda files: [
            _described(f, side) for f in files
        ]
    if spec.encoder.lower().endswith(".onnx"):
        onnx = OnnxModel(spec.encoder, spec.size, spec.mean, spec.std, spec.device)
        return onnx.identity(), lambda files: _by_model(files, onnx.encode)
    model = SentenceModel(spec.encoder, spec.device)
    identity = model.identity()
    return identity, lambda files: _by_model(files, lambda images: model.encode(images, spec.batch_size))


def _described(data: bytes, side: int) -> NDArray[np.float32] | str:
    try:
        return image_descriptor.describe(decode(data, near=2 * side), side)
    except BadImage as error:
        return str(error)


def _by_model(
    files: list[bytes], encode: Callable[[list[Any]], NDArray[np.float32]]
) -> list[NDArray[np.float32] | str]:
    """Decode the readable images and encode them in one call."""
    out: list[NDArray[np.float32] | str] = []
    images, places = [], []
    for at, data in enumerate(files):
        try:
            images.append(decode(data))
            places.append(at)
            out.append("")
        except BadImage as error:
            out.append(str(error))
    if images:
        for at, vector in zip(places, encode(images), strict=True):
            out[at] = vector
    return out


def encode_images(
    spec: Any,
    identity: str,
    encode: Encode,
    items: pl.DataFrame,
    cache: Cache | None,
    progress: Progress | None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Encode an image column to vectors and a mask; unreadable images are listed in one warning."""
    values = _values(items, spec.columns[0])
    problems: dict[int, str] = {}
    keys: list[bytes | None] = [None] * len(values)
    sizes = [0] * len(values)
    for row, value in enumerate(values):
        if value is None or value == "":
            continue
        try:
            data = read_bytes(value, spec.root)
        except BadImage as error:
            problems[row] = str(error)
            continue
        keys[row], sizes[row] = key_of(identity, data), len(data)

    failed: dict[bytes | None, str] = {}

    def encode_selected(rows: list[int]) -> list[NDArray[np.float32] | None]:
        found = encode([_reread(values[row], spec.root, keys[row], identity) for row in rows])
        failed.update({keys[row]: got for row, got in zip(rows, found, strict=True) if isinstance(got, str)})
        return [None if isinstance(got, str) else got for got in found]

    label = f"encoding {spec.name}"
    vectors, present = encode_rows(
        keys,
        encode_selected,
        sizes=sizes,
        batch_size=spec.batch_size,
        cache=cache,
        progress=progress,
        label=label,
    )
    problems |= {row: failed[key] for row, key in enumerate(keys) if key in failed}
    if problems:
        listed = [ImageProblem(row, _source(values[row]), problems[row]) for row in sorted(problems)]
        warnings.warn(ImageWarning(listed, spec.columns[0]), stacklevel=4)
    return vectors, present


def _reread(value: str | bytes | None, root: str, key: bytes | None, identity: str) -> bytes:
    """Read the bytes again; b"" if they no longer match the key."""
    try:
        data = read_bytes(value or b"", root)
    except BadImage:
        return b""
    return data if key_of(identity, data) == key else b""


def _values(items: pl.DataFrame, name: str) -> list[str | bytes | None]:
    """Return paths or bytes of the column, None where missing."""
    series = column(items, name, "Image")
    if (
        series.dtype not in (pl.String, pl.Binary, pl.Categorical, pl.Null)
        and series.dtype.base_type() != pl.Enum
    ):
        raise wrong_type("Image", name, "paths or bytes", series)
    return list(
        series.cast(pl.String).to_list() if series.dtype not in (pl.String, pl.Binary) else series.to_list()
    )


def _source(value: str | bytes | None) -> str:
    return value if isinstance(value, str) else f"{len(value or b''):,} bytes"
