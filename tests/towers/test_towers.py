"""The towers: what is missing adds nothing, new items have no id, pooling is what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

from sidelight.content.features import Features  # noqa: E402
from sidelight.towers.item_inputs import ItemInputs  # noqa: E402
from sidelight.towers.item_parts import ContentFusion, IdResidual  # noqa: E402
from sidelight.towers.side_features import SideFeatures  # noqa: E402
from sidelight.towers.towers import TowerOptions, Towers  # noqa: E402
from sidelight.towers.user_encoders import AttentionPooling, MeanPooling  # noqa: E402

RNG = np.random.default_rng(0)
PLAIN = TowerOptions(content=ContentFusion(0, 0), ids=IdResidual(0))


def made(options: TowerOptions = PLAIN, **sides: SideFeatures) -> tuple[Towers, list[Features]]:
    words = sp.random(6, 9, 0.4, dtype=np.float32, random_state=1).toarray()
    words[2] = 0
    dense = RNG.standard_normal((6, 5)).astype(np.float32)
    dense[3] = 0
    features = [
        Features("words", sp.csr_matrix(words), np.array([1, 1, 0, 1, 1, 1], bool)),
        Features("vector", dense, np.array([1, 1, 1, 0, 1, 1], bool)),
    ]
    interactions = sp.csr_matrix(np.array([[1, 1, 1, 0, 0, 1]], dtype=np.float32))
    towers = Towers(ItemInputs(features, interactions, 4), options, 3, **sides)
    with torch.no_grad():
        towers.ids.ids.copy_(torch.as_tensor(RNG.standard_normal((6, 4)).astype(np.float32)))
        towers.fusion.gates.copy_(torch.tensor([0.7, 1.3]))
    return towers, features


def test_item_vectors_are_the_formula() -> None:
    towers, features = made()
    towers.eval()
    maps = [m.detach().numpy() for m in towers.fusion.maps]
    wanted = []
    for i in range(6):
        total, weight = np.zeros(4), 0.0
        for f, table, gate in zip(features, maps, (0.7 - 0.065, 1.3 - 0.065), strict=True):
            row = f.values[i].toarray()[0] if f.sparse else f.values[i]
            if f.present[i]:
                total += gate * (row @ table)
                weight += gate
        total /= weight
        if towers.touched[i]:
            total += towers.ids.ids[i].detach().numpy()
        wanted.append(total / np.linalg.norm(total))
    found = towers.items(torch.arange(6)).detach().numpy()
    np.testing.assert_allclose(found, np.array(wanted), atol=1e-5)


def test_a_gate_below_a_twentieth_of_the_largest_is_exactly_zero() -> None:
    towers, _ = made()
    towers.eval()
    with torch.no_grad():
        towers.fusion.gates.copy_(torch.tensor([0.06, 1.3]))
    assert towers.fusion.weights()[0] == 0 and towers.fusion.weights()[1] > 0
    alone = torch.tensor([[False, True]]).expand(6, 2)
    here = torch.tensor([0, 1, 2, 4, 5])  # item 3 has words alone
    torch.testing.assert_close(towers.content(here), towers.content(here, alone[here]))
    assert torch.equal(towers.content(torch.tensor([3])), torch.zeros(1, 4))


def test_an_untouched_item_has_no_id() -> None:
    towers, _ = made()
    towers.eval()
    everything = torch.arange(6)
    before = towers.items(everything)
    with torch.no_grad():
        towers.ids.ids.add_(1.0)
    after = towers.items(everything)
    assert torch.equal(before[3:5], after[3:5])
    assert not torch.allclose(before[0], after[0])


def test_a_hidden_modality_counts_as_missing() -> None:
    towers, _ = made()
    shown = torch.tensor([[True, False]]).expand(6, 2)
    alone = towers.content(torch.arange(6), shown)
    assert torch.equal(alone[2], torch.zeros(4))  # item 2 has no words
    words = torch.nn.functional.normalize(towers.fusion.project(0, torch.arange(6)), dim=1)
    torch.testing.assert_close(alone, words)


def test_modality_dropout_leaves_one() -> None:
    towers, _ = made(replace(PLAIN, content=ContentFusion(0, 0.99)))
    towers.train()
    for seed in range(20):
        shown = towers.fusion.visible(torch.arange(6), torch.Generator().manual_seed(seed))
        assert (shown.sum(dim=1) >= 1).all()
        assert not (shown & ~towers.fusion.present(torch.arange(6))).any()


def test_equal_generators_give_equal_dropout() -> None:
    towers, _ = made(TowerOptions(content=ContentFusion(0.5, 0.3)))
    towers.train()
    one, two, other = (towers.items(torch.arange(6), torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("encoder", [MeanPooling(), AttentionPooling()])
def test_pooling_is_the_formula(encoder: Any) -> None:
    towers, _ = made(replace(PLAIN, user_encoder=encoder))
    vectors = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    query = np.zeros(4)
    if encoder == AttentionPooling():
        query = RNG.standard_normal(4)
        with torch.no_grad():
            towers.user_encoder.query.copy_(torch.as_tensor(query.astype(np.float32)))
    history = torch.tensor([[0, 3, 5], [2, -1, -1], [-1, -1, -1]])
    found = towers.users(vectors, history).detach().numpy()
    for row, own in enumerate(([0, 3, 5], [2], [])):
        wanted = np.zeros(4)
        scores = [np.exp(vectors[i].numpy() @ query) for i in own]
        for i, score in zip(own, scores, strict=True):
            wanted += vectors[i].numpy() * score / sum(scores) * len(own)
        np.testing.assert_allclose(found[row], wanted / max(1, len(own)) ** 0.5, atol=1e-5)


def test_attributes_are_the_formula_and_what_is_missing_adds_nothing() -> None:
    bare, _ = made()
    label = Features("label", sp.csr_matrix(np.eye(3, 2, dtype=np.float32)), np.array([1, 1, 0], bool))
    age = Features("age", np.array([[0.5], [9.0], [-2.0]], np.float32), np.array([1, 0, 1], bool))
    people = SideFeatures((), (label, age))
    moments = SideFeatures((), (Features("hour", np.eye(2, dtype=np.float32), np.ones(2, bool)),))
    towers = made(user_features=people, context_features=moments)[0].eval()
    users, when = torch.tensor([0, 1, 2, -1]), torch.tensor([1, 0, -1, -1])
    assert not towers.side_vectors(users, when).any()
    maps = [RNG.standard_normal((d, 4)).astype(np.float32) for d in (2, 1, 2)]
    with torch.no_grad():
        for own, given in zip([*towers.user_maps, *towers.context_maps], maps, strict=True):
            own.copy_(torch.as_tensor(given))
    label_map, age_map, hour_map = maps
    wanted = [label_map[0] + 0.5 * age_map[0] + hour_map[1], label_map[1] + hour_map[0], -2 * age_map[0]]
    found = towers.side_vectors(users, when).detach().numpy()
    np.testing.assert_allclose(found, [*wanted, np.zeros(4)], atol=1e-5)
    history = torch.tensor([[0, 3]]).expand(4, 2)
    vectors = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    both = towers.users(vectors, history, towers.side_vectors(users, when))
    torch.testing.assert_close(both - towers.users(vectors, history), torch.as_tensor(found))
    assert bare.side_vectors(users) is None
    only = made(user_features=SideFeatures((), (label,)))[0]
    assert not only.side_vectors(torch.tensor([2, 2])).any()  # nobody in the step has it


def test_attributes_are_hidden_in_training_only_and_by_the_generator() -> None:
    people = SideFeatures((), (Features("age", np.ones((1, 1), np.float32), np.ones(1, bool)),))
    towers, _ = made(replace(PLAIN, side_dropout=0.5), user_features=people)
    with torch.no_grad():
        towers.user_maps[0].fill_(1.0)
    users = torch.zeros(400, dtype=torch.int64)
    shown = [towers.side_vectors(users, None, torch.Generator().manual_seed(s))[:, 0] for s in (1, 1, 2)]
    assert torch.equal(shown[0], shown[1]) and not torch.equal(shown[0], shown[2])
    assert 0.4 < float(shown[0].detach().mean()) < 0.6
    assert towers.side_vectors(users).all()
    assert towers.eval().side_vectors(users, None, torch.Generator()).all()
