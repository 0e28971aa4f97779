"""None"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import PIL.Image
import polars as pl
import pytest
from content.cases import BROKEN, PICTURE, picture, saved
from hypothesis import given
from hypothesis import strategies as st

from sidelight.content import image_decoding
from sidelight.content.image import Image
from sidelight.content.image_decoding import BadImage, ImageWarning, decode, read_bytes
from sidelight.content.protocols import fit_features

PICTURE[:12, :16] = (250, 10, 10)  # red top left, blue bottom right: turning it shows

PICTURE[12:, 16:] = (10, 10, 250)


def close_to_picture(data: bytes, tolerance: int = 40) -> None:
    got = np.asarray(decode(data), dtype=int)
    assert got.shape == PICTURE.shape
    for place in [(3, 3), (3, 28), (20, 3), (20, 28)]:
        assert np.abs(got[place] - PICTURE[place].astype(int)).max() <= tolerance


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_formats(kind: str) -> None:
    close_to_picture(saved(picture(), kind))


RAW_YCBCR = pytest.mark.skipif(
    int(PIL.__version__.split(".")[0]) < 13, reason="Pillow reads uncompressed YCbCr from 13 on"
)


@pytest.mark.parametrize("mode", ["P", "CMYK", "RGBA", pytest.param("YCbCr", marks=RAW_YCBCR)])
def test_modes(mode: str) -> None:
    kind = {"P": "PNG", "RGBA": "PNG", "CMYK": "JPEG", "YCbCr": "TIFF"}[mode]
    image = picture().quantize(8) if mode == "P" else picture().convert(mode)
    assert image.mode == mode
    close_to_picture(saved(image, kind))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I"])
def test_grey_modes_keep_their_brightness(mode: str) -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
    if mode in ("I;16", "I"):
        dtype = np.uint16 if mode == "I;16" else np.int32
        data = saved(
            PIL.Image.fromarray(ramp.astype(dtype) * dtype(257)), "PNG" if mode == "I;16" else "TIFF"
        )
    elif mode == "1":
        ramp = np.where(ramp > 127, 255, 0).astype(np.uint8)
        data = saved(PIL.Image.fromarray(ramp).convert("1"))
    else:
        data = saved(PIL.Image.fromarray(ramp).convert(mode))
    got = np.asarray(decode(data))
    np.testing.assert_array_equal(got, np.repeat(ramp[..., None], 3, axis=2))


def test_transparency_is_laid_on_white() -> None:
    clear = picture().convert("RGBA")
    clear.putalpha(0)
    assert (np.asarray(decode(saved(clear))) == 255).all()
    palette = PIL.Image.new("P", (8, 8), 0)
    assert (np.asarray(decode(saved(palette, transparency=0))) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation: int) -> None:
    undo = {
        2: [PIL.Image.Transpose.FLIP_LEFT_RIGHT],
        3: [PIL.Image.Transpose.ROTATE_180],
        4: [PIL.Image.Transpose.FLIP_TOP_BOTTOM],
        5: [PIL.Image.Transpose.TRANSPOSE],
        6: [PIL.Image.Transpose.ROTATE_90],
        7: [PIL.Image.Transpose.TRANSVERSE],
        8: [PIL.Image.Transpose.ROTATE_270],
    }
    image = picture()
    for step in undo.get(orientation, []):
        image = image.transpose(step)
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    close_to_picture(saved(image, "PNG", exif=exif))
    close_to_picture(saved(image, "JPEG", exif=exif, quality=95))


def test_broken_exif_is_no_reason_to_lose_the_image() -> None:
    close_to_picture(saved(picture(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff"))


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [PIL.Image.new("RGB", (8, 8), c) for c in ("red", "blue")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.asarray(decode(data))[0, 0].tolist() == [255, 0, 0]


def test_a_jpeg_may_be_decoded_small() -> None:
    big = saved(picture().resize((1600, 1200)), "JPEG")
    assert decode(big, near=256).size == (400, 300)
    assert decode(big).size == (1600, 1200)


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_has_a_reason(name: str) -> None:
    with pytest.raises(BadImage, match=r"\w"):
        decode(read_bytes(BROKEN[name]))


def test_limits_and_formats_are_ours_not_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadImage, match="8000 x 8000 pixels, more than 50,000,000"):
        decode(BROKEN["large"])
    with pytest.raises(BadImage, match="not an image of a known format"):
        decode(BROKEN["unlisted format"])
    monkeypatch.setattr(image_decoding, "MAX_PIXELS", PICTURE[..., 0].size)
    close_to_picture(saved(picture()))
    monkeypatch.setattr(image_decoding, "MAX_PIXELS", PICTURE[..., 0].size - 1)
    with pytest.raises(BadImage, match="32 x 24 pixels"):
        decode(saved(picture()))


@given(st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP"]), st.data())
def test_no_damage_crashes(kind: str, data: st.DataObject) -> None:
    good = bytearray(saved(picture(), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(good)))
    with contextlib.suppress(BadImage):
        assert decode(bytes(good[:cut]), near=data.draw(st.sampled_from([None, 8]))).mode == "RGB"


def test_paths_are_read_below_root(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(saved(picture()))
    absolute = str(tmp_path / "in" / "a.png")
    items = pl.DataFrame(
        {"p": ["in/a.png", absolute, "in/gone.png", "in", "http://x/y.png", "", None, "a\x00b"]}
    )
    with pytest.warns(ImageWarning, match=r"4 images .*row 3 \(in/gone.png\): no such file"):
        encoder, features = fit_features(Image("p", root=str(tmp_path)), items)
    assert features.present.tolist() == [True, True, False, False, False, False, False, False]
    with pytest.warns(ImageWarning, match="1 image of"):
        assert not encoder.transform(pl.DataFrame({"p": ["in/gone.png"]})).present.any()


def test_too_many_bytes_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_decoding, "MAX_BYTES", 20)
    (tmp_path / "a.png").write_bytes(saved(picture()))
    for value in (str(tmp_path / "a.png"), saved(picture())):
        with pytest.raises(BadImage, match="more than 20"):
            read_bytes(value)
