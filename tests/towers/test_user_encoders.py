"""Contract of user encoders: module and numpy twin agree, and a new one is a single class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_towers import CONTENT, OPTIONS, small_split  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight import config  # noqa: E402
from sidelight.data.histories import Histories  # noqa: E402
from sidelight.towers import user_encoders  # noqa: E402

RNG = np.random.default_rng(0)
LISTS = [[0, 3, 5], [2], [], [5, 3, 0], [1, 4, 2, 0]]


@dataclass(frozen=True)
class Decay:
    """An encoder from outside the package: the newest item counts most, so the order matters."""

    rate: float = 0.5

    def build(self, dim: int) -> Any:
        rate = self.rate

        class Decayed(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.scale = torch.nn.Parameter(torch.ones(dim))

            def forward(self, vectors: Any, history: Any) -> Any:
                length = (history >= 0).sum(dim=1, keepdim=True)
                age = length - 1 - torch.arange(history.shape[1])
                weight = torch.where(history >= 0, rate ** age.clamp_min(0).float(), 0.0)
                return self.scale * (vectors[history.clamp_min(0)] * weight[:, :, None]).sum(dim=1)

        return Decayed()

    def export(self, module: Any) -> dict[str, Any]:
        return {"scale": module.scale.detach().numpy()}

    def encode(self, arrays: Any, vectors: Any, histories: Histories) -> Any:
        out = np.zeros((len(histories), vectors.shape[1]), dtype=np.float32)
        for row in range(len(histories)):
            for age, item in enumerate(histories.row(row)[::-1]):
                out[row] += self.rate**age * vectors[item]
        return arrays["scale"] * out


SHIPPED = [sl.MeanPooling(), sl.AttentionPooling()]
each = pytest.mark.parametrize("encoder", [*SHIPPED, Decay()], ids=lambda e: type(e).__name__)


def randomised(encoder: Any) -> Any:
    module = encoder.build(4)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(torch.as_tensor(RNG.standard_normal(value.shape).astype(np.float32)))
    return module


def test_every_shipped_encoder_is_here() -> None:
    own = [v for v in vars(user_encoders).values() if getattr(v, "__module__", "") == user_encoders.__name__]
    assert {type(e) for e in SHIPPED} == {v for v in own if hasattr(v, "__dataclass_fields__")}


@each
def test_the_numpy_twin_equals_the_module(encoder: Any) -> None:
    module, histories = randomised(encoder), Histories.of_lists(LISTS, n_items=6)
    vectors = RNG.standard_normal((6, 4)).astype(np.float32)
    wanted = module(torch.as_tensor(vectors), torch.as_tensor(histories.padded())).detach().numpy()
    found = encoder.encode(encoder.export(module), vectors, histories)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert found.dtype == np.float32 and not found[2].any()  # the default vector is for nobody else


@each
def test_padding_changes_nothing_and_gradients_reach_the_items(encoder: Any) -> None:
    module, history = randomised(encoder), torch.tensor([[0, 3], [2, -1]])
    vectors = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    out = module(vectors, history)
    padded = torch.cat([history, torch.full((2, 3), -1)], dim=1)
    torch.testing.assert_close(module(vectors, padded), out)
    out.sum().backward()
    assert set(torch.nonzero(vectors.grad.abs().sum(dim=1))[:, 0].tolist()) == {0, 2, 3}


@each
def test_a_model_with_it_is_fitted_saved_and_restored(encoder: Any, tmp_path: Path) -> None:
    split = small_split()
    assert config.from_dict(config.to_dict(encoder)) == encoder
    model = sl.TwoTower(CONTENT, dim=8, user_encoder=encoder, options=OPTIONS, floor=False).fit(split)
    model.save(tmp_path / "m")
    scores = model.scorer.score(split.histories())
    np.testing.assert_array_equal(sl.load(tmp_path / "m").scorer.score(split.histories()), scores)
    one, two = (Histories.of_lists([own], split.data.n_items) for own in ([0, 1, 2], [2, 1, 0]))
    same = np.array_equal(model.scorer.score(one), model.scorer.score(two))
    assert same == (encoder in SHIPPED)


def test_the_former_option_is_read() -> None:
    spec = {"use": "TwoTower", "content": [{"use": "Text", "columns": ["title"]}], "pooling": "attention"}
    assert config.from_dict(spec).user_encoder == sl.AttentionPooling()
    with pytest.warns(DeprecationWarning, match="is now user_encoder"):
        model = sl.TwoTower((sl.Text("title"),), pooling="mean")
    assert model.user_encoder == sl.MeanPooling()
