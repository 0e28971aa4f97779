"""Features made comparable, whatever the length of their rows."""

from __future__ import annotations

import numpy as np
import pytest

from sidelight.content.features import Features
from sidelight.content.normalise import centre_of, scaled


@pytest.mark.parametrize("power", [0, 40, 66, 100, 125, -40, -66, -90])
def test_directions_do_not_depend_on_the_length_of_vectors(power):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(9, 4)).astype(np.float32) / 8
    values[3] = 0
    present = np.arange(9) != 3
    plain, long = (Features("v", v, present) for v in (values, np.ldexp(values, power)))
    np.testing.assert_array_equal(long.normalised(), plain.normalised())
    ours, theirs = (scaled(each, centre_of(each)).values for each in (long, plain))
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(np.linalg.norm(ours[present], axis=1), 1, rtol=1e-5)
