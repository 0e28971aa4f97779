"""Random streams by name, each independent of the draws of all others."""

from __future__ import annotations

import hashlib

import numpy as np

from sidelight.errors import SpecError, complain


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return an independent random stream for each name under one seed.

    The same seed and names give the same numbers on every machine and in every run, whatever else
    is drawn in between; different names give streams that are independent for all purposes here.

    Args:
        seed: Random seed, >= 0.
        names: Purpose of the numbers, e.g. ("split", "validation"). ("a", "b") and ("ab",) differ.
    """
    if seed < 0:
        raise SpecError(complain("a seed >= 0", str(seed)))
    # The length prefix keeps ("a", "b") apart from ("ab",).
    text = "".join(f"{len(name)}:{name}" for name in names)
    digest = hashlib.sha256(text.encode()).digest()
    words = tuple(int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=words))
