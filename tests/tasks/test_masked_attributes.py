"""Masked attributes: hidden modalities of an item from those that stay to be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_tasks import towers_of  # noqa: E402
from tasks.cases import Made, array, assert_formula, columns, one_modality, still, teaches_nothing, there  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.errors import SpecError  # noqa: E402


def formula(made: Made) -> float:
    towers, module, batch = made.towers, made.module, made.batch
    drawn = batch.drawn[torch.tensor(there(towers, batch.drawn).sum(axis=1) > 1)]
    chance = torch.rand((len(drawn), 4), generator=batch.generator).numpy()
    found: list[list[float]] = [[] for _ in range(4)]
    for item, draw, has in zip(drawn, chance, there(towers, drawn), strict=True):
        stays = max((m for m in range(4) if has[m]), key=lambda m: draw[m])
        hidden = [bool(has[m] and draw[m] < made.task.share and m != stays) for m in range(4)]
        shown = torch.tensor([[bool(has[m] and not hidden[m]) for m in range(4)]])
        vector = array(towers.content(item[None], shown))[0]
        for m in np.flatnonzero(hidden):
            modality, decoder = towers.fusion.modalities[m], module.decoders[m]
            wanted = array(modality.dense(item[None]))[0]
            if modality.sparse:
                found[m].append(columns(module, decoder, vector, wanted))
            else:
                spread = array(modality.values)[modality.present.numpy()].std(ddof=1)
                guess = array(decoder.weight) @ vector + array(decoder.bias)
                found[m].append(float((((guess - wanted) / spread) ** 2).mean()))
    return float(np.mean([np.mean(each) for each in found if each]))


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_the_loss_is_the_formula(split: sl.Split, share: float) -> None:
    assert_formula(split, sl.MaskedAttributes(share=share), formula)


def test_one_modality_is_refused(split: sl.Split) -> None:
    with pytest.raises(SpecError, match="expected two modalities or more; found one; in MaskedAttributes"):
        sl.MaskedAttributes().build(split, one_modality(split))


def test_items_with_one_modality_have_nothing_to_hide(split: sl.Split) -> None:
    made = still(split, sl.MaskedAttributes())
    first, *others = made.towers.fusion.modalities
    made.towers.fusion.modalities = (first, *(m.missing() for m in others))
    assert teaches_nothing(made.loss())


@pytest.mark.parametrize("n_present", [0, 1])
def test_values_without_a_spread_are_taken_as_they_are(split: sl.Split, n_present: int) -> None:
    """As of a modality that was screened out, or of numbers that a single item has."""
    towers = towers_of(split)
    *others, vector = towers.fusion.modalities
    present = torch.arange(split.data.n_items) < n_present
    narrow = replace(vector, present=present, values=vector.values[:, :1].contiguous(), dim=1)
    towers.fusion.modalities = (*others, narrow)
    assert sl.MaskedAttributes().build(split, towers).spreads[-1] == 1.0
