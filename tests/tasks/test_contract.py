"""What every auxiliary task keeps. A new file in `sidelight.tasks` with `example()` is found by itself."""

from __future__ import annotations

import ast
import dataclasses
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from made_tasks import FILES, OPTIONS, TASKS, again, classes, made, multiplied, towers_of  # noqa: E402

import sidelight as sl  # noqa: E402
import sidelight.tasks  # noqa: E402
from sidelight import config  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.training.loop import Training, train  # noqa: E402
from sidelight.training.stopping_signal import NoPersonalSignalWarning  # noqa: E402

each = pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
QUIET = [task for task in TASKS if not task.uses_clicks]
LOUD = [task for task in TASKS if task.uses_clicks]


@pytest.fixture(scope="module")
def cold() -> sl.Split:
    """A third of the items is new, so that dozens of them are drawn."""
    return sl.split.cold_items(make_synthetic(60, 120, 900, seed=1).data, share=0.3, warm=0.1)


@pytest.fixture(scope="module")
def more(split: sl.Split) -> sl.Split:
    return multiplied(split)


def test_every_task_that_is_shipped_is_here() -> None:
    here = {type(task) for task in TASKS}
    assert here == {c for file in FILES for c in classes(file)}
    exported = {getattr(sl, name) for name in sl.__all__ if name[:1].isupper()}
    assert {c for c in exported if isinstance(c, type) and hasattr(c, "uses_clicks")} <= here


def test_every_task_that_is_shipped_has_a_formula() -> None:
    """But the sparsity of gates, which depends on no item and has tests of its own."""
    texts = {file: (Path(__file__).parent / f"test_{file}.py").read_text(encoding="utf-8") for file in FILES}
    named = {c.__name__: texts[file] for file in FILES for c in classes(file)}
    bare = {name for name, text in named.items() if f"assert_formula(split, sl.{name}(" not in text}
    assert bare == {"GateSparsity"}


@each
def test_a_finite_scalar_that_reaches_the_towers(split: sl.Split, task: Any) -> None:
    towers, module, batch = made(split, task)
    loss = module(batch, towers)
    assert loss.shape == () and torch.isfinite(loss)
    loss.backward()
    reached = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in towers.parameters()]
    assert any(reached)


@each
def test_equal_seeds_give_equal_losses(split: sl.Split, task: Any) -> None:
    values = []
    for _ in range(2):
        towers, module, batch = made(split, task)
        values.append(float(module(again(batch), towers).detach()))
    assert values[0] == values[1]


@each
def test_only_items_that_nobody_touched(split: sl.Split, task: Any) -> None:
    towers, module, batch = made(split, task, touched=False)
    assert len(batch.drawn)
    loss = module(batch, towers)
    assert torch.isfinite(loss)
    loss.backward()


@pytest.mark.parametrize("task", QUIET, ids=lambda t: t.name)
def test_items_that_nobody_touched_teach_every_content_map(cold: sl.Split, task: Any) -> None:
    towers, module, batch = made(cold, task, touched=False)
    vectors = batch.vectors.detach()
    module(replace(batch, vectors=vectors), towers).backward()
    sizes = [0.0 if m.grad is None else float(m.grad.abs().sum()) for m in towers.fusion.maps]
    assert min(sizes) > 0, dict(zip([m.name for m in towers.fusion.modalities], sizes, strict=True))


@each
def test_a_modality_that_all_drawn_items_lack(split: sl.Split, task: Any) -> None:
    towers, module, batch = made(split, task)
    hidden = replace(
        towers.fusion.modalities[0], present=torch.zeros_like(towers.fusion.modalities[0].present)
    )
    towers.fusion.modalities = (hidden, *towers.fusion.modalities[1:])
    assert torch.isfinite(module(batch, towers))


@each
def test_a_step_lowers_the_loss(split: sl.Split, task: Any) -> None:
    towers, module, batch = made(split, task)
    parameters = [*towers.parameters(), *module.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    index = batch.items
    values = []
    for _ in range(25):
        fresh = replace(again(batch), vectors=towers.items(index, torch.Generator().manual_seed(1)))
        loss = module(fresh, towers)
        values.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert values[-1] < values[0]


def seen(split: sl.Split, task: Any) -> float:
    """The loss in a batch made anew, over the whole catalogue and from one state of the noise."""
    towers, module, batch = made(split, task)
    whole = replace(again(batch), drawn=torch.arange(split.data.n_items))
    return float(module(whole, towers).detach())


def test_clicks_that_are_multiplied_make_another_batch(split: sl.Split, more: sl.Split) -> None:
    one, two = (made(s, TASKS[0])[2] for s in (split, more))
    assert len(more.train) == len(split.train) + 2 * split.data.n_users
    assert one.history.shape != two.history.shape or not torch.equal(one.history, two.history)
    assert torch.equal(towers_of(split).touched, towers_of(more).touched)
    assert set(one.drawn.tolist()) == set(two.drawn.tolist()) == set(range(split.data.n_items))


@pytest.mark.parametrize("task", QUIET, ids=lambda t: t.name)
def test_popularity_changes_nothing_for_tasks_without_clicks(
    split: sl.Split, more: sl.Split, task: Any
) -> None:
    assert seen(split, task) == pytest.approx(seen(more, task), rel=1e-6)


@pytest.mark.parametrize("task", LOUD, ids=lambda t: t.name)
def test_a_task_that_says_it_uses_clicks_does(split: sl.Split, more: sl.Split, task: Any) -> None:
    assert seen(split, task) != pytest.approx(seen(more, task), rel=1e-6)


@each
def test_a_weight_of_zero_has_no_effect(split: sl.Split, task: Any) -> None:
    found = []
    options = replace(OPTIONS, epochs=1, min_steps=4)
    for tasks in ((), (replace(task, weight=0.0),), (replace(task, weight=1.0),)):
        towers = towers_of(split, options)
        with warnings.catch_warnings():  # nothing is judged here: all steps are run
            warnings.simplefilter("ignore", NoPersonalSignalWarning)
            blind = replace(split, validation=split.validation[:0])
            train(Training(towers, blind, tasks, options=options))
        found.append(torch.cat([p.detach().ravel() for p in towers.parameters()]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@each
def test_it_goes_through_text(task: Any) -> None:
    assert dataclasses.is_dataclass(task)
    assert config.from_dict(config.to_dict(task)) == task
    assert isinstance(type(task).uses_clicks, bool)
    assert task.weight >= 0 and task.name


@pytest.mark.parametrize("name", FILES)
def test_no_sibling_is_imported(name: str) -> None:
    tree = ast.parse(Path(sidelight.tasks.__path__[0], f"{name}.py").read_text())
    found = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert not [m for m in found if m.startswith("sidelight.tasks.") and m != "sidelight.tasks.task"]
