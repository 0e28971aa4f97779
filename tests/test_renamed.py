"""Former names: each leads to a present one, which warns where it was written."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

import sidelight as sl
from sidelight import config, models
from sidelight.renamed import CLASSES, MOVED, OPTIONS, SCORERS, VALUES, former


def test_former_names_still_work_and_say_what_they_are_now() -> None:
    for name, present in CLASSES.items():
        with pytest.warns(DeprecationWarning, match=f"sidelight.{name} is now sidelight.{present}"):
            assert getattr(sl, name) is getattr(sl, present)


def test_former_methods_still_work_and_say_what_they_are_now() -> None:
    log = {"user_id": list("aabbcc"), "item_id": list("xyxyyz"), "timestamp": range(1, 7)}
    data = sl.from_frames(log)
    with pytest.warns(DeprecationWarning, match=r"Dataset\.from_frames is now sidelight\.from_frames"):
        assert sl.Dataset.from_frames(log).fingerprint == data.fingerprint
    split = sl.split.temporal(data, 0.2, 0.2)
    with pytest.warns(DeprecationWarning, match=r"is now sidelight\.split\.selection_split"):
        assert split.selection(1).hash == sl.split.selection_split(split, 1).hash


def test_present_names_are_there_and_former_ones_are_gone() -> None:
    """A former name that is taken again would be read as the present one."""
    assert not set(CLASSES) & set(sl.__all__) and set(CLASSES.values()) <= set(sl.__all__)
    for name in {*OPTIONS, *VALUES, *MOVED}:
        own = {f.name for f in fields(getattr(sl, name))}
        options = OPTIONS.get(name, {})
        assert set(options.values()) <= own and not set(options) & own
        assert set(VALUES.get(name, {})) <= own
        assert {to for moved in MOVED.get(name, {}).values() for to in moved.values()} <= own
    assert not set(SCORERS) & set(SCORERS.values())


@pytest.mark.parametrize(
    ("value", "present"), [("mean", sl.MeanPooling()), ("attention", sl.AttentionPooling())]
)
def test_a_former_option_with_a_former_value_is_the_present_spec(value: str, present: Any) -> None:
    assert value in VALUES["TwoTower"]["user_encoder"]
    wanted = sl.TwoTower((sl.Text("title"),), user_encoder=present)
    content = [{"use": "Text", "columns": ["title"]}]
    assert config.from_dict({"use": "TwoTower", "content": content, "pooling": value}) == wanted
    with pytest.warns(DeprecationWarning, match=r"TwoTower\(pooling=\.\.\.\) is now user_encoder=\.\.\."):
        assert sl.TwoTower(wanted.content, pooling=value) == wanted  # type: ignore[call-arg]


def test_dots_lead_into_packages_and_the_warning_is_for_the_caller() -> None:
    def old() -> Any:
        return former("models.Old", "models.Recommender")

    with pytest.warns(DeprecationWarning, match="is now sidelight.models.Recommender; .* 0.3") as caught:
        assert old() is models.Recommender
    here = inspect.getsourcelines(test_dots_lead_into_packages_and_the_warning_is_for_the_caller)[1]
    assert (caught[0].filename, caught[0].lineno - here) == (__file__, 5)


def test_a_present_name_that_is_nowhere_is_an_error() -> None:
    with pytest.warns(DeprecationWarning), pytest.raises(AttributeError, match="Nothing"):
        former("Old", "models.Nothing")
