"""Images as vectors, by a weight-free descriptor or by a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray

from sidelight.content import image_descriptor
from sidelight.content.features import Features
from sidelight.content.image_encoding import DESCRIPTOR, encode_images, select_encoder
from sidelight.content.protocols import Arrays
from sidelight.content.sentence_models import need_same_model, short_name
from sidelight.content.spec_fields import nothing_there, only_one, options_of, set_fields, spec_from
from sidelight.option_types import Count, Label, Positive
from sidelight.option_values import Range
from sidelight.progress import Progress

if TYPE_CHECKING:
    import polars as pl

    from sidelight.content.cache import Cache

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

Side = Annotated[int, Range(f"[{2 * image_descriptor.GRID}, 8192]")]


@dataclass(frozen=True, init=False)
class Image:
    """Images as dense vectors, float32 (n_items, dim).

    `encoder="descriptor"`: colour, layout, texture and gradients, see `descriptor.describe`. Every
    column is centred and scaled over the fitted images, then divided by the square root of its
    block's width, so that the four blocks weigh the same. It tells apart looks, not meanings.

    `encoder="path/to/model.onnx"`: see `OnnxModel`. Any other folder or name: a sentence-transformers
    image model, e.g. "clip-ViT-B-32". Both give rows of length 1.

    An image that cannot be read leaves its item absent and is listed in one `ImageWarning`.

    Args:
        *names: One item column of paths or of bytes. Null and "" mean missing.
        encoder: "descriptor", an .onnx file, a folder, or a model name.
        root: Folder that relative paths start from.
        size: Side in pixels that images are brought to: 128 for the descriptor, for ONNX where the
            model leaves it open 224; sentence-transformers models bring their own.
        mean, std: Normalisation of the ONNX model, per channel on [0, 1]; ImageNet's by default.
        device: As `Text.device`; for ONNX "cpu" or "cuda".
        batch_size: Images a call.

    Examples:
        >>> import sidelight as sl
        >>> sl.Image("photo").name
        'image:photo'
    """

    columns: tuple[str, ...]
    encoder: Label
    root: str
    size: Side | None
    mean: tuple[float, float, float]
    std: tuple[Positive, Positive, Positive]
    device: Label | None
    batch_size: Count

    def __init__(
        self,
        *names: str,
        columns: Sequence[str] = (),
        encoder: str = DESCRIPTOR,
        root: str = "",
        size: int | None = None,
        mean: Sequence[float] = IMAGENET[0],
        std: Sequence[float] = IMAGENET[1],
        device: str | None = None,
        batch_size: int = 32,
    ) -> None:
        root = str(root) if isinstance(root, Path) else root
        set_fields(self, locals())
        only_one(self)

    @property
    def name(self) -> str:
        """Name of the modality, e.g. "image:photo", or "image:photo@clip-ViT-B-32" under a model."""
        base = "image:" + self.columns[0]
        return base if self.encoder == DESCRIPTOR else f"{base}@{short_name(self.encoder)}"

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> DescriptorEncoder | ImageModelEncoder:
        """Fit an encoder on the scales of these images, or on the output of its model."""
        return self.fit_transform(items, cache, progress)[0]

    def fit_transform(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> tuple[DescriptorEncoder | ImageModelEncoder, Features]:
        """Fit and encode the same rows; every image is encoded once."""
        identity, encode = select_encoder(self)
        raw, present = encode_images(self, identity, encode, items, cache, progress)
        if not present.any():
            raise nothing_there("Image", self.columns)
        if self.encoder != DESCRIPTOR:
            fitted = ImageModelEncoder(self, raw.shape[1], identity, cache)
            return fitted, Features(self.name, raw, present)
        centre = raw[present].mean(axis=0, dtype=np.float64)
        spread = raw[present].std(axis=0, dtype=np.float64)
        width = np.repeat(list(image_descriptor.BLOCKS.values()), list(image_descriptor.BLOCKS.values()))
        scale = np.divide(1.0, spread * np.sqrt(width), out=np.zeros(len(spread)), where=spread > 1e-6)
        described = DescriptorEncoder(self, centre, scale, cache)
        return described, described.scaled(raw, present)


@dataclass(frozen=True, eq=False)
class DescriptorEncoder:
    """Encoder of descriptors: (x - centre) * scale, both float64 (dim,)."""

    spec: Image
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    cache: Cache | None = None

    def with_cache(self, cache: Cache | None) -> Self:
        """Return the same encoder with a cache."""
        return replace(self, cache=cache)

    def transform(self, items: pl.DataFrame, progress: Progress | None = None) -> Features:
        """Encode images, dense (n_items, dim); absent where there is no readable image."""
        identity, encode = select_encoder(self.spec)
        raw, present = encode_images(self.spec, identity, encode, items, self.cache, progress)
        return self.scaled(raw, present)

    def scaled(self, raw: NDArray[np.float32], present: NDArray[np.bool_]) -> Features:
        """Scale descriptors into features."""
        values = np.zeros((len(present), len(self.centre)), dtype=np.float32)
        values[present] = (raw[present] - self.centre) * self.scale if present.any() else 0
        return Features(self.spec.name, values, present)

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return centre, scale, and the version of the formulas."""
        meta = {"kind": "descriptor", "spec": options_of(self.spec), "version": image_descriptor.VERSION}
        return {"centre": self.centre, "scale": self.scale}, meta

    @classmethod
    def restore(cls, arrays: Arrays, meta: dict[str, Any]) -> Self:
        """Restore the result of `state`."""
        if meta["version"] != image_descriptor.VERSION:
            raise ValueError(
                f"image descriptor version {meta['version']}, this is {image_descriptor.VERSION}"
            )
        centre, scale = (np.asarray(arrays[key], dtype=np.float64) for key in ("centre", "scale"))
        if centre.shape != (image_descriptor.DIM,) or scale.shape != centre.shape:
            raise ValueError(f"expected {image_descriptor.DIM} numbers, found shape {centre.shape}")
        return cls(spec_from(Image, meta), centre, scale)


@dataclass(frozen=True, eq=False)
class ImageModelEncoder:
    """Encoder by an image model; `identity` is the hash of its files, checked before each use."""

    spec: Image
    dim: int
    identity: str
    cache: Cache | None = None

    def with_cache(self, cache: Cache | None) -> Self:
        """Return the same encoder with a cache."""
        return replace(self, cache=cache)

    def transform(self, items: pl.DataFrame, progress: Progress | None = None) -> Features:
        """Encode images, dense (n_items, dim); absent where there is no readable image."""
        identity, encode = select_encoder(self.spec)
        need_same_model("image", self.spec.encoder, identity, self.identity)
        values, present = encode_images(self.spec, identity, encode, items, self.cache, progress)
        if not present.any():
            values = np.zeros((len(present), self.dim), dtype=np.float32)
        return Features(self.spec.name, values, present)

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return no arrays: the model is referred to by its hash."""
        meta = {"kind": "image-model", "spec": options_of(self.spec)}
        return {}, {**meta, "dim": self.dim, "identity": self.identity}

    @classmethod
    def restore(cls, arrays: Arrays, meta: dict[str, Any]) -> Self:
        """Restore the result of `state`; the model is loaded on first use."""
        return cls(spec_from(Image, meta), int(meta["dim"]), str(meta["identity"]))
