"""The loop: it learns, resumes bit for bit, stops at NaN by name, and repeats itself by seed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.models.two_tower import TwoTower  # noqa: E402
from sidelight.training import loop  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.objectives.softmax import Softmax  # noqa: E402
from sidelight.training.training_options import TrainingOptions  # noqa: E402

SMALL = TrainingOptions(epochs=3, batch_size=32, min_steps=4, task_items=20, lr=1e-2)


@pytest.fixture(scope="module")
def split() -> sl.Split:
    data = make_synthetic(80, 60, 1500, seed=3).data
    return sl.split.temporal(data)


def spec(split: sl.Split, **options: Any) -> TwoTower:
    names = [c.name for c in split.data.schema.items if c.role == "text"]
    return TwoTower((sl.Text(*names, min_df=1),), dim=8, options=SMALL, **options)


def towers_of(spec: TwoTower, split: sl.Split) -> Any:
    return spec.towers(ContentSpace.fit(spec.content, split.data), split)


@dataclass(frozen=True)
class Broken:
    """A task that turns into NaN at its fifth call."""

    uses_clicks: ClassVar[bool] = False
    name: str = "broken"
    weight: float = 1.0

    def build(self, split: sl.Split, towers: Any, seed: int = 0) -> Any:
        class Loss(torch.nn.Module):
            calls = 0

            def forward(self, batch: Any, towers: Any) -> Any:
                self.calls += 1
                return batch.vectors.sum() * (float("nan") if self.calls == 5 else 0.0)

        return Loss()


def run(split: sl.Split, options: TrainingOptions = SMALL, **kw: Any) -> tuple[dict[str, Any], Any]:
    towers = towers_of(spec(split), split)
    state = loop.train(loop.Training(towers, split, options=options, **kw))
    return {k: v.clone() for k, v in towers.state_dict().items()}, state


def test_the_loss_falls_and_the_model_beats_chance(split: sl.Split) -> None:
    towers = towers_of(spec(split), split)
    data = Batches.of(split, SMALL)
    towers.eval()
    with torch.no_grad():
        before = float(Softmax().build(split, towers)(data.make(0, towers), towers).sum())
    options = TrainingOptions(epochs=30, batch_size=32, min_steps=4, lr=1e-2)
    loop.train(loop.Training(towers, split, options=options))
    towers.eval()
    with torch.no_grad():
        after = float(Softmax().build(split, towers)(data.make(0, towers), towers).sum())
    assert after < 0.95 * before


def test_equal_seeds_give_equal_weights(split: sl.Split) -> None:
    one, _ = run(split)
    two, _ = run(split)
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_an_interrupted_run_goes_on_bit_for_bit(
    split: sl.Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = run(split)
    real, calls = loop.Training.compute_losses, []

    def interrupted(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(loop.Training, "compute_losses", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(split, checkpoint=tmp_path / "c", config_hash="x")
    monkeypatch.setattr(loop.Training, "compute_losses", real)
    resumed, state = run(split, checkpoint=tmp_path / "c", config_hash="x")
    assert state.step >= 12
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_a_checkpoint_of_something_else_is_refused(split: sl.Split, tmp_path: Path) -> None:
    towers = towers_of(spec(split), split)
    loop.Training(towers, split, options=SMALL).begin().save(tmp_path / "c", "other")
    with pytest.raises(sl.SidelightError, match="checkpoint of this very training"):
        run(split, checkpoint=tmp_path / "c", config_hash="x")


def test_a_loss_that_is_not_finite_names_its_part(split: sl.Split) -> None:
    towers = towers_of(spec(split), split)
    with pytest.raises(loop.NonFiniteLossError, match="'broken' became nan at step 4"):
        loop.train(loop.Training(towers, split, (Broken(),), options=SMALL))


def test_batches_split_histories(split: sl.Split) -> None:
    towers = towers_of(spec(split), split)
    data = Batches.of(split, SMALL)
    batch = data.make(3, towers)
    histories = split.histories().matrix()
    items = batch.items.numpy()
    for place, user in enumerate(batch.users.numpy()):
        inputs = {int(items[r]) for r in batch.history[place].numpy() if r >= 0}
        targets = {int(items[r]) for p, r in batch.targets.numpy() if p == place}
        assert targets and not inputs & targets
        assert inputs | targets == set(histories[user].indices)
    epoch = np.concatenate([data.users_of(s) for s in range(data.per_epoch)])
    assert set(epoch) == set(data.users)


def test_a_sampled_softmax_is_near_the_full_one(split: sl.Split) -> None:
    towers = towers_of(spec(split), split)
    towers.eval()
    full = Batches.of(split, SMALL)
    part = Batches.of(
        split, TrainingOptions(batch_size=32, min_steps=4, task_items=20, full_softmax_limit=1, negatives=30)
    )
    with torch.no_grad():
        loss = Softmax().build(split, towers)
        exact = np.mean([float(loss(full.make(s, towers), towers).sum()) for s in range(40)])
        near = np.mean([float(loss(part.make(s, towers), towers).sum()) for s in range(40)])
    assert near == pytest.approx(exact, rel=0.05)


def test_untouched_items_are_no_negatives(split: sl.Split) -> None:
    towers = towers_of(spec(split), split)
    batch = Batches.of(split, SMALL).make(0, towers)
    assert towers.touched[batch.items].all()


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_loop as t
import sidelight as sl
from sidelight.data.synthetic import make_synthetic
split = sl.split.temporal(make_synthetic(80, 60, 1500, seed=3).data)
options = replace(t.SMALL, epochs=40, checkpoint_minutes=0.0001, patience=99, lr=1e-3)
said = []
def progress(done, total, label):
    if done == 40:
        print("there", flush=True)
t.run(split, options, progress=progress, checkpoint=Path({place!r}), config_hash="x")
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_bit_for_bit(split: sl.Split, tmp_path: Path) -> None:
    options = TrainingOptions(epochs=40, batch_size=32, min_steps=4, task_items=20, patience=99)
    whole, _ = run(split, options)
    script = KILLED.format(tests=str(Path(__file__).parent), place=str(tmp_path / "c"))
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "there"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert (tmp_path / "c").exists()
    resumed, _ = run(split, options, checkpoint=tmp_path / "c", config_hash="x")
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)
