"""Words with the largest parts of scores, summed over modalities."""

from __future__ import annotations

import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from sidelight.models.term_contributions import largest

NAMES = ("tea", "pot", "tea", "cup"), ("pot", "lamp")
VALUES = st.sampled_from([-1.0, -0.25, 0.0, 0.25, 0.5])


@given(
    words=st.lists(st.lists(VALUES, min_size=4, max_size=4), min_size=3, max_size=3),
    labels=st.lists(st.lists(VALUES, min_size=2, max_size=2), min_size=3, max_size=3),
    k=st.integers(0, 5),
)
def test_parts_against_plain_python(words: list[list[float]], labels: list[list[float]], k: int) -> None:
    parts = [(NAMES[0], sp.csr_matrix(words)), (NAMES[1], sp.csr_matrix(labels))]
    for found, *rows in zip(largest(parts, 3, k), words, labels, strict=True):
        totals: dict[str, float] = {}
        for names, row in zip(NAMES, rows, strict=True):
            for name, value in zip(names, row, strict=True):
                if value > 0:
                    totals[name] = totals.get(name, 0) + value
        assert found == sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))[:k]


def test_without_content_there_are_no_words() -> None:
    assert largest([], 2, 5) == [[], []]
    assert largest([(("tea",), sp.csr_matrix((0, 1)))], 0, 5) == []
