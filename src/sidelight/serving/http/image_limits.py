"""Limits of images in rows, checked before decoding: a small file can decode to an enormous image."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from sidelight.errors import complain, missing_extra
from sidelight.serving.http.field_types import LONGEST_TEXT
from sidelight.serving.http.problems import Problem, pointer

if TYPE_CHECKING:
    from sidelight.models.items import Items
    from sidelight.serving.http.http_options import HttpOptions

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # never those that would start another program
ROLE: Final = "image_bytes"


def check_images(
    rows: Iterable[tuple[str, Mapping[str, Any]]], catalogue: Items, options: HttpOptions
) -> None:
    """Refuse rows whose images are too large, of another format, or broken in their first bytes.

    Only an image may be a long text; the roles of the columns tell which text is one.

    Args:
        rows: JSON pointer to each row in the body, and the row.
        catalogue: Catalogue with the roles of the columns.
        options: Limits.

    Raises:
        Problem: 422 with the place of the first such image.
    """
    known = {column.name: column.role for column in catalogue.columns}
    for where, row in rows:
        for name, value in row.items():
            if not isinstance(value, str) or not value:
                continue
            wrong, kind = "", "image"
            if known.get(name) == ROLE:
                wrong = _wrong(value, options)
            elif len(value) > LONGEST_TEXT:
                wrong = complain(f"a text of at most {LONGEST_TEXT:,} letters", f"{len(value):,}")
                kind = "text"
            if wrong:
                steps = [name if name in known else "*"]
                raise Problem(422, wrong, kind, errors=[{"pointer": where + pointer(steps), "detail": wrong}])


def _wrong(text: str, options: HttpOptions) -> str:
    """Describe the mistake of one image; "" for a good one."""
    if len(text) * 3 // 4 > options.most_image + 2:
        return complain(f"an image of at most {options.most_image:,} bytes", f"{len(text) * 3 // 4:,}")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return complain("an image as base64 in one line", "other characters, or a wrong length")
    try:
        width, height = _size(data)
    except MemoryError:
        raise
    except Exception:  # Pillow raises anything at all on damaged bytes
        return complain(f"an image in one of the formats {', '.join(FORMATS)}", "none that can be read")
    if width * height > options.most_pixels:
        expected, found = f"an image of at most {options.most_pixels:,} pixels", f"{width} x {height}"
        return complain(expected, f"{found} = {width * height:,}", fix="send a smaller one")
    return ""


def _size(data: bytes) -> tuple[int, int]:
    """Return width and height from the header of the file; no pixel is decoded."""
    try:
        from PIL import Image
    except ImportError as error:
        raise missing_extra("Pillow", "serve", "images of new items") from error
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return image.size
