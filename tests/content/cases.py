"""Cases that several test files of this folder share."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import PIL.Image

from sidelight.content.image_descriptor import BLOCKS

PICTURE = np.zeros((24, 32, 3), dtype=np.uint8)


def noise(seed: int, shape: tuple[int, int] = (16, 16)) -> PIL.Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    return PIL.Image.fromarray(pixels)


def block(vectors: np.ndarray, name: str) -> np.ndarray:
    """Columns of one block of the image descriptor."""
    start = sum(BLOCKS[each] for each in list(BLOCKS)[: list(BLOCKS).index(name)])
    return vectors[..., start : start + BLOCKS[name]]


def saved(image: PIL.Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def picture() -> PIL.Image.Image:
    return PIL.Image.fromarray(PICTURE)


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header promises width x height pixels, in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


BROKEN = {
    "no bytes": b"",
    "no image": b"<html>not found</html>",
    "truncated jpeg": saved(picture(), "JPEG")[:-80],
    "truncated png": saved(picture())[:-40],
    "header only": saved(picture())[:30],
    "damaged png": saved(picture()).replace(b"IDAT", b"IDAX"),
    "large": huge_png(8000, 8000),
    "bomb": huge_png(60000, 60000),
    "float tiff": saved(PIL.Image.fromarray(np.ones((4, 4), dtype=np.float32)), "TIFF"),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "unlisted format": saved(picture(), "PCX"),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}
