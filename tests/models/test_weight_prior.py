"""The prior: content before clicks, whichever components there are."""

from __future__ import annotations

import numpy as np
import pytest

from sidelight.models import weight_prior

FAMILIES = list(weight_prior.table()["weights"])
DENSITIES = (0.5, 1.0, 3.0, 10.0, 1000.0)


def totals(families: list[str], density: float) -> dict[str, np.ndarray]:
    weights = weight_prior.prior_weights(families, density)
    groups = np.array([weight_prior.group(name) for name in families])
    return {name: weights[:, groups == name].sum(axis=1) for name in set(groups)}


@pytest.mark.parametrize("density", DENSITIES)
def test_a_group_weighs_the_same_whichever_of_its_components_are_there(density):
    every = totals(
        [name for name in FAMILIES if name in weight_prior.table()["provenance"]["measured"]], density
    )
    for name in FAMILIES:
        alone = totals([name], density)
        np.testing.assert_allclose(alone[weight_prior.group(name)], every[weight_prior.group(name)])


@pytest.mark.parametrize("density", DENSITIES)
def test_content_of_any_kind_has_weight_on_both_sides_and_clicks_none_on_cold_items(density):
    for name in FAMILIES:
        cold, warm = weight_prior.prior_weights(["Popular", name], density)[:, 1]
        if weight_prior.group(name) == "content":
            assert cold > 0 and warm > 0
        elif name != "Popular":
            assert cold == 0


def test_with_few_clicks_content_comes_before_popularity():
    for name in (f for f in FAMILIES if weight_prior.group(f) == "content"):
        popular, content = weight_prior.prior_weights(["Popular", name], 1.0)[1]
        assert content > popular


def test_neither_the_number_nor_the_order_of_alike_components_changes_what_they_weigh_together():
    one = totals(["Popular", "EASE", "ContentKNN:dense"], 2.0)
    many = totals(["ContentKNN:dense", "EASE", "EASE", "Popular", "ContentKNN:dense", "EASE"], 2.0)
    for name, value in one.items():
        np.testing.assert_allclose(many[name], value)
