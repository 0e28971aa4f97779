"""Contract of item parts: module and numpy twin agree, and a new one is a single class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

from made_towers import CONTENT, OPTIONS, small_split  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight import config  # noqa: E402
from sidelight.content.features import Features  # noqa: E402
from sidelight.towers import item_parts  # noqa: E402
from sidelight.towers.item_inputs import ItemInputs  # noqa: E402
from sidelight.towers.item_parts import ContentFusion, IdResidual  # noqa: E402

RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Constant:
    """An item part from outside the package: one learned vector for all items."""

    size: float = 0.1

    def build(self, inputs: ItemInputs, generator: Any) -> Any:
        start = self.size * torch.randn(inputs.dim, generator=generator)

        class Shared(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.vector = torch.nn.Parameter(start)

            def forward(self, items: Any, generator: Any = None) -> Any:
                return self.vector.expand(len(items), -1)

        return Shared()

    def export(self, module: Any) -> dict[str, Any]:
        return {"vector": module.vector.detach().numpy()}

    def place(self, arrays: Any, features: Any) -> Any:
        return np.tile(arrays["vector"], (len(features[0]), 1))


SHIPPED = [ContentFusion(), IdResidual()]
each = pytest.mark.parametrize("part", [*SHIPPED, Constant()], ids=lambda p: type(p).__name__)


def made_inputs() -> ItemInputs:
    words = sp.random(6, 9, 0.4, dtype=np.float32, random_state=1).tocsr()
    dense = RNG.standard_normal((6, 5)).astype(np.float32)
    dense[3] = 0
    features = [
        Features("words", words, np.ones(6, bool)),
        Features("vector", dense, np.array([1, 1, 1, 0, 1, 1], bool)),
    ]
    return ItemInputs(features, sp.csr_matrix(np.array([[1, 1, 1, 0, 0, 1]], dtype=np.float32)), 4)


def randomised(part: Any, inputs: ItemInputs) -> Any:
    module = part.build(inputs, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(torch.as_tensor(RNG.uniform(0.5, 1.5, value.shape).astype(np.float32)))
    return module


def test_every_shipped_part_is_here() -> None:
    own = [v for v in vars(item_parts).values() if getattr(v, "__module__", "") == item_parts.__name__]
    assert {type(p) for p in SHIPPED} == {v for v in own if hasattr(v, "place") and hasattr(v, "build")} - {
        item_parts.ItemPart
    }


@each
def test_the_numpy_twin_equals_the_module_for_items_without_interactions(part: Any) -> None:
    inputs = made_inputs()
    module, new = randomised(part, inputs).eval(), np.array([3, 4])
    wanted = module(torch.as_tensor(new)).detach().numpy()
    rows = [Features(f.name, f.values[new], f.present[new]) for f in inputs.features]
    found = part.place(part.export(module), rows)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert found.dtype == np.float32


@each
def test_equal_generators_give_equal_parts(part: Any) -> None:
    module = randomised(part, made_inputs()).train()
    one, two = (module(torch.arange(6), torch.Generator().manual_seed(1)) for _ in range(2))
    assert one.shape == (6, 4) and torch.equal(one, two)


@each
def test_it_goes_through_text(part: Any) -> None:
    assert config.from_dict(config.to_dict(part)) == part


def test_a_part_from_outside_moves_new_items_and_is_restored(tmp_path: Path) -> None:
    split = small_split()
    spec = sl.TwoTower(CONTENT, dim=8, options=OPTIONS, item_parts=(Constant(),), floor=False)
    model = spec.fit(split)
    scorer, plain = model.scorer, sl.TwoTower(CONTENT, dim=8, options=OPTIONS, floor=False).fit(split).scorer
    assert not np.allclose(scorer.vectors, plain.vectors)
    assert scorer.item_parts[0].gate != 1.0  # it has learned
    new = np.flatnonzero(split.fitting().getnnz(axis=0) == 0)
    rows = [Features(f.name, f.values[new], f.present[new], f.names) for f in scorer.space.features]
    np.testing.assert_allclose(scorer.place(rows), scorer.vectors[new], atol=1e-5)
    model.save(tmp_path / "m")
    again = sl.load(tmp_path / "m")
    assert again.spec == spec
    np.testing.assert_array_equal(again.scorer.place(rows), scorer.place(rows))
