"""Changed and retired items."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from serving.cases import START
from serving.database.cases import BAD_IDS, HARD_IDS

from sidelight.errors import DataError
from sidelight.serving.database.database import Database


def test_item_rows_are_replaced_and_numbered(db: Database) -> None:
    row = {"item_id": "a", "title": "T\0\ud800 ä", "price": 1.5, "tags": ["x", None], "n": 2**60, "new": True}
    assert db.put_items([row, {"item_id": "b"}]) == 2
    assert [(c.change, c.item_id, c.row) for c in db.items_since(0)] == [
        (1, "a", row),
        (2, "b", {"item_id": "b"}),
    ]
    assert (
        db.put_items([{"item_id": "a", "title": "1"}, {"item_id": "c"}, {"item_id": "a", "title": "2"}]) == 4
    )
    found = db.items_since(0)
    assert [(c.change, c.item_id) for c in found] == [(2, "b"), (3, "a"), (4, "c")]
    assert found[1].row["title"] == "2" and abs(found[0].at - datetime.now(UTC)) < timedelta(minutes=1)
    assert [c.change for c in db.items_since(2, limit=1)] == [3] and db.items_since(4) == []
    assert db.put_items([]) == 4
    for bad in (float("nan"), float("inf"), {1, 2}, START, b"x"):
        with pytest.raises(DataError, match="'price'"):
            db.put_items([{"item_id": "d"}, {"item_id": "e", "price": bad}])
    with pytest.raises(DataError):
        db.put_items([{"title": "no id"}])
    assert db.items_since(4) == []


def test_retired_items_are_counted_once_and_numbered(db: Database) -> None:
    assert (db.retired(), db.retired_since(0)) == (frozenset(), None)
    assert db.retire(["a", "b", "a", *HARD_IDS]) == 2 + len(HARD_IDS) and db.retire(["b"]) == 0
    first, ids = db.retired_since(0) or (0, frozenset())
    assert ids == db.retired() == {"a", "b", *HARD_IDS} and db.retired_since(first) is None
    assert db.retire(["b", "never"], False) == 1 and db.retired() == {"a", *HARD_IDS}
    last, _ = db.retired_since(first) or (0, frozenset())
    assert last > first
    for bad in BAD_IDS:
        with pytest.raises(DataError):
            db.retire(["c", bad])
    assert "c" not in db.retired()
