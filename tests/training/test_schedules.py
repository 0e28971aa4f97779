"""Contract of schedules: they train, record weights and resume; a new one is a single class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from made_towers import CONTENT, OPTIONS, small_split, small_towers  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight import config  # noqa: E402
from sidelight.training.loop import Training, train  # noqa: E402
from sidelight.training.schedules import Replay  # noqa: E402

TASK = sl.Reconstruction()
RECORD = Replay((0, 4), {TASK.name: (0.5, 0.0)})


@dataclass(frozen=True)
class WarmUp:
    """A schedule from outside the package: one epoch at a tenth of the rate, then the loop."""

    share: float = 0.1

    def run(self, training: Training) -> Any:
        slow = replace(training.options, epochs=1, lr=training.options.lr * self.share)
        train(replace(training, options=slow, checkpoint=None), judged=False)
        return train(training)


SHIPPED = [sl.Loop(), sl.ForkMerge(), RECORD]
each = pytest.mark.parametrize("schedule", [*SHIPPED, WarmUp()], ids=lambda s: type(s).__name__)


def training(**options: Any) -> Training:
    return Training(small_towers(), small_split(), (TASK,), options=OPTIONS, **options)


@each
def test_it_trains_and_records_weights(schedule: Any) -> None:
    run = training()
    before = {k: v.clone() for k, v in run.towers.state_dict().items()}
    state = schedule.run(run)
    assert not run.towers.training
    assert any(not torch.equal(before[k], v) for k, v in run.towers.state_dict().items())
    assert len(state.trace["weights"][TASK.name]) == len(state.trace["step"]) > 0
    assert state.trace["step"] == sorted(state.trace["step"])


@each
def test_equal_inputs_give_equal_towers(schedule: Any) -> None:
    ends = []
    for _ in range(2):
        run = training()
        schedule.run(run)
        ends.append({k: v.clone() for k, v in run.towers.state_dict().items()})
    assert all(torch.equal(ends[0][k], ends[1][k]) for k in ends[0])


@each
def test_an_interrupted_run_resumes_bit_for_bit(schedule: Any, tmp_path: Path) -> None:
    whole = training()
    schedule.run(whole)

    def stop(done: int, total: int, label: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        schedule.run(training(checkpoint=tmp_path / "c", progress=stop))
    again = training(checkpoint=tmp_path / "c")
    schedule.run(again)
    ended = again.towers.state_dict()
    if type(schedule) is not WarmUp:  # which begins anew without its warm-up in the checkpoint
        assert all(torch.equal(ended[k], v) for k, v in whole.towers.state_dict().items())


@each
def test_a_model_is_fitted_with_it(schedule: Any) -> None:
    assert config.from_dict(config.to_dict(schedule)) == schedule
    model = sl.TwoTower(CONTENT, (TASK,), dim=8, options=OPTIONS, schedule=schedule, floor=False)
    assert model.fit(small_split()).scorer.trace["weights"][TASK.name]


def test_a_recorded_path_is_replayed_step_by_step() -> None:
    assert [RECORD.at(step)[TASK.name] for step in (0, 3, 4, 90)] == [0.5, 0.5, 0.0, 0.0]
    state = RECORD.run(training())
    assert state.trace["judge"]["kind"] == "nothing" and state.step == training().total
    steps, weights = state.trace["step"], state.trace["weights"][TASK.name]
    assert weights == [RECORD.at(step)[TASK.name] for step in steps]
