"""Image models in ONNX files, run by onnxruntime; input size and layout are read from the file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sidelight.content.sentence_models import hash_file
from sidelight.errors import DataError, SpecError, complain, first_line, missing_extra

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = 224
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX image model with one image input.

    The input may be (batch, 3, height, width) or (batch, height, width, 3). Float models get
    (pixel / 255 - mean) / std, uint8 models the pixels. The first output is taken: of (batch, dim)
    as it is, of (batch, tokens, dim) the mean over tokens, of a feature map the mean over places.

    Args:
        path: The .onnx file.
        size: Side in pixels where the model leaves it open; None means 224.
        mean, std: Three numbers each, of the model's own training.
        device: None or "cpu", or "cuda".
    """

    path: str
    size: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: str | None = None

    def identity(self) -> str:
        """Hash of the file, of its external weights, and of the preprocessing."""
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise DataError(complain("an ONNX file", "no such file", self.path))
        whole = hashlib.sha256(repr((self.size, self.mean, self.std)).encode())
        beside = sorted(f for f in path.parent.iterdir() if f.is_file() and _belongs(f, path))
        for each in beside:
            whole.update(f"{each.name if each != path else ''} {hash_file(each)}\n".encode())
        return "onnx:" + whole.hexdigest()

    def encode(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Encode RGB images, float32 (n, dim) of length 1 (an all-zero vector stays zero)."""
        session = load(str(Path(self.path).expanduser()), self.device, self.identity())
        entry = _image_input(session, self.path)
        channels_last = _channels_last(entry.shape, self.path)
        height, width = entry.shape[1:3] if channels_last else entry.shape[2:4]
        side = self.size or SIZE
        shape = tuple(x if isinstance(x, int) and x > 0 else side for x in (height, width))
        batch = self._pixels(images, (shape[0], shape[1]), TYPES[entry.type], channels_last)
        step = entry.shape[0] if isinstance(entry.shape[0], int) and entry.shape[0] > 0 else len(batch)
        found = [
            self._run(session, entry.name, batch[at : at + step], step) for at in range(0, len(batch), step)
        ]
        pooled = _pooled(np.concatenate(found), channels_last, self.path)
        norm = np.linalg.norm(pooled, axis=1, keepdims=True)
        return np.asarray(np.divide(pooled, norm, out=np.zeros_like(pooled), where=norm > 0))

    def _run(self, session: Any, name: str, some: NDArray[Any], step: int) -> NDArray[np.float32]:
        """Run one batch; a short one of a model with a fixed batch size is filled with zeros."""
        short = step - len(some)
        full = np.concatenate([some, np.zeros((short, *some.shape[1:]), some.dtype)]) if short else some
        try:
            out = session.run([session.get_outputs()[0].name], {name: full})[0]
        except Exception as error:  # onnxruntime's own errors share no public base class
            raise DataError(complain("a model that runs on images", first_line(error), self.path)) from error
        return np.asarray(out, dtype=np.float32)[: len(some)]

    def _pixels(
        self, images: Sequence[Image], shape: tuple[int, int], kind: type[Any], channels_last: bool
    ) -> NDArray[Any]:
        from PIL.Image import Resampling

        height, width = shape
        small = [im.resize((width, height), Resampling.BICUBIC, reducing_gap=3.0) for im in images]
        pixels: NDArray[Any] = np.stack([np.asarray(im) for im in small])
        if kind is not np.uint8:
            mean, std = (np.asarray(x, dtype=np.float32) for x in (self.mean, self.std))
            pixels = ((pixels.astype(np.float32) / 255 - mean) / std).astype(kind)
        return pixels if channels_last else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


@lru_cache(maxsize=2)
def load(path: str, device: str | None, identity: str) -> Any:
    """Load the session; `identity` makes a changed file load anew."""
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_extra("onnxruntime", "image", "images through an ONNX model") from error
    provider = "CUDAExecutionProvider" if (device or "cpu").startswith("cuda") else "CPUExecutionProvider"
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise SpecError(complain(f"device {device!r}", f"onnxruntime has only {', '.join(available)}", path))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    try:
        return onnxruntime.InferenceSession(path, options, providers=[provider])
    except Exception as error:  # onnxruntime's own errors share no public base class
        raise DataError(complain("a model that onnxruntime can load", first_line(error), path)) from error


def _image_input(session: Any, path: str) -> Any:
    entries = session.get_inputs()
    fits = [e for e in entries if e.type in TYPES and len(e.shape) == 4]
    if len(entries) != 1 or not fits:
        found = ", ".join(f"{e.name} {e.type} {list(e.shape)}" for e in entries)
        raise DataError(complain("one image input of four dimensions, float or uint8", found or "none", path))
    return fits[0]


def _channels_last(shape: Sequence[Any], path: str) -> bool:
    if shape[1] == 3:
        return False
    if shape[3] == 3:
        return True
    raise DataError(complain("3 channels in second or last place", str(list(shape)), path))


def _pooled(out: NDArray[np.float32], channels_last: bool, path: str) -> NDArray[np.float32]:
    if out.ndim == 2:
        return out
    if out.ndim == 3:
        return np.asarray(out.mean(axis=1))
    if out.ndim == 4:
        return np.asarray(out.mean(axis=(1, 2) if channels_last else (2, 3)))
    raise DataError(complain("an output of 2, 3 or 4 dimensions", f"shape {out.shape}", path))


def _belongs(each: Path, model: Path) -> bool:
    """Return the model file and its external weights ("m.onnx.data", "m.onnx_data")."""
    return each == model or (each.name.startswith(model.name) and each.name.endswith("data"))
