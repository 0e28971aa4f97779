"""Encoder of `PredictedLabels`: content, a linear map, and labels where they are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.content.normalise import scaled
from sidelight.content.protocols import Arrays, Encoder
from sidelight.storage import placed, under

if TYPE_CHECKING:
    import polars as pl

    from sidelight.content.cache import Cache

Dense: TypeAlias = NDArray[np.float32]
Block: TypeAlias = Any  # float32 array or CSR matrix, (n_rows, dim)


@dataclass(frozen=True, eq=False)
class PredictedEncoder:
    """Encoder from content to the label space, see `PredictedLabels`.

    Args:
        name: The modality.
        content: Encoders of the predicting content.
        centres: float32 (width,) per content, empty for sparse ones.
        widths: Columns of each content.
        solution: float32 (sum of widths, dim).
        true_share: Weight of an item's own labels.
        labels: Reads labels of the rows, or None where new items have none yet.
        axes: float32 (n_labels, dim) with `labels`, else None.
    """

    name: str
    content: tuple[Encoder, ...]
    centres: tuple[Dense, ...]
    widths: tuple[int, ...]
    solution: Dense
    true_share: float
    labels: Encoder | None = None
    axes: Dense | None = None

    @property
    def source(self) -> str:
        """Item columns that the content reads."""
        specs = [getattr(each, "spec", each) for each in self.content]
        names = [c for s in specs for c in getattr(s, "columns", (getattr(s, "source", ""),))]
        return "+".join(dict.fromkeys(filter(None, names)))

    def with_cache(self, cache: Cache | None) -> Self:
        """Return the same encoder with a cache for slow content."""
        made = tuple(e.with_cache(cache) if hasattr(e, "with_cache") else e for e in self.content)
        return replace(self, content=made)

    def transform(self, items: pl.DataFrame) -> Features:
        """Encode rows, dense (n_items, dim); absent without content and labels."""
        blocks = [
            scaled(each.transform(items), at).values
            for each, at in zip(self.content, self.centres, strict=True)
        ]
        true = None
        if self.labels is not None and self.axes is not None:
            true = projected(self.labels.transform(items), self.axes)
        return mixed(self.name, joint(blocks, self.solution), true, self.true_share)

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return arrays of all encoders by place, the map, and centres of dense content."""
        arrays: Arrays = {"solution": self.solution}
        inner = []
        for at, (each, centre) in enumerate(zip(self.content, self.centres, strict=True)):
            own, about = each.state()
            arrays |= placed(f"content{at}", own)
            inner.append({"encoder": about, "width": self.widths[at], "centred": bool(len(centre))})
            if len(centre):
                arrays[f"centre{at}"] = centre
        meta = {"kind": "predicted", "name": self.name, "content": inner, "dim": self.solution.shape[1]}
        meta |= {"true_share": self.true_share, "labels": None}
        if self.labels is not None and self.axes is not None:
            own, meta["labels"] = self.labels.state()
            arrays |= {**placed("labels", own), "axes": self.axes}
            meta["axes"] = len(self.axes)
        return arrays, meta

    @classmethod
    def restore(
        cls, arrays: Arrays, meta: dict[str, Any], inner: Callable[[Arrays, dict[str, Any]], Encoder]
    ) -> Self:
        """Restore the result of `state`; `inner` restores the encoders inside."""
        content, centres, widths = [], [], []
        for at, each in enumerate(meta["content"]):
            content.append(inner(under(f"content{at}", arrays), each["encoder"]))
            widths.append(int(each["width"]))
            found = arrays[f"centre{at}"] if each["centred"] else np.zeros(0, np.float32)
            centres.append(_shaped(found, (widths[-1],) if each["centred"] else (0,)))
        dim = int(meta["dim"])
        solution = _shaped(arrays["solution"], (sum(widths), dim))
        labels, axes = None, None
        if meta["labels"] is not None:
            labels = inner(under("labels", arrays), meta["labels"])
            axes = _shaped(arrays["axes"], (int(meta["axes"]), dim))
        share = float(meta["true_share"])
        return cls(meta["name"], tuple(content), tuple(centres), tuple(widths), solution, share, labels, axes)


def joint(content: Sequence[Block], solution: Dense) -> Dense:
    """Compute the predictions x W of all content side by side, float32 (n_items, dim)."""
    out = np.zeros((content[0].shape[0], solution.shape[1]), dtype=np.float32)
    at = 0
    for x in content:
        out += x @ solution[at : at + x.shape[1]]
        at += x.shape[1]
    return out


def projected(labels: Features, axes: Dense) -> Dense:
    """Project labels into the label space, float32 (n, dim) of unit length; zero without labels."""
    return _unit(np.asarray(labels.normalised() @ axes, dtype=np.float32))


def mixed(name: str, predicted: Dense, true: Dense | None, share: float) -> Features:
    """Mix unit predictions with true labels where both are present; else take the one that is.

    Args:
        name: The modality.
        predicted: float32 (n_items, dim), any length; zero without content.
        true: The same of unit length; zero where labels are not seen. None sees none.
        share: Weight of `true`.
    """
    values = _unit(predicted)
    if true is not None:
        own, guessed = (np.abs(v).sum(axis=1) > 0 for v in (true, values))
        part = np.where(own & guessed, share, own.astype(float)).astype(np.float32)[:, None]
        values = _unit(part * true + (1 - part) * values)
    return Features(name, values, np.abs(values).sum(axis=1) > 0)


def _unit(rows: Dense) -> Dense:
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    out: Dense = np.divide(rows, norm, out=np.zeros_like(rows), where=norm > 1e-12)
    return out


def _shaped(array: Any, shape: tuple[int, ...]) -> Dense:
    found = np.asarray(array, dtype=np.float32)
    if found.shape != shape:
        raise ValueError(f"expected an array of shape {shape}; found {found.shape}")
    return found
