"""Checks of images: each defect planted in a clean shop; limits, missing Pillow."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
from plain_tables import (
    ITEMS,
    NOW,
    Case,
    assert_found,
    column,
    findings,
    plain,
)  # fmt: skip

from sidelight.data.checks import check, image_files
from sidelight.data.raw_tables import RawTables


def picture(pixels: tuple[int, int], shade: int = 0) -> bytes:
    """PNG bytes."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("L", pixels, shade).save(out, "PNG")
    return out.getvalue()


NO_PICTURE = b"\x89PNG\r\n\x1a\nnothing behind the signature"


HUGE = (20_000, 3_000)


LOST = column(ITEMS, "photo", "image_path", lambda i: "no/such.png" if i > 77 else None)


BROKEN = column(ITEMS, "photo", "image_bytes", lambda i: NO_PICTURE if i == 5 else picture((9, 9), i))


GIANT = column(ITEMS, "photo", "image_bytes", lambda i: picture(HUGE if i == 5 else (9, 9), i))


SAME = column(ITEMS, "photo", "image_bytes", lambda i: picture((9, 9), max(i, 20)))


CASES = [
    Case("image-missing", ITEMS, LOST, 79, "photo", 42),
    Case("image-broken", ITEMS, BROKEN, 6, "photo"),
    Case("image-huge", ITEMS, GIANT, 6, "photo"),
    Case("image-repeated", ITEMS, SAME, 1, "photo", 21),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.defect)
def test_planted_defect_is_found_where_it_is(case: Case) -> None:
    assert_found(case)


def test_images_are_found_beside_the_file_that_names_them_and_opened_up_to_a_limit(tmp_path: Path) -> None:
    for name, data in (("a.png", picture((4, 4))), ("b.png", NO_PICTURE)):
        (tmp_path / name).write_bytes(data)
    shop = plain()
    column(ITEMS, "photo", "image_path", lambda i: "b.png" if i == 1 else "a.png" if i < 4 else None)(shop)
    raw = shop.raw()
    raw = RawTables(raw.frames, raw.schema, files={ITEMS: (str(tmp_path / "items.csv"),)})

    def about_images(limit: int) -> list[tuple[str, int | None, int]]:
        found = check(raw, now=NOW, image_limit=limit)
        return [(f.defect, f.row, f.count) for f in found if f.defect.startswith("image")]

    assert about_images(2000) == [("image-broken", 2, 1)]
    assert about_images(2) == [("images-not-opened", None, 2)]  # the first and third are opened
    assert about_images(0) == [("images-not-opened", None, 4)]


def test_images_without_pillow_are_said_to_be_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = plain()
    SAME(shop)
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    (one,) = findings(shop)
    assert (one.defect, one.count) == ("images-not-opened", 120)
    assert "sidelight[image]" in one.fix


def test_verdicts_on_single_images() -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((300, 300), 80).save(out, "JPEG")
    photo = out.getvalue()
    assert image_files._verdict(photo) == ""
    assert image_files._verdict(photo[: len(photo) // 2]) == "image-broken"
    assert image_files._verdict(b"") == "image-broken"
    assert image_files._verdict(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n") == "image-broken"
    for side in (10_000, 20_000):  # Pillow warns of the first and refuses the second; neither is decoded
        head = picture((9, 9))[:16] + side.to_bytes(4, "big") * 2 + picture((9, 9))[24:29]
        wide = head + zlib.crc32(head[12:]).to_bytes(4, "big") + picture((9, 9))[33:]
        assert image_files._verdict(wide) == "image-huge"
