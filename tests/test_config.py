"""Specs go to text and back unchanged; what is wrong is answered with what is right."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from specs import Leaf, Loud, Text, Tree

import sidelight
import sidelight as sl
from sidelight import config
from sidelight.errors import SpecError

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
leaves = st.builds(
    Leaf, name=texts, dim=st.integers(-(2**63), 2**63 - 1), reg=numbers | st.integers(-5, 5),
    on=st.booleans(), limit=st.none() | st.integers(0, 9), half_life=st.none() | numbers,
    how=st.sampled_from(["mean", "max", 3]),
)  # fmt: skip
contents = st.builds(
    lambda columns, weight: Text(*columns, weight=weight), st.lists(texts, max_size=3), numbers
)
trees = st.builds(
    Tree, needed=st.integers(0, 9), content=st.lists(contents, max_size=3).map(tuple),
    models=st.lists(leaves, max_size=2).map(tuple), first=leaves,
    pair=st.tuples(st.integers(0, 5), texts),
    weights=st.none() | st.dictionaries(texts.filter(lambda t: t != config.USE), numbers, max_size=3),
    mixed=st.integers(0, 9) | numbers | texts, place=st.sampled_from([Path("a/b"), Path("c")]),
    free=st.text("abc") | st.lists(st.integers(0, 5) | texts | st.lists(texts)),
)  # fmt: skip


@given(spec=trees)
def test_dict_and_toml_give_the_spec_back(tmp_path_factory: pytest.TempPathFactory, spec: Tree) -> None:
    assert config.from_dict(config.to_dict(spec)) == spec
    path = tmp_path_factory.mktemp("t") / "spec.toml"
    path.write_text(config.dump(spec))
    assert config.load(path) == spec
    assert config.spec_hash(config.load(path)) == config.spec_hash(spec)


def test_the_form_is_the_class_and_its_options() -> None:
    assert config.to_dict(Text("title", "brand", weight=2)) == {
        "use": "specs:Text",
        "columns": ["title", "brand"],
        "weight": 2.0,
    }


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\x1c", "\x0b", "\xa0", "\r", "\ufeff"])
def test_marks_that_python_takes_for_breaks_survive(mark: str) -> None:
    spec = Tree(needed=1, free=[f"{mark}a{mark}b{mark}", mark])
    assert config.from_dict(tomllib.loads(config.dump(spec))) == spec


def test_short_lists_stand_on_one_line() -> None:
    text = config.dump(Tree(needed=1, content=(Text("title", "a [\n b,\n]"),), free=[[1, 2], [], ["x, y"]]))
    assert 'columns = ["title", "a [\\n b,\\n]"]' in text
    assert 'free = [[1, 2], [], ["x, y"]]' in text


def test_none_is_written_as_text_and_read_back() -> None:
    assert 'half_life = "none"' in config.dump(replace(Leaf(), half_life=None))
    assert "limit" not in config.dump(Leaf())
    with pytest.raises(SpecError, match="a value that TOML has; found None; in option 'label'"):
        config.dump(Loud(label=None))
    assert config.from_dict({"use": "specs:Loud", "label": "none"}) == Loud("none")


def test_the_hash_depends_on_every_option_and_on_nothing_else() -> None:
    base = Tree(needed=1)
    assert config.spec_hash(base) == config.spec_hash(Tree(needed=1, pair=(1, "a")))
    assert config.spec_hash(Leaf(reg=30)) == config.spec_hash(Leaf(reg=30.0))
    changed = [
        replace(base, needed=2), replace(base, content=(Text("a"),)), replace(base, models=(Leaf(),)),
        replace(base, first=Leaf(dim=9)), replace(base, pair=(1, "b")), replace(base, mixed=1.0),
    ]  # fmt: skip
    assert len({config.spec_hash(s) for s in [base, *changed]}) == len(changed) + 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"use": "specs:Leaf", "rge": 1.0}, "Leaf has no option 'rge'; did you mean 'reg'?"),
        ({"use": "specs:Leaf", "zzzz": 1.0}, "valid names: 'name', 'dim'"),
        ({"use": "specs:Leaf", "dim": "8"}, "type int; found '8'; in option 'dim' of Leaf"),
        ({"use": "specs:Leaf", "dim": 8.0}, "type int; found 8.0"),
        ({"use": "specs:Leaf", "dim": True}, "type int; found True"),
        ({"use": "specs:Leaf", "reg": True}, "type float"),
        ({"use": "specs:Leaf", "on": 1}, "type bool"),
        ({"use": "specs:Leaf", "limit": "x"}, "type int or 'none'; found 'x'"),
        ({"use": "specs:Leaf", "how": "men"}, "type 'mean' or 'max' or 3; found 'men'"),
        ({"use": "specs:Leaf", "how": True}, "found True"),
        ({"use": "specs:Text", "columns": "title"}, "found 'title'; in option 'columns'"),
        ({"use": "specs:Text", "columns": ["title", 3]}, "type str; found"),
        ({"use": "specs:Tree"}, "the option 'needed' of Tree; found none"),
        ({"use": "specs:Tree", "needed": 1, "pair": [1]}, "option 'pair'"),
        ({"use": "specs:Tree", "needed": 1, "models": [3]}, "type Model"),
        ({"use": "specs:Tree", "needed": 1, "first": {"use": "specs:Text"}}, "type Leaf"),
        ({"use": "specs:Tree", "needed": 1, "first": {"use": "specs:Leaf", "dmi": 1}}, "did you mean 'dim'?"),
        ({"use": "specs:Tree", "needed": 1, "weights": {"a": "b"}}, "option 'weights'"),
        ({"use": "specs:Leef"}, "no attribute 'Leef'"),
        ({"use": "nowhere.at.all:Leaf"}, "No module named 'nowhere'"),
        ({"use": ":Leaf"}, "check its path"),
        ({"use": "specs:Plain"}, "to name a dataclass"),
        ({"use": "specs:NOT_A_SPEC"}, "to name a dataclass"),
        ({"use": "os:system"}, "to name a dataclass"),
        ({"reg": 1.0}, 'a spec with use = "CLASS"'),
        ({"use": 3}, 'a spec with use = "CLASS"'),
        ([], 'a spec with use = "CLASS"'),
    ],
)
def test_what_is_wrong_is_named(options: object, message: str) -> None:
    with pytest.raises(SpecError) as error:
        config.from_dict(options)
    assert message in str(error.value)


def test_short_names_are_those_that_sidelight_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidelight, "__all__", ["Leaf", "answer"], raising=False)
    monkeypatch.setattr(sidelight, "Leaf", Leaf, raising=False)
    monkeypatch.setattr(sidelight, "answer", 42, raising=False)
    assert config.from_dict({"use": "Leaf", "dim": 2}) == Leaf(dim=2)
    with pytest.raises(SpecError, match="did you mean 'Leaf'"):
        config.from_dict({"use": "Leav"})
    with pytest.raises(SpecError, match="no spec 'answer'"):
        config.from_dict({"use": "answer"})


def test_a_stranger_s_spec_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    trap = {"use": "trap:Leaf"}
    nested = {"use": "specs:Tree", "needed": 1, "models": [trap]}
    for options in (trap, nested):
        with pytest.raises(SpecError, match="import trap before"):
            config.from_dict(options, importing=False)
        with pytest.raises(SystemExit, match="imported"):
            config.from_dict(options)
    assert config.from_dict({"use": "specs:Leaf", "dim": 2}, importing=False) == Leaf(dim=2)


def made(cls: type) -> object | None:
    """A spec with its defaults and what it needs besides; None for what is no spec."""
    needs = {"columns": ("title",), "content": (sidelight.Text("title"),)}
    names = {f.name for f in fields(cls)} if is_dataclass(cls) else set()
    for options in ({}, {name: value for name, value in needs.items() if name in names}):
        try:
            return cls(**options)
        except (TypeError, SpecError):
            continue
    return None


def test_every_exported_spec_goes_round(tmp_path: Path) -> None:
    classes = [getattr(sidelight, name) for name in sidelight.__all__ if name[:1].isupper()]
    specs = [spec for spec in map(made, classes) if is_dataclass(spec)]
    assert len(specs) > 10
    for number, spec in enumerate(specs):
        assert config.from_dict(config.to_dict(spec)) == spec
        path = tmp_path / f"{number}.toml"
        path.write_text(config.dump(spec))
        assert config.load(path) == spec
        assert config.spec_hash(config.load(path)) == config.spec_hash(spec)


@dataclass(frozen=True)
class Holder:
    value: object = None


def test_values_that_text_cannot_carry_are_refused() -> None:
    with pytest.raises(SpecError, match=r"ndarray; in Holder\.value"):
        config.to_dict(Holder(np.ones(2)))
    with pytest.raises(SpecError, match="found a dict"):
        config.to_dict({"use": "x"})
    with pytest.raises(SpecError, match="found a type"):
        config.to_dict(Leaf)

    @dataclass(frozen=True)
    class Hidden:
        dim: int = 1

    with pytest.raises(SpecError, match="top of a module"):
        config.to_dict(Hidden())


def test_a_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text("use = ")
    with pytest.raises(SpecError, match=r"spec\.toml"):
        config.load(path)
    path.write_text(tomli_w.dumps({"use": "specs:Leaf", "dmi": 1}))
    with pytest.raises(SpecError, match=r"did you mean 'dim'.*spec\.toml"):
        config.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="a TOML file"):
        config.load(path)
    with pytest.raises(SpecError, match=r"No such file.*other\.toml"):
        config.load(tmp_path / "other.toml")


def test_a_byte_order_mark_is_no_statement(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text('use = "EASE"\nreg = 7.0\n', encoding="utf-8-sig")
    assert config.load(path).reg == 7


FORMER = """
use = "sidelight.models.two_tower:TwoTower"
[[content]]
use = "sidelight.content.text:Text"
columns = ["title"]
[options]
use = "sidelight.training.options:Options"
full = 100
empty = 0.2
inputs = [0.2, 0.8]
drawn = 50
draw = "richness"
steps = 3
users = 10
minutes = 1.0
[combine]
use = "sidelight.training.combine:Combine"
"""


def test_a_spec_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(FORMER)
    spec = config.load(tmp_path / "spec.toml")
    assert spec.options == sl.TrainingOptions(
        full_softmax_limit=100, empty_history_rate=0.2, input_share=(0.2, 0.8), task_items=50,
        task_sampling="richness", min_steps=3, validation_users=10, checkpoint_minutes=1.0,
    )  # fmt: skip
    assert config.from_dict({"use": "Options", "full": 7}) == sl.TrainingOptions(full_softmax_limit=7)


def test_a_spec_is_written_by_the_name_that_outlives_a_move() -> None:
    assert config.to_dict(sl.EASE())["use"] == "EASE"
    with pytest.raises(SpecError, match=r"expected a class to import as 'sidelight\.gone:Nothing'"):
        config.from_dict({"use": "sidelight.gone:Nothing"})
