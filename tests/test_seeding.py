"""Streams by name: repeatable, and apart from each other."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.errors import SpecError
from sidelight.seeding import generator

names = st.lists(st.text(max_size=6), max_size=3)


def draw(seed: int, *parts: str) -> list[int]:
    return generator(seed, *parts).integers(2**62, size=4).tolist()


@given(seed=st.integers(0, 2**64), parts=names)
def test_the_same_name_gives_the_same_numbers(seed: int, parts: list[str]) -> None:
    assert draw(seed, *parts) == draw(seed, *parts)


@given(seed=st.integers(0, 2**64), left=names, right=names)
def test_other_names_and_seeds_give_other_numbers(seed: int, left: list[str], right: list[str]) -> None:
    if left != right:
        assert draw(seed, *left) != draw(seed, *right)
    assert draw(seed, *left) != draw(seed + 1, *left)


def test_streams_are_uncorrelated() -> None:
    draws = np.array([generator(7, str(n)).standard_normal(2000) for n in range(20)])
    off = np.corrcoef(draws)[~np.eye(20, dtype=bool)]
    assert np.abs(off).max() < 0.12  # five standard errors


def test_another_process_draws_the_same() -> None:
    code = (
        "from sidelight.seeding import generator; print(generator(3, 'a').integers(2**62, size=4).tolist())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(draw(3, "a"))


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(SpecError, match="seed >= 0"):
        generator(-1)
