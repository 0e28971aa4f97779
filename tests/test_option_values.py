import math
from typing import Annotated, Literal

import numpy as np
import pytest

from sidelight.option_values import OptionError, Range, fit_value, limits, spell


@pytest.mark.parametrize(
    ("text", "inside", "outside", "words"),
    [
        ("[0, 1)", (0, 0.5), (-0.1, 1), "in [0, 1)"),
        ("(0, inf)", (1e-9, 1e300), (0, -1), "> 0"),
        ("[1, 1e30)", (1, 1e29), (0, 1e30), ">= 1 and < 1e+30"),
    ],
)
def test_ends_belong_to_a_range_as_written(text, inside, outside, words):
    found = Range(text)
    assert all(value in found for value in inside) and not any(value in found for value in outside)
    assert str(found) == words


def test_values_take_the_declared_type():
    assert fit_value([1, 2], tuple[float, ...]) == (1.0, 2.0)
    assert fit_value(np.int64(3), int) == 3 and type(fit_value(np.int64(3), int)) is int
    assert fit_value("none", int | None) is None and fit_value("none", str | None) == "none"
    assert fit_value("a", Literal["a", "b"]) == "a"


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, int), (math.nan, float), ("ab", tuple[str, ...]), (1.5, int), ("c", Literal["a", "b"])],
)
def test_what_is_of_another_type_is_refused(value, kind):
    with pytest.raises(OptionError):
        fit_value(value, kind)


def test_types_and_ranges_are_spelled():
    count = Annotated[int, Range("[1, inf)")]
    assert spell(count) == "int >= 1" and limits(count) == ">= 1"
    assert spell(tuple[str, ...] | None) == "list of str values or 'none'"
    with pytest.raises(OptionError, match="int >= 1"):
        fit_value((1, 0), tuple[count, ...])
