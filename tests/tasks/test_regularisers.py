"""Gate sparsity: a modality without lift fades to exactly 0, the others stay, and scale gains nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_tasks import made  # noqa: E402
from tasks.cases import Made, array, assert_formula  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.content.features import Features  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.tasks.regularisers import GateSparsity  # noqa: E402
from sidelight.towers.item_inputs import ItemInputs  # noqa: E402
from sidelight.towers.item_parts import ContentFusion  # noqa: E402
from sidelight.towers.modality_evidence import modality_evidence  # noqa: E402
from sidelight.towers.towers import TowerOptions, Towers  # noqa: E402
from sidelight.training import loop  # noqa: E402

CONTENT = (sl.Categories("category"), sl.Vector("vector"))

OPTIONS = sl.TrainingOptions(epochs=12, min_steps=8, batch_size=64, lr=3e-3, patience=99)


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(200, 120, 2500, seed=3).data)


def towers_of(split: sl.Split) -> Any:
    """Towers over two modalities that say something and one of noise, none of them screened."""
    features = list(ContentSpace.fit(CONTENT, split.data).features)
    drawn = np.random.default_rng(0).standard_normal((split.data.n_items, 32)).astype(np.float32)
    raw = Features("noise", drawn, np.ones(split.data.n_items, bool))
    features.append(Features("noise", raw.normalised(), raw.present))
    evidence = modality_evidence(features, split.fitting())
    inputs = ItemInputs(features, split.fitting(), 16, evidence=evidence)
    return Towers(inputs, TowerOptions(content=ContentFusion(screen=False)))


def test_noise_fades_to_exactly_zero(split: sl.Split) -> None:
    ends = {}
    for name, tasks in (("with", (GateSparsity(),)), ("without", ())):
        towers = towers_of(split)
        blind = replace(split, validation=split.validation[:0])
        loop.train(loop.Training(towers, blind, tasks, options=OPTIONS), judged=False)
        ends[name] = towers.fusion.weights().tolist()
    assert ends["without"][-1] > 0.5 * max(ends["without"])
    assert ends["with"][-1] == 0
    assert min(ends["with"][:-1]) > 0.2 * max(ends["with"])


def test_scale_gains_nothing(split: sl.Split) -> None:
    towers = towers_of(split)
    penalty = GateSparsity().build(split, towers)
    before = float(penalty(None, towers).detach())
    assert before > 0
    with torch.no_grad():
        towers.fusion.gates.mul_(0.01)
    assert float(penalty(None, towers).detach()) == pytest.approx(before)
    with torch.no_grad():  # nor does a small gate that its map makes up for
        towers.fusion.gates[-1] *= 0.1
        towers.fusion.maps[-1] *= 10
    assert float(penalty(None, towers).detach()) == pytest.approx(before)
    towers.fusion.evidence = ()
    assert float(GateSparsity().build(split, towers)(None, towers).detach()) == 0


def decorrelation(made: Made) -> float:
    values = np.linalg.eigvalsh(np.cov(array(made.towers.content(made.batch.drawn)).T))
    return float(np.log(len(values) / (values.sum() ** 2 / (values**2).sum())))


def test_the_loss_of_decorrelation_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.Decorrelation(), decorrelation)


@pytest.mark.parametrize("weight", [0.5, 5.0])
def test_decorrelation_spreads_the_vectors(split: sl.Split, weight: float) -> None:
    towers, module, batch = made(split, sl.Decorrelation())
    towers.eval()

    def used() -> float:
        values = np.linalg.eigvalsh(np.cov(towers.content(batch.drawn).detach().numpy().T))
        return float(values.sum() ** 2 / (values**2).sum())

    with torch.no_grad():  # all vectors near one line
        for m in towers.fusion.maps:
            m.copy_(m @ torch.diag(torch.tensor([1.0, 0.3, 0.1, 0.1, 0.1, 0.1])))
    before = used()
    optimizer = torch.optim.Adam(towers.fusion.maps, lr=0.03)
    for _ in range(40):
        optimizer.zero_grad()
        (weight * module(batch, towers)).backward()
        optimizer.step()
    assert before < 4 < 5 < used()
