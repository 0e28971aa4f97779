"""The cache: what is put comes back; what is damaged is said and thrown away."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sidelight.content.cache import Cache, CacheWarning, default_folder
from sidelight.errors import DataError

VECTOR = npst.arrays(np.float32, st.integers(0, 5), elements=st.floats(width=32))


def some(n: int, dim: int = 4) -> dict[bytes, np.ndarray]:
    values = np.random.default_rng(0).standard_normal((n, dim)).astype(np.float32)
    return {i.to_bytes(32, "big"): values[i] for i in range(n)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.dictionaries(st.binary(min_size=1, max_size=32), VECTOR, max_size=8))
def test_what_is_put_comes_back(tmp_path: Path, vectors: dict[bytes, np.ndarray]) -> None:
    cache = Cache(tmp_path)
    cache.clear()
    cache.put(vectors)
    assert len(cache) == len(vectors)
    found = Cache(tmp_path).get([*vectors, b"unknown" * 5])
    assert found.keys() == vectors.keys()
    for key, vector in vectors.items():
        np.testing.assert_array_equal(found[key], vector)


def test_many_keys_replaced_keys_size_and_clear(tmp_path: Path) -> None:
    cache, vectors = Cache(tmp_path / "new" / "folder"), some(1203)
    assert cache.get(list(vectors)) == {} and len(cache) == 0 and cache.size() == 0
    cache.put(vectors)
    cache.put({key: -v for key, v in vectors.items()})
    found = cache.get(list(vectors))
    assert len(cache) == len(found) == 1203
    assert all((found[key] == -v).all() for key, v in vectors.items())
    assert cache.size() > 1203 * 16
    assert cache.clear() > 0 and len(cache) == 0 and cache.size() == 0
    assert not any((tmp_path / "new" / "folder").iterdir())


def test_one_damaged_vector_is_said_and_thrown_away(tmp_path: Path) -> None:
    cache, vectors = Cache(tmp_path), some(3)
    cache.put(vectors)
    first, second, third = vectors
    with closing(sqlite3.connect(cache.path)) as db, db:
        db.execute("UPDATE vectors SET value = ? WHERE key = ?", (bytes(16), first))
        db.execute("UPDATE vectors SET value = ? WHERE key = ?", (bytes(3), second))
    with pytest.warns(CacheWarning, match="2 damaged vectors"):
        assert cache.get(list(vectors)).keys() == {third}
    assert len(cache) == 1
    cache.put(vectors)
    assert cache.get(list(vectors)).keys() == vectors.keys()


@pytest.mark.parametrize("cut", [50, 4096, 9000, None])
@pytest.mark.parametrize("act", ["get", "put", "len"])
def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path, act: str, cut: int | None) -> None:
    cache, vectors = Cache(tmp_path), some(100, dim=100)
    cache.put(vectors)
    cache.path.write_bytes(cache.path.read_bytes()[:cut] if cut else b"this is no database" * 500)
    with pytest.warns(CacheWarning, match="cannot be read"):
        if act == "get":
            assert cache.get(list(vectors)) == {}
        elif act == "put":
            cache.put(vectors)
        else:
            assert len(cache) == 0
    cache.put(vectors)
    assert cache.get(list(vectors)).keys() == vectors.keys()
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


def test_threads_share_a_cache(tmp_path: Path) -> None:
    cache, vectors = Cache(tmp_path), some(60)
    items = list(vectors.items())
    threads = [threading.Thread(target=lambda i=i: cache.put(dict(items[i::6]))) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get(list(vectors)).keys() == vectors.keys()


def test_a_folder_that_cannot_be_used_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="SIDELIGHT_CACHE"):
        Cache(tmp_path / "file").put(some(1))


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SIDELIGHT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg" / "sidelight" == Cache().folder
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "sidelight"
    monkeypatch.setenv("SIDELIGHT_CACHE", str(tmp_path / "own"))
    assert Cache().folder == tmp_path / "own"
    assert Cache(str(tmp_path)) == Cache(tmp_path)  # type: ignore[arg-type]
