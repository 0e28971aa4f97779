"""Arms made from one spec, seeds put into it, and what two specs differ in."""

from __future__ import annotations

import pytest

import sidelight as sl
from sidelight import config
from sidelight.errors import SpecError
from sidelight.experiment.arms import ablations, controls, is_seeded, seeded, spec_diff
from sidelight.tasks.noise_control import NoiseTask

TITLE = (sl.Text("title"),)
TOWERS = sl.TwoTower(TITLE, dim=8)
THREE = TOWERS.with_tasks(sl.Reconstruction(), sl.Contrastive(), sl.MaskedAttributes())


def names(spec: sl.TwoTower) -> list[str]:
    return [task.name for task in spec.tasks]


def test_ablations_take_tasks_away_one_by_one_and_leave_the_rest():
    arms = ablations(THREE)
    assert list(arms)[:2] == ["primary only", "all tasks"]
    assert arms["all tasks"] == THREE
    assert arms["primary only"] == TOWERS
    assert names(arms["without contrastive"]) == ["reconstruction", "masked attributes"]
    assert names(arms["only contrastive"]) == ["contrastive"]
    assert len(arms) == 8
    for spec in arms.values():
        assert spec.with_tasks() == TOWERS


@pytest.mark.parametrize(("tasks", "count"), [(1, 2), (2, 4), (3, 8)])
def test_no_arm_is_there_twice(tasks, count):
    arms = list(ablations(TOWERS.with_tasks(*THREE.tasks[:tasks])).values())
    assert len(arms) == count
    assert all(one != two for at, one in enumerate(arms) for two in arms[:at])


def test_in_a_blend_only_the_towers_change():
    blend = sl.Blend((sl.Popular(), THREE, sl.EASE(20.0)), depth=40)
    for name, spec in ablations(blend).items():
        assert spec.components[::2] == blend.components[::2]
        assert spec.components[1] == ablations(THREE)[name]
        assert spec.depth == 40


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (TOWERS, "auxiliary tasks; found none"),
        (sl.Popular(), "found a Popular"),
        (sl.Blend((sl.Popular(),)), "found a Blend with 0"),
        (sl.Blend((THREE, THREE)), "found a Blend with 2"),
    ],
)
def test_what_has_nothing_to_take_away_is_refused(spec, said):
    with pytest.raises(SpecError, match=said):
        ablations(spec)


def test_controls_plant_tasks_with_both_weightings():
    rule = sl.ValidationGuided(eta=0.1)
    arms = controls(THREE, rule)
    assert arms["primary only"].tasks == ()
    assert arms["noise task, fixed weight"].tasks == (NoiseTask(),)
    assert arms["noise task, fixed weight"].weighting == sl.Fixed()
    assert arms["noise task, steered"].weighting == rule
    assert names(arms["popularity task, steered"]) == ["popularity"]
    assert len(arms) == 5


def test_a_seed_reaches_every_model_inside():
    blend = sl.Blend((sl.Popular(), sl.ALS(dim=4), TOWERS))
    found = seeded(blend, 7)
    assert (found.seed, found.components[1].seed, found.components[2].seed) == (7, 7, 7)
    assert found.components[0] == sl.Popular()
    assert seeded(sl.Distillation(sl.ALS()), 3).teacher.seed == 3
    assert seeded(found, 0) == blend


def test_models_that_draw_nothing_have_no_seed():
    assert not is_seeded(sl.Popular())
    assert not is_seeded(sl.Ridge(TITLE, teacher=sl.EASE(20.0)))
    assert is_seeded(sl.Distillation(sl.ALS()))
    assert is_seeded(TOWERS)
    assert seeded(sl.Popular(), 5) == sl.Popular()


def lines(one, two):
    return spec_diff(config.to_dict(one), config.to_dict(two))


def test_what_differs_is_said_in_lines():
    assert lines(THREE, THREE) == []
    assert lines(sl.EASE(20.0), sl.EASE(30.0)) == ["reg: 30.0 instead of 20.0"]
    assert lines(sl.EASE(20.0), sl.Popular())[0].startswith("model: Popular(")
    [line] = lines(TOWERS, TOWERS.with_tasks(sl.Contrastive()))
    assert line.startswith("tasks: with Contrastive(weight=0.1")
    [line] = lines(THREE, TOWERS.with_tasks(*THREE.tasks[1:]))
    assert line.startswith("tasks: without Reconstruction(")
    blends = [sl.Blend((sl.Popular(), sl.EASE(reg))) for reg in (20.0, 30.0)]
    assert lines(*blends) == ["components[1].reg: 30.0 instead of 20.0"]
    [line] = lines(TOWERS, TOWERS.with_tasks(weighting=sl.Uncertainty()))
    assert line.startswith("weighting: Uncertainty(") and "instead of Fixed(every=10)" in line
