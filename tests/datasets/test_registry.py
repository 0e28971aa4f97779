"""Public data sets by name or address."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidelight.data.read import read
from sidelight.datasets import registry
from sidelight.datasets.registry import SETS, find, get
from sidelight.errors import DataError, SpecError


def test_a_damaged_archive_leaves_no_folder(
    fetched: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched("ml-1m")
    with pytest.raises(DataError, match=r"ml-100k/u\.data"):
        get("ml-100k", tmp_path / "films")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK no zip")
    monkeypatch.setattr(registry, "download", lambda *args: broken)
    with pytest.raises(DataError, match="zip archive"):
        get("ml-1m", tmp_path / "films")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.zip", "ml-1m.zip"]


def test_an_interruption_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "groceries", interrupt)
    with pytest.raises(KeyboardInterrupt):
        get("groceries", tmp_path / "shop", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_kept_unless_forced(
    fetched: Callable[[str], None], tmp_path: Path
) -> None:
    fetched("ml-1m")
    place = tmp_path / "films"
    place.mkdir()
    get("ml-1m", place)  # an empty folder is as good as none
    (place / "mine.txt").write_text("mine")
    (place / "items.csv").write_text("other")
    with pytest.raises(SpecError, match="exists already"):
        get("ml-1m", place)
    assert (place / "items.csv").read_text() == "other"
    get("ml-1m", place, force=True)
    assert (place / "mine.txt").read_text() == "mine" and read(place).n_items == 2


def test_any_address_is_kept_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(url: str, target: Path, sha256: str | None, progress: Any) -> Path:
        asked.append((url, target, sha256))
        target.parent.mkdir(parents=True)
        target.write_bytes(b"abc")
        return target

    monkeypatch.setattr(registry, "download", download)
    found = get("https://x.org/a.csv", tmp_path / "out", sha256="0" * 64, cache=tmp_path / "cache")
    digest = hashlib.sha256(b"abc").hexdigest()
    assert found == {"file": "a.csv", "bytes": 3, "sha256": digest}
    assert (tmp_path / "out" / "a.csv").read_bytes() == b"abc"
    get("https://y.org/a.csv", tmp_path / "two", cache=tmp_path / "cache")
    assert asked[0][1].name == asked[1][1].name == "a.csv" and asked[0][1] != asked[1][1]
    assert [a[2] for a in asked] == ["0" * 64, None]


def test_names_are_known_or_nearly_so() -> None:
    assert [s.name for s in SETS] == ["groceries", "ml-100k", "ml-1m", "ml-latest-small"]
    with pytest.raises(SpecError, match="did you mean 'ml-100k'"):
        find("ml-100")
    with pytest.raises(SpecError, match="sha256 with an address only"):
        get("ml-1m", "nowhere", sha256="0" * 64)
    for s in SETS:
        assert s.licence and s.note
        assert not s.url or (s.url.startswith("https://") and s.sha256 is not None and len(s.sha256) == 64)
