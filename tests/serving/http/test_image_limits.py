"""Images of rows are checked before anything decodes them."""

from __future__ import annotations

import base64
import io
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from sidelight.data.schema import Column
from sidelight.serving.http.field_types import LONGEST_TEXT
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.image_limits import check_images
from sidelight.serving.http.problems import Problem

ITEMS: Any = SimpleNamespace(columns=(Column("title", "text"), Column("photo", "image_bytes")))


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def found(row: dict[str, Any], **options: int) -> Problem | None:
    try:
        check_images([("/items/3", row)], ITEMS, HttpOptions(**options))
    except Problem as problem:
        return problem
    return None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_usual_images_and_rows_without_any_are_accepted(kind: str) -> None:
    assert found({"photo": picture(kind), "title": "x"}) is None
    assert found({"photo": "", "title": "x" * LONGEST_TEXT, "price": 3}) is None


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (picture(size=(40, 50)), {"most_pixels": 1999}, "at most 1,999 pixels; found 40 x 50 = 2,000"),
        (picture(), {"most_image": 10}, "at most 10 bytes"),
        ("no base64!", {}, "as base64"),
        (base64.b64encode(b"not an image").decode(), {}, "formats JPEG, PNG"),
        (picture("TIFF"), {}, "formats JPEG, PNG"),
    ],
)
def test_other_images_are_refused_with_their_place(text: str, options: dict[str, int], words: str) -> None:
    problem = found({"photo": text}, **options)
    assert problem is not None and (problem.status, problem.name) == (422, "image")
    assert words in problem.detail and problem.errors[0]["pointer"] == "/items/3/photo"


def test_only_an_image_may_be_a_long_text_and_unknown_columns_are_not_repeated() -> None:
    for column, pointer in (("title", "/items/3/title"), ("secret", "/items/3/*")):
        problem = found({column: "x" * (LONGEST_TEXT + 1)})
        assert problem is not None and problem.name == "text"
        assert problem.errors[0]["pointer"] == pointer
