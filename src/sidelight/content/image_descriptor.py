"""Image descriptor of colour, layout, texture and gradients, without learned weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = "1"  # part of the cache key: raise it when a formula below changes
SIDE = 128
GRID = 4
HUES, SHADES, ANGLES = 16, 8, 9
RADII = (1, 2)
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
BLOCKS = {
    "colour": HUES + 2 * SHADES,
    "layout": GRID * GRID * 4,
    "texture": 10 * len(RADII),
    "gradients": GRID * GRID * ANGLES,
}
DIM = sum(BLOCKS.values())


def _uniform(code: int) -> int:
    """Classify 0 to 8 ones in a run, else 9: the rotation-invariant uniform class of eight neighbours."""
    ring = [code >> bit & 1 for bit in range(8)]
    return sum(ring) if sum(a != b for a, b in zip(ring, ring[1:] + ring[:1], strict=True)) <= 2 else 9


UNIFORM = np.array([_uniform(code) for code in range(256)], dtype=np.uint8)


def describe(image: Image, side: int = SIDE) -> NDArray[np.float32]:
    """Compute the blocks of `BLOCKS` one after the other, float32 (DIM,), each number in [0, 1].

    colour: histogram of hue weighted by saturation * value, histograms of saturation and of value;
    layout: mean RGB and standard deviation of luminance in each cell of a 4 x 4 grid;
    texture: histograms of rotation-invariant uniform local binary patterns of the eight neighbours
    in a square of radius 1 and of radius 2;
    gradients: histogram of unsigned orientation weighted by magnitude in each cell, length 1 a cell.
    Histograms sum to 1 and are square-rooted, so that distances between them are Hellinger's.

    Args:
        image: RGB.
        side: The image is brought to side x side first, without regard to its proportions.

    Source: local binary patterns of Ojala, Pietikainen and Maenpaa (2002), theirs on a circle with
    interpolated neighbours; orientation histograms
    after Dalal and Triggs (2005), without overlapping blocks.
    """
    from PIL.Image import Resampling

    small = image.resize((side, side), Resampling.BOX, reducing_gap=2.0)
    rgb = np.asarray(small, dtype=np.float32) / 255
    grey8 = np.asarray(small.convert("L"))
    grey = grey8.astype(np.float32) / 255
    parts: list[NDArray[Any]] = [
        _colour(np.asarray(small.convert("HSV"))),
        _layout(rgb, grey),
        _texture(grey8),
        _gradients(grey),
    ]
    return np.concatenate(parts).astype(np.float32)


def _colour(hsv: NDArray[Any]) -> NDArray[Any]:
    hue, saturation, value = (hsv[..., i].ravel().astype(np.int64) for i in range(3))
    weight = saturation * value / 255**2
    hues = np.bincount(hue * HUES // 256, weights=weight, minlength=HUES)
    shades = [np.bincount(x * SHADES // 256, minlength=SHADES) for x in (saturation, value)]
    return np.concatenate([_share(h) for h in (hues, *shades)])


def _layout(rgb: NDArray[Any], grey: NDArray[Any]) -> NDArray[Any]:
    means = [_cells(rgb[..., i]).mean(axis=1) for i in range(3)]
    contrast = 2 * _cells(grey).std(axis=1)  # the largest deviation inside [0, 1] is 1/2
    return np.concatenate([*means, contrast])


def _texture(grey8: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([_share(np.bincount(_patterns(grey8, r).ravel(), minlength=10)) for r in RADII])


def _patterns(grey8: NDArray[Any], radius: int) -> NDArray[Any]:
    """Code of each inner pixel: the number of neighbours at least as bright, 9 when they alternate."""
    height, width = grey8.shape
    centre = grey8[radius : height - radius, radius : width - radius]
    bits = np.zeros(centre.shape, dtype=np.uint8)
    for bit, (down, right) in enumerate(AROUND):
        top, left = radius * (1 + down), radius * (1 + right)
        other = grey8[top : top + centre.shape[0], left : left + centre.shape[1]]
        bits |= (other >= centre).astype(np.uint8) << np.uint8(bit)
    return UNIFORM[bits]


def _gradients(grey: NDArray[Any]) -> NDArray[Any]:
    down, across = np.gradient(grey)
    size = np.hypot(down, across)
    angle = np.floor(np.arctan2(down, across) % np.pi * (ANGLES / np.pi)).astype(np.int64) % ANGLES
    cells, turns = _cells(size), _cells(angle)
    at = np.arange(GRID * GRID)[:, None] * ANGLES + turns
    sums = np.bincount(at.ravel(), weights=cells.ravel(), minlength=GRID * GRID * ANGLES)
    hist = np.sqrt(sums.reshape(GRID * GRID, ANGLES))
    norm = np.linalg.norm(hist, axis=1, keepdims=True)
    return np.asarray(np.divide(hist, norm, out=np.zeros_like(hist), where=norm > 0)).ravel()


def _cells(plane: NDArray[Any]) -> NDArray[Any]:
    """Pixels of each grid cell, (GRID * GRID, pixels); an uneven remainder is cut off."""
    step = plane.shape[0] // GRID
    cut = plane[: step * GRID, : step * GRID].reshape(GRID, step, GRID, step)
    return cut.transpose(0, 2, 1, 3).reshape(GRID * GRID, step * step)


def _share(counts: NDArray[Any]) -> NDArray[Any]:
    total = float(counts.sum())
    return np.sqrt(counts / total) if total > 0 else np.zeros(len(counts))
