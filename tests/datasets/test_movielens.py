"""MovieLens archives as tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from datasets.cases import ARCHIVES

from sidelight.data.read import read
from sidelight.datasets.registry import get


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_become_tables_that_read(fetched: Callable[[str], None], tmp_path: Path, name: str) -> None:
    fetched(name)
    counts = get(name, tmp_path / "films")
    data = read(tmp_path / "films")
    assert (counts["users"], counts["items"]) == (data.n_users, data.n_items) == (2, 2)
    assert counts["events"] == len(data.interactions)
    assert data.interactions.timestamp is not None
    assert 19 < data.interactions.timestamp.min() / (365.25 * 86_400e6) < 32  # years since 1970
    assert data.interactions.weight.max() >= 4.5
    genres = data.items["genres"].to_list()
    assert genres[0] is not None and len(genres[0]) in (2, 3)
    assert {c.name for c in data.schema.users if c.sensitive} >= (
        {"age", "gender"} if name != "ml-latest-small" else set()
    )


def test_older_archives_keep_their_letters(fetched: Callable[[str], None], tmp_path: Path) -> None:
    fetched("ml-100k")
    get("ml-100k", tmp_path / "films")
    data = read(tmp_path / "films")
    assert data.items["title"].to_list() == ["Toy (1995)", "Caf\xe9 (1996)"]
    assert data.items["genres"].to_list() == [["Animation", "Children's", "Comedy"], None]
    assert data.items["released"].to_list() == [788_918_400_000_000, None]
    assert data.users["age"].to_list() == [24, 53]
    fetched("ml-1m")
    get("ml-1m", tmp_path / "more")
    assert read(tmp_path / "more").items["title"][1] == 'Caf\xe9: no "x" (1996)'
