"""The descriptor against loops, and what it must and must not see."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import PIL.Image
import pytest
from content.cases import block, noise

from sidelight.content.image_descriptor import DIM, GRID, describe

SIDE = 16  # small enough for loops


def test_all_numbers_lie_between_0_and_1_and_are_repeatable() -> None:
    for image in (noise(0), PIL.Image.new("RGB", (5, 9)), PIL.Image.new("RGB", (300, 20), "white")):
        vector = describe(image)
        assert vector.shape == (DIM,) and vector.dtype == np.float32
        assert vector.min() >= 0 and vector.max() <= 1 + 1e-6
        np.testing.assert_array_equal(vector, describe(image.copy()))


def test_colour_against_counting_pixels() -> None:
    image = PIL.Image.new("RGB", (SIDE, SIDE), "red")
    image.paste((0, 255, 0), (0, 0, SIDE, SIDE // 4))
    colour = block(describe(image, SIDE), "colour")
    hues = np.zeros(16)
    for pixel, share in (((1, 0, 0), 0.75), ((0, 1, 0), 0.25)):
        hues[int(colorsys.rgb_to_hsv(*pixel)[0] * 16)] += share
    np.testing.assert_allclose(colour[:16], np.sqrt(hues), atol=1e-6)
    assert colour[16 + 7] == 1 and colour[24 + 7] == 1  # fully saturated, fully bright


def test_layout_against_loops() -> None:
    image = noise(1)
    rgb, grey = np.asarray(image) / 255, np.asarray(image.convert("L")) / 255
    layout, step = block(describe(image, SIDE), "layout"), SIDE // GRID
    for i in range(GRID):
        for j in range(GRID):
            cell = np.s_[i * step : (i + 1) * step, j * step : (j + 1) * step]
            for channel in range(3):
                expected = rgb[cell][..., channel].mean()
                assert layout[channel * 16 + i * GRID + j] == pytest.approx(expected, abs=1e-6)
            assert layout[48 + i * GRID + j] == pytest.approx(2 * grey[cell].std(), abs=1e-6)


def test_texture_against_loops() -> None:
    image = noise(2)
    grey = np.asarray(image.convert("L")).astype(int)
    texture = block(describe(image, SIDE), "texture")
    ring = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    for at, radius in enumerate((1, 2)):
        counts = np.zeros(10)
        for y in range(radius, SIDE - radius):
            for x in range(radius, SIDE - radius):
                bits = [int(grey[y + radius * dy, x + radius * dx] >= grey[y, x]) for dy, dx in ring]
                changes = sum(bits[i] != bits[i - 1] for i in range(8))
                counts[sum(bits) if changes <= 2 else 9] += 1
        np.testing.assert_allclose(texture[at * 10 : at * 10 + 10], np.sqrt(counts / counts.sum()), atol=1e-6)


def test_gradients_against_loops() -> None:
    image = noise(3)
    grey = np.asarray(image.convert("L")) / 255
    down, across = np.gradient(grey)
    found, step = block(describe(image, SIDE), "gradients").reshape(GRID, GRID, 9), SIDE // GRID
    for i in range(GRID):
        for j in range(GRID):
            sums = np.zeros(9)
            for y in range(i * step, (i + 1) * step):
                for x in range(j * step, (j + 1) * step):
                    angle = math.atan2(down[y, x], across[y, x]) % math.pi
                    sums[min(int(angle / math.pi * 9), 8)] += math.hypot(down[y, x], across[y, x])
            expected = np.sqrt(sums) / np.linalg.norm(np.sqrt(sums))
            np.testing.assert_allclose(found[i, j], expected, atol=1e-3)


def test_it_sees_colour_and_place_and_not_size() -> None:
    red, blue = PIL.Image.new("RGB", (64, 64), "red"), PIL.Image.new("RGB", (64, 64), "blue")
    assert np.linalg.norm(describe(red) - describe(blue)) > 1
    picture = noise(4, (8, 8)).resize((256, 256), PIL.Image.Resampling.NEAREST)
    larger = picture.resize((512, 512), PIL.Image.Resampling.NEAREST)
    turned = picture.transpose(PIL.Image.Transpose.FLIP_TOP_BOTTOM)
    near = np.linalg.norm(describe(picture) - describe(larger))
    assert near < 0.05 < np.linalg.norm(describe(picture) - describe(turned))
