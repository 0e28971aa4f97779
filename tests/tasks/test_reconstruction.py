"""Reconstruction: the columns of each modality from content with words dropped."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tasks.cases import Made, array, assert_formula, columns, still, teaches_nothing, unit  # noqa: E402

import sidelight as sl  # noqa: E402


def formula(made: Made) -> float:
    towers, found = made.towers, []
    for modality, decoder in zip(towers.fusion.modalities, made.module.decoders, strict=True):
        values = []
        for item in made.batch.drawn:
            wanted = array(modality.dense(item[None]))[0]
            if not modality.present[item] or not np.abs(wanted).sum():
                continue
            vector = array(towers.content(item[None]))[0]
            guess = array(decoder.weight) @ vector + array(decoder.bias)
            cosine = float(unit(guess)[0] @ unit(wanted)[0])
            values.append(columns(made.module, decoder, vector, wanted) if modality.sparse else 1 - cosine)
        found.append(np.mean(values))
    return float(np.mean(found))


def test_the_loss_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.Reconstruction(keep=1.0), formula)


def test_words_are_dropped_from_what_is_seen(split: sl.Split) -> None:
    whole, part = (still(split, sl.Reconstruction(keep=keep)) for keep in (1.0, 0.3))
    assert float(whole.loss().detach()) != float(part.loss().detach())


def test_what_no_drawn_item_has_teaches_nothing(split: sl.Split) -> None:
    made = still(split, sl.Reconstruction())
    assert teaches_nothing(made.loss(drawn=made.batch.drawn[:0]))
    made.towers.fusion.modalities = tuple(m.missing() for m in made.towers.fusion.modalities)
    assert teaches_nothing(made.loss())
