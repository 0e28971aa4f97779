"""Arms of a comparison: the same model with and without its tasks, seeds, and differences of specs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from sidelight.config import USE
from sidelight.errors import SpecError, complain
from sidelight.models.blend import Blend
from sidelight.models.two_tower import TwoTower
from sidelight.tasks.task import Task
from sidelight.weighting.fixed import Fixed
from sidelight.weighting.weighting import Weighting

PRIMARY, ALL = "primary only", "all tasks"


def ablations(spec: Any) -> dict[str, Any]:
    """Build arms of a model without its tasks, with all, with all but one, and with one alone.

    An arm that would equal one before it is left out: with two tasks, all but the first is the
    second alone.

    Args:
        spec: A `TwoTower`, or a `Blend` that contains one; the rest of the blend stays as it is.
    """
    towers, put = _towers(spec)
    if not towers.tasks:
        fix = "add some with with_tasks(...)"
        raise SpecError(complain("a model with auxiliary tasks", "none", "ablations", fix))
    arms = {PRIMARY: put(towers.with_tasks()), ALL: spec}
    for task in towers.tasks:
        others = [other for other in towers.tasks if other.name != task.name]
        arms[f"without {task.name}"] = put(towers.with_tasks(*others))
    for task in towers.tasks:
        arms[f"only {task.name}"] = put(towers.with_tasks(task))
    names = list(arms)
    return {name: arms[name] for at, name in enumerate(names) if arms[name] not in map(arms.get, names[:at])}


def controls(spec: Any, weighting: Weighting) -> dict[str, Any]:
    """Build negative controls: two planted tasks that must not help, with fixed and steered weights.

    "noise" predicts random labels; "popularity" predicts clicks. A comparison that
    shows a gain of either cannot be trusted with other tasks, and a rule worth having limits what
    they cost.

    Args:
        spec: A `TwoTower`, or a `Blend` that contains one. Its own tasks are left out.
        weighting: Weighting of the steered arms.
    """
    from sidelight.tasks.noise_control import NoiseTask
    from sidelight.tasks.popularity_control import PopularityTask

    towers, put = _towers(spec)
    arms = {PRIMARY: put(towers.with_tasks(weighting=Fixed()))}
    planted: dict[str, Task] = {"noise": NoiseTask(), "popularity": PopularityTask()}
    for name, task in planted.items():
        arms[f"{name} task, fixed weight"] = put(towers.with_tasks(task, weighting=Fixed()))
        arms[f"{name} task, steered"] = put(towers.with_tasks(task, weighting=weighting))
    return arms


def _towers(spec: Any) -> tuple[TwoTower, Callable[[TwoTower], Any]]:
    """Return the two-tower model in a spec, and a function that replaces it."""
    if isinstance(spec, TwoTower):
        return spec, lambda towers: towers
    inside = spec.components if isinstance(spec, Blend) else ()
    towers = [(at, part) for at, part in enumerate(inside) if isinstance(part, TwoTower)]
    if not isinstance(spec, Blend) or len(towers) != 1:
        found = f"a {type(spec).__name__}" + (f" with {len(towers)}" if isinstance(spec, Blend) else "")
        raise SpecError(complain("a TwoTower, or a Blend with one TwoTower", found, "the arms"))
    blend, (place, own) = spec, towers[0]

    def put(other: TwoTower) -> Blend:
        parts = (*blend.components[:place], other, *blend.components[place + 1 :])
        return dataclasses.replace(blend, components=parts)

    return own, put


def seeded(spec: Any, seed: int) -> Any:
    """Replace the seed of a spec and of the models inside it; a spec without one stays the same."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(spec):
        old = getattr(spec, field.name)
        new = seed if field.name == "seed" else _inside(old, seed)
        if field.init and new != old:
            changes[field.name] = new
    return dataclasses.replace(spec, **changes) if changes else spec


def is_seeded(spec: Any) -> bool:
    """Return whether a spec depends on a seed."""
    return bool(seeded(spec, 0) != seeded(spec, 1))


def _inside(value: Any, seed: int) -> Any:
    if isinstance(value, tuple):
        return tuple(_inside(v, seed) for v in value)
    return seeded(value, seed) if is_model(value) else value


def is_model(value: Any) -> bool:
    """Return whether a value is a dataclass of options with `fit`."""
    known = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return known and callable(getattr(value, "fit", None))


def spec_diff(base: Mapping[str, Any], other: Mapping[str, Any], where: str = "") -> list[str]:
    """Describe the options of another spec that differ from those of a first one, one line each.

    Args:
        base, other: From `config.to_dict`.
        where: Path of the options, for the lines.
    """
    if base.get(USE) != other.get(USE):
        return [f"{where or 'model'}: {_shown(other)} instead of {_shown(base)}"]
    lines = []
    for name in dict.fromkeys((*base, *other)):
        lines += _change(base.get(name), other.get(name), f"{where}.{name}" if where else name)
    return lines


def _change(old: Any, new: Any, where: str) -> list[str]:
    if old == new:
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return spec_diff(old, new, where)
    if isinstance(old, list) and isinstance(new, list) and any(isinstance(v, Mapping) for v in old + new):
        if [_class(v) for v in old] == [_class(v) for v in new]:
            pairs = enumerate(zip(old, new, strict=True))
            return [line for at, (a, b) in pairs for line in _change(a, b, f"{where}[{at}]")]
        lost = [f"{where}: without {_shown(v)}" for v in old if v not in new]
        return lost + [f"{where}: with {_shown(v)}" for v in new if v not in old]
    return [f"{where}: {_shown(new)} instead of {_shown(old)}"]


def _class(value: Any) -> str:
    return str(value.get(USE, "")) if isinstance(value, Mapping) else type(value).__name__


def _shown(value: Any) -> str:
    """Format a value in few characters; a spec as its class with the options that are numbers or text."""
    if not isinstance(value, Mapping):
        return "none" if value is None else f"{value!r}"
    plain = {n: v for n, v in value.items() if n != USE and isinstance(v, (str, int, float))}
    text = f"{_class(value).rpartition(':')[2]}({', '.join(f'{n}={v!r}' for n, v in plain.items())})"
    return text if len(text) <= 100 else f"{text[:97]}..."
