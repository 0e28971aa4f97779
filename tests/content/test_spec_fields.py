"""The specs as values: equal, hashable, printable, made from TOML-like options."""

from __future__ import annotations

import dataclasses
import inspect
import tomllib

import pytest

from sidelight import config
from sidelight.content.categories import Categories
from sidelight.content.image import Image
from sidelight.content.numbers import Numbers
from sidelight.content.spec_fields import options_of, pack, unpack
from sidelight.content.tags import Tags
from sidelight.content.text import Text
from sidelight.content.vector import Vector
from sidelight.errors import SpecError

ALL = [Text, Categories, Tags, Numbers, Vector, Image]


@pytest.mark.parametrize("cls", ALL)
def test_a_spec_is_a_value(cls: type) -> None:
    one, same, other = cls("a"), cls("a"), cls("b")
    assert one == same and hash(one) == hash(same) and one != other
    assert one.columns == ("a",)
    assert repr(one).startswith(f"{cls.__name__}(columns=('a',)")
    assert dataclasses.replace(one, columns=("b",)) == other
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.columns = ("b",)


@pytest.mark.parametrize("cls", ALL)
def test_fields_are_the_options_of_init(cls: type) -> None:
    named = [p.name for p in inspect.signature(cls).parameters.values() if p.kind == p.KEYWORD_ONLY]
    assert named == [f.name for f in dataclasses.fields(cls)]


@pytest.mark.parametrize("cls", ALL)
def test_the_toml_form_makes_an_equal_spec(cls: type) -> None:
    spec = cls("a")
    options = options_of(spec)
    assert options["columns"] == ["a"] and not any(isinstance(v, tuple) for v in options.values())
    assert cls(**options) == spec and hash(cls(**options)) == hash(spec)
    assert config.from_dict(tomllib.loads(config.dump(spec))) == spec


def test_several_columns_and_their_names() -> None:
    assert Text("title", "text").columns == ("title", "text") == Text("title", columns=["text"]).columns
    assert Text("title", "text").name == "text:title+text"
    assert Text("title", encoder="minilm").name == "text:title@minilm"
    assert Text("title", encoder="some/folder/model/").name == "text:title@model"
    names = [cls("a").name for cls in ALL]
    assert names == ["text:a", "categories:a", "tags:a", "numbers:a", "vector:a", "image:a"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Text(),
        lambda: Text("a", "a"),
        lambda: Text(""),
        lambda: Text(3),  # type: ignore[arg-type]
        lambda: Text("a", stop_words="german"),
        lambda: Text("a", encoder=""),
        lambda: Text("a", batch_size=0),
        lambda: Vector("a", "b"),
        lambda: Image("a", "b"),
        lambda: Image("a", size=2),
        lambda: Image("a", std=(1, 1, 0)),
        lambda: Numbers("a", scale="robus"),
        lambda: Numbers("a", clip=0),
        lambda: Numbers("a", clip=float("nan")),
    ],
)
def test_wrong_options_are_refused(make: object) -> None:
    with pytest.raises(SpecError, match=r"expected|did you mean"):
        make()  # type: ignore[operator]


def test_packed_strings_come_back() -> None:
    strings = ("", "é", "a\x00b", "\U0001f600", '"quoted"', "tail\x00")
    assert unpack(pack(strings)) == strings
    assert unpack(pack([])) == ()
