"""None"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.errors import SidelightError, SpecError  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.models.two_tower import TwoTower  # noqa: E402
from sidelight.tasks.label_prediction import LabelPrediction  # noqa: E402
from sidelight.training import branch_training as forked  # noqa: E402
from sidelight.training import loop  # noqa: E402
from sidelight.training.branch_training import mixed  # noqa: E402
from sidelight.training.checkpoint import Checkpoints  # noqa: E402
from sidelight.training.fork_merge import ForkMerge  # noqa: E402
from sidelight.training.loop import Training  # noqa: E402
from sidelight.training.training_options import TrainingOptions  # noqa: E402
from sidelight.weighting.fixed import Fixed  # noqa: E402
from sidelight.weighting.norm_balance import NormBalance  # noqa: E402

GENTLE = {"dropout": (0.3, 0.4, 0.0)}  # eight dimensions bear less than the defaults hide

SMALL = TrainingOptions(epochs=3, batch_size=32, min_steps=3, task_items=20, lr=1e-2, input_share=(0.5, 0.8))

GOOD = LabelPrediction(sl.Categories("category"), min_items=1)


class _Loss(torch.nn.Module):
    def __init__(self, act: Any) -> None:
        super().__init__()
        self.act, self.calls = act, 0
        self.turn = torch.nn.Parameter(torch.ones(()))

    def forward(self, batch: Any, towers: Any) -> Any:
        self.calls += 1
        return self.act(self.calls, towers.items(batch.drawn, batch.generator)) * self.turn.clamp(1, 1)


@dataclass(frozen=True)
class Collapse:
    """Pushes all item vectors to one point, until nothing tells items apart."""

    uses_clicks: ClassVar[bool] = False
    name: str = "collapse"
    weight: float = 30.0

    def build(self, split: sl.Split, towers: Any, seed: int = 0) -> Any:
        return _Loss(lambda calls, vectors: (1 - vectors[:, 0]).mean())


@dataclass(frozen=True)
class Broken(Collapse):
    """Turns into NaN at its third call."""

    name: str = "broken"

    def build(self, split: sl.Split, towers: Any, seed: int = 0) -> Any:
        return _Loss(lambda calls, vectors: vectors.sum() * (float("nan") if calls == 3 else 0.0))


@dataclass(frozen=True)
class Pressed(Collapse):
    """Presses Ctrl-C in the middle of a backward pass."""

    at: int = 8

    def build(self, split: sl.Split, towers: Any, seed: int = 0) -> Any:
        passes = []

        def press(gradient: Any) -> None:
            passes.append(1)
            if len(passes) == self.at:
                os.kill(os.getpid(), signal.SIGINT)

        def act(calls: int, vectors: Any) -> Any:
            vectors.register_hook(press)
            return (1 - vectors[:, 0]).mean()

        return _Loss(act)


@pytest.fixture(autouse=True)
def ctrl_c_interrupts() -> Iterator[None]:
    """A shell starts what runs in the background with SIGINT ignored; these tests are about it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(80, 60, 1500, seed=3).data)


def spec(split: sl.Split, **options: Any) -> TwoTower:
    names = [c.name for c in split.data.schema.items if c.role == "text"]
    return TwoTower((sl.Text(*names, min_df=1),), dim=8, options=SMALL, **(GENTLE | options))


def run(
    split: sl.Split, tasks: Any, rule: Any, options: TrainingOptions = SMALL, **kw: Any
) -> tuple[dict[str, Any], Any]:
    model = spec(split)
    towers = model.towers(ContentSpace.fit(model.content, split.data), split)
    if isinstance(rule, ForkMerge):
        state = rule.run(Training(towers, split, tasks, options=options, **kw))
    else:
        state = loop.train(Training(towers, split, tasks, rule, options, **kw))
    return {k: v.clone() for k, v in towers.state_dict().items()}, state


def same(one: Any, two: Any) -> bool:
    """Towers bit for bit, and everything that was written down."""
    return all(torch.equal(one[0][k], two[0][k]) for k in one[0]) and one[1].trace == two[1].trace


@pytest.mark.parametrize("seed", [0, 1])
def test_a_harmful_task_ends_with_nothing(seed: int) -> None:
    split = sl.split.temporal(make_synthetic(150, 80, 3000, seed=seed, noise=0.0).data)
    options = TrainingOptions(
        epochs=3, batch_size=32, min_steps=20, task_items=80, lr=3e-2, input_share=(0.5, 0.8)
    )
    alone, primary = run(split, (), Fixed(), options)
    _, harmed = run(split, (Collapse(),), Fixed(), options)
    merged, state = run(split, (Collapse(),), ForkMerge(), options)
    assert harmed.best < 0.9 * primary.best
    assert state.best >= primary.best
    assert state.trace["weights"]["collapse"][-1] == 0
    # Without any weight the task leaves no trace at all.
    assert set(state.trace["weights"]["collapse"]) == {0.0}
    assert all(torch.equal(alone[k], merged[k]) for k in alone)


@pytest.mark.parametrize("branches", ["each", "all", "both"])
def test_without_asking_for_evidence_no_round_ends_below_any_of_its_branches(
    split: sl.Split, branches: str
) -> None:
    _, state = run(split, (GOOD, Collapse()), ForkMerge(branches=branches, level=1.0))
    found = state.trace
    assert len(found["merges"]) == len(found["epochs"]) - 1 == len(found["step"])
    for merge, epoch in zip(found["merges"], found["epochs"][1:], strict=True):
        assert epoch["signal"] >= max(merge["signal"].values())
        assert sum(merge["share"].values()) == pytest.approx(1.0)
    assert state.best == max(e["signal"] for e in found["epochs"])


def test_a_round_leaves_its_primary_branch_only_for_a_lead_beyond_noise(split: sl.Split) -> None:
    _, state = run(split, (GOOD, Collapse()), ForkMerge(level=1e-9))
    assert {m["share"]["primary"] for m in state.trace["merges"]} == {1.0}
    for merge, epoch in zip(state.trace["merges"], state.trace["epochs"][1:], strict=True):
        assert epoch["signal"] == merge["signal"]["primary"]


def test_the_error_of_a_lead_is_that_of_a_mean_of_means() -> None:
    rng = np.random.default_rng(0)
    users = {"overall": np.arange(40), "cold": np.arange(25, 40)}
    taste = rng.normal(0.3, 0.1, 40)
    one = {n: (u, rng.uniform(0, 0.2, len(u)) + taste[u]) for n, u in users.items()}
    two = {n: (u, rng.uniform(0, 0.2, len(u))) for n, u in users.items()}
    # Users drawn again and again, each with all that is known of them.
    leads = []
    for _ in range(4000):
        times = np.bincount(rng.integers(0, 40, 40), minlength=40)
        apart = [(np.average(one[n][1] - two[n][1], weights=times[users[n]])) for n in users]
        leads.append(np.mean(apart))
    assert forked.lead_error(one, two) == pytest.approx(np.std(leads), rel=0.08)


def test_the_recorded_weight_is_the_share_times_the_weight(split: sl.Split) -> None:
    _, state = run(split, (GOOD,), ForkMerge(level=1.0))
    assert any(state.trace["weights"][GOOD.name])
    for at, merge in enumerate(state.trace["merges"]):
        assert state.trace["weights"][GOOD.name][at] == pytest.approx(
            merge["share"][f"+ {GOOD.name}"] * GOOD.weight
        )


def test_without_tasks_it_is_the_ordinary_training(split: sl.Split) -> None:
    one, two = run(split, (), ForkMerge()), run(split, (), Fixed())
    assert all(torch.equal(one[0][k], two[0][k]) for k in one[0])
    assert one[1].trace["epochs"] == two[1].trace["epochs"]


def test_a_round_of_several_epochs_may_end_early(split: sl.Split) -> None:
    _, state = run(split, (GOOD,), ForkMerge(epochs=2))
    assert state.trace["step"] == [0, 2 * (state.step // 3)]
    assert [e["epoch"] for e in state.trace["epochs"]] == [0, 2, 3]


def test_equal_seeds_give_equal_weights(split: sl.Split) -> None:
    tasks, rule = (GOOD, Collapse()), ForkMerge()
    assert same(run(split, tasks, rule), run(split, tasks, rule))
    other = run(split, tasks, rule, replace(SMALL, seed=1))
    assert not same(run(split, tasks, rule), other)


@pytest.mark.parametrize(
    ("where", "call"),
    [
        ("compute_losses", 2),
        ("compute_losses", 5),
        ("compute_losses", 9),
        ("compute_losses", 16),
        ("validate", 5),
    ],
)
def test_an_interrupted_run_goes_on_bit_for_bit(
    split: sl.Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, call: int
) -> None:
    tasks, rule = (GOOD, Collapse()), ForkMerge()
    whole = run(split, tasks, rule)
    owner = Training if where == "compute_losses" else forked
    real, calls = getattr(owner, where), []

    def interrupted(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(owner, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(split, tasks, rule, checkpoint=tmp_path / "c", config_hash="x")
    resumed = run(split, tasks, rule, checkpoint=tmp_path / "c", config_hash="x")
    assert len(calls) == call
    assert same(whole, resumed)


def test_a_run_that_died_goes_on_from_its_last_checkpoint(
    split: sl.Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks, rule = (GOOD, Collapse()), ForkMerge()
    whole, steps = run(split, tasks, rule), []

    def dies(done: int, total: int, label: str) -> None:
        steps.append((done, total, label))
        if len(steps) == 17:
            raise MemoryError  # nothing is saved on the way out, as with kill -9

    def save_when_due(self: Any, state: Any) -> None:
        if len(steps) == 14:
            state.save(self.path, self.config_hash)

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(Checkpoints, "save_when_due", save_when_due)
        run(split, tasks, rule, progress=dies, checkpoint=tmp_path / "c", config_hash="x")
    assert same(whole, run(split, tasks, rule, checkpoint=tmp_path / "c", config_hash="x"))
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    assert any(label.startswith("branch + collapse | primary") for _, _, label in steps)
    assert any(label.startswith("merged | ") for _, _, label in steps)


@pytest.mark.parametrize("rule", [NormBalance(every=1), ForkMerge()], ids=["train", "fork_merge"])
def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(split: sl.Split, tmp_path: Path, rule: Any) -> None:
    # NormBalance goes back twice a step: the eighth time its weights are those of the next step already.
    whole = run(split, (Pressed(at=-1),), rule)
    with pytest.raises(KeyboardInterrupt):
        run(split, (Pressed(),), rule, checkpoint=tmp_path / "c", config_hash="x")
    assert same(whole, run(split, (Pressed(at=-1),), rule, checkpoint=tmp_path / "c", config_hash="x"))


def test_a_loss_that_is_not_finite_names_its_part(split: sl.Split) -> None:
    with pytest.raises(loop.NonFiniteLossError, match="'broken' became nan at step 2"):
        run(split, (Broken(),), ForkMerge())


def test_without_validation_there_is_no_judge(split: sl.Split) -> None:
    blind = replace(split, validation=split.validation[:0])
    with pytest.raises(SpecError, match="validation events to judge branches by; found none"):
        run(blind, (GOOD,), ForkMerge())


def test_a_weighting_beside_branches_is_refused(split: sl.Split) -> None:
    with pytest.raises(SpecError, match="leave weighting out"):
        spec(split, tasks=(GOOD,), weighting=NormBalance(), schedule=ForkMerge()).fit(split)


def test_a_branch_without_a_share_contributes_nothing() -> None:
    def end(value: float, step: float) -> dict[str, Any]:
        moments = {"optimizer/0/step": torch.tensor(step), "optimizer/0/exp_avg": torch.full((3,), value)}
        return {"model/a": torch.full((3,), value), "model/n": torch.tensor([int(value)]), **moments}

    one, two, bad = end(1.0, 4.0), end(3.0, 8.0), {"model/a": torch.full((3,), float("nan"))}
    assert all(torch.equal(mixed([one, bad], [1.0, 0.0])[k], one[k]) for k in one)
    half = mixed([one, two, bad], [0.25, 0.75, 0.0])
    assert torch.equal(half["model/a"], torch.full((3,), 2.5))
    assert torch.equal(half["optimizer/0/exp_avg"], torch.full((3,), 2.5))
    assert float(half["optimizer/0/step"]) == 8 and int(half["model/n"]) == 3
    assert set(mixed([one, two], [0.5, 0.5], "model/")) == {"model/a", "model/n"}


def test_a_model_is_fitted_in_branches(
    split: sl.Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = spec(split, tasks=(GOOD,), schedule=ForkMerge())
    assert sl.split.selection_split(split) is not split
    seen, real = [], Training.optimizer_step

    def watched(self: Any, state: Any, *rest: Any) -> None:
        if not len(self.split.validation):  # the second training
            seen.append((state.step, dict(state.weights)))
        real(self, state, *rest)

    monkeypatch.setattr(Training, "optimizer_step", watched)
    fitted = model.fit(split, checkpoint=tmp_path / "c")
    trace = fitted.scorer.trace
    assert len(trace["weights"][GOOD.name]) == len(trace["step"]) >= 1
    assert seen
    for step, weights in seen:
        at = int(np.searchsorted(trace["step"], step, side="right")) - 1
        assert weights[GOOD.name] == trace["weights"][GOOD.name][at]
    assert not list(tmp_path.iterdir())
    fitted.save(tmp_path / "m")
    assert sl.load(tmp_path / "m").spec == model


def test_a_checkpoint_of_another_weighting_is_refused(split: sl.Split, tmp_path: Path) -> None:
    def stop(done: int, total: int, label: str) -> None:
        if "branch" in label and done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spec(split, tasks=(GOOD,), schedule=ForkMerge()).fit(split, stop, tmp_path / "c")
    with pytest.raises(SidelightError, match="checkpoint of this very training"):
        spec(split, tasks=(GOOD,), weighting=NormBalance()).fit(split, None, tmp_path / "c")


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_branch_training as t
import sidelight as sl
from sidelight.data.synthetic import make_synthetic
split = sl.split.temporal(make_synthetic(80, 60, 1500, seed=3).data)
def progress(done, total, label):
    if done == 25:
        print("there", flush=True)
options = replace(t.SMALL, checkpoint_minutes=1e-9, epochs=40, patience=99)
t.run(split, (t.GOOD, t.Collapse()), t.ForkMerge(), options,
      progress=progress, checkpoint=Path({place!r}), config_hash="x")
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_bit_for_bit(split: sl.Split, tmp_path: Path) -> None:
    script = KILLED.format(tests=str(Path(__file__).parent), place=str(tmp_path / "c"))
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "there"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert (tmp_path / "c").exists()
    options = replace(SMALL, epochs=40, patience=99)
    whole = run(split, (GOOD, Collapse()), ForkMerge(), options)
    resumed = run(split, (GOOD, Collapse()), ForkMerge(), options, checkpoint=tmp_path / "c", config_hash="x")
    assert same(whole, resumed)
