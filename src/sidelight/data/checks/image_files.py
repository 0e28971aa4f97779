"""Checks of item images: missing, broken, far too large, or one picture for many items."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from sidelight.data.checks.checked_tables import Check, CheckedTables
from sidelight.data.findings import Finding
from sidelight.data.raw_tables import FILE

PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # those that encoders decode
READ = 64 * 2**20  # bytes of one image that are read at most


def images(t: CheckedTables) -> list[Finding]:
    """Report missing files, and open up to `image_limit` images per column, evenly spread."""
    found = []
    for column in t.columns("items", "image_path", "image_bytes"):
        values = t.items[column.name]
        given = values.is_not_null().arg_true().to_numpy()
        if column.role == "image_path":
            gone = {int(i) for i in given if not _place(t, int(i), str(values[int(i)])).is_file()}
            message = "no such file: {value}"
            found += t.found("image-missing", "items", sorted(gone), message, column.name)
            given = np.array([i for i in given if int(i) not in gone], dtype=np.int64)
        found += _opened(t, column.name, given)
    return found


def _opened(t: CheckedTables, name: str, given: np.ndarray) -> list[Finding]:
    if not len(given):
        return []
    spread = np.linspace(0, len(given) - 1, min(t.image_limit, len(given))).astype(int)
    chosen = [int(i) for i in given[spread]]
    found, skipped = [], len(given) - len(chosen)
    verdicts: dict[int, str] = {}
    digests: dict[int, str] = {}
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        skipped, chosen = len(given), []
    for at, data in _bytes(t, name, chosen):
        digests[at] = hashlib.sha256(data).hexdigest()
        verdicts[at] = _verdict(data)
    for defect, message in (
        ("image-broken", "cannot be read as an image: {value}"),
        ("image-huge", f"more than {PIXELS / 1e6:.0f} million pixels: {{value}}"),
    ):
        found += t.found(defect, "items", [i for i, v in verdicts.items() if v == defect], message, name)
    often = {d for d, n in Counter(digests.values()).items() if n >= max(5, 0.01 * len(digests))}
    rows = [i for i, d in digests.items() if d in often]
    found += t.found("image-repeated", "items", rows, "the same picture as other items; e.g. {value}", name)
    if skipped:
        message = f"{skipped:,} of {len(given):,} images were not opened"
        found += t.found("images-not-opened", "items", None, message, name, skipped)
    return found


def _verdict(data: bytes) -> str:
    """Return the defect of one image, "" when it is sound. Pixels are counted before decoding."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hints about odd metadata; the size is checked here
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > PIXELS:
                    return "image-huge"
                if image.format == "JPEG":  # verify() does not read a JPEG to its end
                    image.draft("L", (32, 32))
                    image.load()
                else:
                    image.verify()
    except Image.DecompressionBombError:
        return "image-huge"
    except Exception:  # Pillow raises OSError, SyntaxError, ValueError, struct.error ...: all say "broken"
        return "image-broken"
    return ""


def _bytes(t: CheckedTables, name: str, rows: list[int]) -> Iterator[tuple[int, bytes]]:
    values = t.items[name]
    for at in rows:
        if values.dtype == pl.Binary:
            yield at, values[at]
        else:
            with open(_place(t, at, str(values[at])), "rb") as file:
                yield at, file.read(READ)


def _place(t: CheckedTables, at: int, path: str) -> Path:
    """Resolve a relative path from the folder of the file that names it (or of another item file)."""
    name = str(t.items[FILE][at])
    files = sorted(map(Path, t.raw.files.get("items", ())), key=lambda file: file.name != name)
    places = [file.parent / path for file in files] or [Path(path)]
    return next((place for place in places if place.is_file()), places[0])


CHECKS: tuple[Check, ...] = (images,)
