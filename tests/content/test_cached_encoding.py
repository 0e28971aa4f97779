"""Encoding in batches: once per content, back in order, nothing lost but the batch in hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.content.cache import Cache
from sidelight.content.cached_encoding import encode_rows, key_of
from sidelight.errors import DataError


class Counting:
    """Encodes a text as (length, sum of code points) and remembers what it was asked."""

    def __init__(self, rows: list[str], stop_at: int | None = None) -> None:
        self.rows, self.stop_at = rows, stop_at
        self.calls: list[list[str]] = []

    def __call__(self, at: list[int]) -> list[np.ndarray | None]:
        if len(self.calls) + 1 == self.stop_at:
            raise KeyboardInterrupt
        self.calls.append([self.rows[i] for i in at])
        return [None if self.rows[i] == "bad" else vector(self.rows[i]) for i in at]

    @property
    def encoded(self) -> list[str]:
        return [text for call in self.calls for text in call]


def vector(text: str) -> np.ndarray:
    return np.array([len(text), sum(map(ord, text))], dtype=np.float32)


def run(
    rows: list[str], encode: Counting, cache: Cache | None = None, batch_size: int = 2, identity: str = "m"
) -> tuple[np.ndarray, np.ndarray]:
    keys = [key_of(identity, text.encode()) if text else None for text in rows]
    sizes = [len(text) for text in rows]
    return encode_rows(keys, encode, sizes=sizes, batch_size=batch_size, cache=cache)


@given(st.lists(st.text("abc", max_size=4) | st.just("bad")), st.integers(1, 5))
def test_rows_come_back_in_order_each_content_encoded_once(rows: list[str], batch_size: int) -> None:
    encode = Counting(rows)
    values, present = run(rows, encode, batch_size=batch_size)
    assert sorted(encode.encoded) == sorted({text for text in rows if text})
    assert all(len(call) <= batch_size for call in encode.calls)
    lengths = [len(text) for text in encode.encoded]
    assert lengths == sorted(lengths, reverse=True)
    for text, got, there in zip(rows, values, present, strict=True):
        good = bool(text) and text != "bad"
        assert there == good
        np.testing.assert_array_equal(got, vector(text) if good else np.zeros(len(got)))


def test_a_changed_item_encodes_only_itself(tmp_path: Path) -> None:
    rows = [f"title {i}" for i in range(20)]
    first, _ = run(rows, Counting(rows), Cache(tmp_path))
    changed = [*rows[:7], "another title", *rows[8:]]
    encode = Counting(changed)
    second, _ = run(changed, encode, Cache(tmp_path))
    assert encode.calls == [["another title"]]
    np.testing.assert_array_equal(np.delete(second, 7, axis=0), np.delete(first, 7, axis=0))
    np.testing.assert_array_equal(second[7], vector("another title"))


def test_another_model_shares_nothing(tmp_path: Path) -> None:
    rows = ["aa", "b"]
    run(rows, Counting(rows), Cache(tmp_path))
    encode = Counting(rows)
    run(rows, encode, Cache(tmp_path), identity="m2")
    assert sorted(encode.encoded) == sorted(rows)
    assert key_of("ab", b"c") != key_of("a", b"bc")


def test_an_interruption_loses_one_batch(tmp_path: Path) -> None:
    rows = [f"{i:02d}" for i in range(10)]
    broken = Counting(rows, stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        run(rows, broken, Cache(tmp_path))
    assert len(Cache(tmp_path)) == 4
    resumed = Counting(rows)
    values, present = run(rows, resumed, Cache(tmp_path))
    assert sorted(resumed.encoded + broken.encoded) == rows and len(resumed.encoded) == 6
    assert present.all()
    np.testing.assert_array_equal(values, np.stack([vector(text) for text in rows]))


def test_progress_counts_up_from_what_is_cached(tmp_path: Path) -> None:
    rows = ["a", "b", "c", "d", "e", ""]
    cache = Cache(tmp_path)
    run(rows[:2], Counting(rows), cache)
    seen: list[tuple[int, int, str]] = []
    keys = [key_of("m", text.encode()) if text else None for text in rows]
    encode_rows(
        keys,
        Counting(rows),
        sizes=[1] * 6,
        batch_size=2,
        cache=cache,
        progress=lambda *step: seen.append(step),
        label="titles",
    )
    assert seen == [(2, 5, "titles"), (4, 5, "titles"), (5, 5, "titles")]


@pytest.mark.parametrize(
    ("out", "message"),
    [([np.array([1, np.nan])], "NaN or infinity"), ([np.ones((2, 2))], r"shape \(2, 2\)")],
)
def test_a_model_that_gives_nonsense_is_stopped_before_the_cache(
    tmp_path: Path, out: list[np.ndarray], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        encode_rows([b"k"], lambda rows: out, sizes=[1], batch_size=1, cache=Cache(tmp_path))
    assert len(Cache(tmp_path)) == 0


def test_vectors_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="one length"):
        encode_rows([b"a", b"b"], lambda rows: [np.ones(r + 1) for r in rows], sizes=[1, 1], batch_size=2)
