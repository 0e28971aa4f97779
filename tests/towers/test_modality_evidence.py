"""Which modalities are looked at: what is planted is seen, noise is not, few clicks decide nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
from sidelight.content.features import Features  # noqa: E402
from sidelight.data.schema import Column  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.towers import modality_evidence as measured  # noqa: E402
from sidelight.towers.item_inputs import ItemInputs  # noqa: E402
from sidelight.towers.item_parts import ContentFusion  # noqa: E402
from sidelight.towers.modality_evidence import ModalityEvidence, modality_evidence, useful  # noqa: E402
from sidelight.towers.towers import TowerOptions, Towers  # noqa: E402
from sidelight.training.loop import modalities  # noqa: E402
from sidelight.training.validation_scores import item_vectors  # noqa: E402

CONTENT = (sl.Text("title", min_df=1), sl.Categories("category"), sl.Vector("vector"))


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(300, 150, 3000, seed=3).data)


@pytest.fixture(scope="module")
def space(split: sl.Split) -> ContentSpace:
    return ContentSpace.fit(CONTENT, split.data)


def noise(n: int, seed: int) -> Features:
    drawn = np.random.default_rng(seed).standard_normal((n, 32)).astype(np.float32)
    raw = Features("noise", drawn, np.ones(n, bool))
    return Features("noise", raw.normalised(), raw.present)


def draws(split: sl.Split, count: int) -> Iterator[ModalityEvidence]:
    for seed in range(count):
        yield modality_evidence((noise(split.data.n_items, seed),), split.fitting(), seed)[0]


def test_the_lift_is_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "PERMUTATIONS", 4000)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((7, 3)).astype(np.float32)
    present = np.array([1, 1, 1, 0, 1, 1, 1], bool)
    x[~present] = 0
    rows = [[0, 1, 2], [1, 3], [2, 4, 5, 6], [0, 4], [6]]
    fitting = sp.csr_matrix(
        (np.ones(12, np.float32), np.concatenate(rows), np.cumsum([0, *map(len, rows)])), shape=(5, 7)
    )
    used = [[0, 1, 2], [2, 4, 5, 6], [0, 4]]  # with two items that have the modality
    entries = [i for own in used for i in own]

    def alike(values: np.ndarray) -> float:
        total = sum(
            values[i] @ values[j] / (len(own) - 1) for own in used for i in own for j in own if i != j
        )
        return total / len(entries) - float(np.square(values[entries].mean(axis=0)).sum())

    items = np.flatnonzero(present)
    null = []
    for _ in range(4000):
        shuffled = x.copy()
        shuffled[items] = x[rng.permutation(items)]
        null.append(alike(shuffled))
    pairs = [float(x[i] @ x[j]) for i in items for j in items if i != j]
    wanted = (alike(x) - np.mean(null)) / np.std(pairs)
    for values in (x, sp.csr_matrix(x)):
        found = modality_evidence((Features("v", values, present),), fitting)[0]
        assert found.lift == pytest.approx(wanted, abs=8 * np.std(null) / np.std(pairs) / 4000**0.5)
        assert found.error == pytest.approx(np.std(null) / np.std(pairs), rel=0.1)


def test_noise_is_within_its_errors_whatever_the_popularity(split: sl.Split) -> None:
    z = np.array([found.z for found in draws(split, 60)])
    assert abs(z.mean()) < 0.5 and 0.7 < z.std() < 1.5


def test_what_was_planted_is_kept_and_noise_is_left_out(split: sl.Split, space: ContentSpace) -> None:
    own = modality_evidence(space.features, split.fitting())
    assert all(found.z > 5 for found in own)
    kept = np.array([useful([*own, found]) for found in draws(split, 60)])
    assert kept[:, :-1].all()
    assert kept[:, -1].mean() < 0.2


def test_without_evidence_everything_stays() -> None:
    nothing = ModalityEvidence("a", 0.0, float("inf"))
    assert useful([nothing, nothing]).all()
    assert useful([nothing, ModalityEvidence("b", 1.0, 0.01)]).all()  # nothing is known of a
    assert useful(
        [ModalityEvidence("a", 0.0, 0.01), ModalityEvidence("b", 0.02, 0.01)]
    ).all()  # nor of b: an accident
    assert useful([ModalityEvidence("a", 0.3, 0.3), ModalityEvidence("b", 1.0, 0.3)]).all()  # too few pairs
    assert useful([ModalityEvidence("a", 0.0, 0.01), ModalityEvidence("b", 1.0, 0.01)]).tolist() == [
        False,
        True,
    ]
    lone = sp.csr_matrix(np.eye(4, dtype=np.float32))
    assert not np.isfinite(modality_evidence((noise(4, 0),), lone)[0].error)


def test_a_modality_that_is_left_out_changes_nothing(split: sl.Split, space: ContentSpace) -> None:
    """Not even the noise of the others: the vectors are those of towers without it, bit for bit."""
    fitting = split.fitting()
    more = (*space.features, noise(split.data.n_items, 1))
    found = [*modality_evidence(space.features, split.fitting()), ModalityEvidence("noise", 0.0, 0.001)]
    bare = Towers(ItemInputs(space.features, fitting, 8))
    inputs = ItemInputs(more, fitting, 8, evidence=found)
    screened = Towers(inputs)
    assert screened.fusion.weights()[-1] == 0
    assert [each["weight"] > 0 for each in modalities(screened)] == [True, True, True, False]
    noise_of = [torch.Generator().manual_seed(1) for _ in range(2)]
    for _ in range(2):
        one, two = (
            towers.train().items(torch.arange(20), draws)
            for towers, draws in zip((bare, screened), noise_of, strict=True)
        )
        assert torch.equal(one, two)
    two.sum().backward()
    assert screened.fusion.gates.grad[-1] == 0
    free = Towers(inputs, TowerOptions(content=ContentFusion(screen=False)))
    assert not torch.allclose(item_vectors(free), item_vectors(bare))


def test_the_fitted_model_has_a_gate_of_zero_and_places_new_items_without_it(split: sl.Split) -> None:
    data = split.data
    items = data.items.with_columns(noise=pl.Series(noise(data.n_items, 2).values.tolist()))
    schema = replace(data.schema, items=(*data.schema.items, Column("noise", "vector")))
    noisy = replace(split, data=replace(data, items=items, schema=schema))
    options = sl.TrainingOptions(epochs=1, batch_size=64, min_steps=1)
    scorer = (
        sl.TwoTower((*CONTENT, sl.Vector("noise")), dim=8, options=options, floor=False).fit(noisy).scorer
    )
    assert scorer.gates[-1] == 0 and (scorer.gates[:-1] > 0).all()
    new = np.flatnonzero(split.fitting().getnnz(axis=0) == 0)
    own = [Features(f.name, f.values[new], f.present[new], f.names) for f in scorer.space.features]
    np.testing.assert_allclose(scorer.place(own), scorer.vectors[new], atol=1e-5)
    last = scorer.trace["modalities"][-1]
    assert last["weight"] == 0 and abs(last["lift"]) < 3 * last["error"]
