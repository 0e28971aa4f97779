"""API keys."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from serving.database.cases import raw

from sidelight.errors import SpecError
from sidelight.serving.database import sql_tables
from sidelight.serving.database.database import Database


def test_keys_are_shown_once_and_can_be_revoked(db: Database) -> None:
    secret = db.add_key("shop window", frozenset({"read", "events"}))
    other = db.add_key("office", {"admin"})
    assert secret.startswith("sl_") and len(secret) == 46 and secret != other
    key = db.check_key(secret)
    assert key is not None and (key.name, key.scopes) == ("shop window", {"read", "events"})
    assert db.keys() == [key, db.check_key(other)]
    assert secret not in raw(db) and secret[3:] not in raw(db)
    for wrong in (
        "",
        "sl_",
        secret[:-1],
        secret[:-1] + "~",
        secret + "x",
        "ä" * 46,
        other.swapcase(),
        "\0" * 46,
    ):
        assert db.check_key(wrong) is None
    assert db.revoke_key(key.id) and not db.revoke_key(key.id) and not db.revoke_key(99)
    assert not db.revoke_key(-1) and not db.revoke_key(1 << 70)
    left = db.keys()
    assert db.check_key(secret) is None and [k.name for k in left] == ["office"]
    [ended, _] = db.keys(revoked=True)
    assert ended.id == key.id and ended.revoked is not None and ended.created == key.created
    with pytest.raises(SpecError, match="did you mean 'read'"):
        db.add_key("x", {"raed"})
    with pytest.raises(SpecError, match="none"):
        db.add_key("x", frozenset())


def test_keys_stay_required_from_the_first_key_on(url: str) -> None:
    with Database.open(url) as db:
        assert db.keys_required() is False
        db.add_key("only", {"admin"})
        with Database.open(url) as other:  # another process sees it at once
            assert other.keys_required() is True
        assert db.revoke_key(1) and db.keys() == [] and db.keys_required() is True
    with Database.open(url) as db:
        assert db.keys_required() is True
        with db._connections._engine.begin() as connection:
            connection.execute(sa.delete(sql_tables.meta).where(sql_tables.meta.c.name == "keys_required"))
        assert db.keys_required() is True, "a state that is lost is a closed one"
