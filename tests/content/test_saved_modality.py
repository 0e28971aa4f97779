"""A modality is restored with its encoder, features and names."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import sidelight as sl
from sidelight.content.protocols import fit_features
from sidelight.content.saved_modality import KINDS, modality_state, restored_modality
from sidelight.errors import BundleError

ITEMS = pl.DataFrame(
    {"title": ["red tent", "blue tent", None], "tags": [["a", "b"], [], ["b"]], "n": [1.0, 2.0, None]}
)


@pytest.mark.parametrize(
    "spec", [sl.Text("title", min_df=1), sl.Tags("tags"), sl.Numbers("n")], ids=lambda s: s.name
)
def test_a_modality_comes_back_and_encodes_new_rows_alike(spec: sl.Text) -> None:
    encoder, features = fit_features(spec, ITEMS)
    arrays, meta = modality_state(3, encoder, features)
    assert all(name.startswith("3/") for name in arrays) and meta["encoder"]["kind"] in KINDS
    again, same = restored_modality(3, arrays, meta)
    assert same.names == features.names and same.name == features.name
    np.testing.assert_array_equal(same.present, features.present)
    one, two = encoder.transform(ITEMS[:2]), again.transform(ITEMS[:2])
    assert abs(one.values - two.values).max() == 0


def test_an_unknown_kind_is_refused() -> None:
    encoder, features = fit_features(sl.Tags("tags"), ITEMS)
    arrays, meta = modality_state(0, encoder, features)
    meta["encoder"]["kind"] = "label"
    with pytest.raises(BundleError, match="did you mean 'labels'"):
        restored_modality(0, arrays, meta)
