"""Decoding of images from paths or bytes to upright RGB, within limits."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sidelight.errors import first_line, missing_extra

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
MAX_BYTES = 64 * 2**20
# Raster formats that Pillow decodes by itself: never EPS or PDF, which would start other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
SHOWN = 3


@dataclass(frozen=True)
class ImageProblem:
    """An unreadable image: 0-based row, source and reason."""

    row: int
    source: str
    reason: str

    def __str__(self) -> str:
        return f"row {self.row + 1} ({self.source}): {self.reason}"


class ImageWarning(UserWarning):
    """Unreadable images; their items are treated as having none.

    Attributes:
        problems: Every one of them; the message shows the first few.
    """

    def __init__(self, problems: list[ImageProblem], column: str) -> None:
        self.problems = tuple(problems)
        shown = "; ".join(map(str, problems[:SHOWN])) + ("; ..." if len(problems) > SHOWN else "")
        noun = "image" if len(problems) == 1 else "images"
        super().__init__(
            f"{len(problems)} {noun} of column {column!r} could not be read, taken as missing: {shown}"
        )


class BadImage(Exception):
    """An image cannot be used; becomes a `Problem`."""


def read_bytes(value: str | bytes, root: str = "") -> bytes:
    """Read the bytes of an image.

    Args:
        value: A path, relative to `root` unless absolute, or the bytes themselves.
        root: Folder that relative paths start from.

    Raises:
        BadImage: No such file, no bytes, or more than `MAX_BYTES`.
    """
    if isinstance(value, bytes):
        size, data = len(value), value
    else:
        path = Path(root).expanduser() / value
        try:
            if not path.is_file():
                raise BadImage("no such file")
            size = path.stat().st_size
            data = path.read_bytes() if size <= MAX_BYTES else b""
        except (OSError, ValueError) as error:
            raise BadImage(f"cannot be opened ({error})") from error
    if size > MAX_BYTES:
        raise BadImage(f"{size:,} bytes, more than {MAX_BYTES:,}")
    if not data:
        raise BadImage("empty")
    return data


def decode(data: bytes, near: int | None = None) -> Image:
    """Decode an image to upright RGB on white.

    EXIF rotation is applied, transparency is laid on white, grey, palette, CMYK and 16-bit images
    become RGB, of an animation the first frame is taken.

    Args:
        data: Bytes of a JPEG, PNG, WebP, GIF, BMP, TIFF or PPM file.
        near: JPEG only: decode at the smallest stored scale that is at least this many pixels wide
            and high; much faster for photographs.

    Raises:
        BadImage: Broken, truncated, of another format, or more than `MAX_PIXELS` pixels.
        MissingExtraError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise missing_extra("Pillow", "image", "reading images") from error
    if not data:
        raise BadImage("gone or changed while it was read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hints about odd metadata; the size is checked here
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise BadImage(f"{width} x {height} pixels, more than {MAX_PIXELS:,}")
                if near is not None:
                    image.draft("RGB", (near, near))
                image.load()
                return _rgb(_upright(image, ImageOps))
    except BadImage:
        raise
    except MemoryError:
        raise BadImage("does not fit in memory") from None
    except Exception as error:  # Pillow's decoders raise anything at all on damaged bytes
        unknown = "cannot identify image file" in (reason := first_line(error))
        raise BadImage("not an image of a known format" if unknown else reason) from error


def _upright(image: Any, ops: Any) -> Any:
    try:
        return ops.exif_transpose(image)
    except Exception:  # unreadable EXIF says nothing about the pixels
        return image


def _rgb(image: Any) -> Image:
    from PIL import Image as Pillow

    if image.mode == "F":
        raise BadImage("floating point pixels have no known white")
    if image.mode.startswith("I"):
        # Pillow would cut 16-bit grey at 255 rather than scale it.
        grey = np.clip(np.asarray(image, dtype=np.int64) // 257, 0, 255).astype(np.uint8)
        return Pillow.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        ground = Pillow.new("RGBA", clear.size, (255, 255, 255, 255))
        image = Pillow.alpha_composite(ground, clear)
    out: Image = image.convert("RGB")
    return out
