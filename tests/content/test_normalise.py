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


@pytest.mark.parametrize("gaps", [(), (3,), (0, 4, 8), tuple(range(8))])
def test_centring_with_gaps_is_the_slow_way_row_by_row(gaps):
    """Absent rows have no say in the centre, whatever lies in them, and stay zero."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(9, 4)).astype(np.float32)
    present = ~np.isin(np.arange(9), gaps)
    values[~present] = 0
    raw = Features("v", values, present)
    rows = [values[at].astype(np.float64) for at in range(9) if present[at]]
    centre = sum(rows) / len(rows)
    np.testing.assert_allclose(centre_of(raw), centre, rtol=1e-5, atol=1e-6)
    found = scaled(raw, centre_of(raw), weight=0.25)
    for at in range(9):
        moved = values[at] - centre
        length = np.linalg.norm(moved)
        expected = 0.5 * moved / length if present[at] and length > 1e-6 else np.zeros(4)
        if length > 1e-6:
            np.testing.assert_allclose(found.values[at], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found.present, present)
