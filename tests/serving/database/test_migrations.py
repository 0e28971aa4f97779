"""Tables of earlier and of later versions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from serving.cases import event
from serving.database.cases import stored

from sidelight.serving.database import sql_tables
from sidelight.serving.database.database import Database
from sidelight.serving.domain import DatabaseError


def test_many_may_open_a_new_database_at_once(url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: Database.open(url), range(6)))
    assert len({db._secret for db in found}) == 1
    for db in found:
        db.close()


def test_a_database_of_a_newer_version_is_refused_in_one_line(url: str) -> None:
    with Database.open(url) as db, db._connections._engine.begin() as connection:
        newer = (
            sa.update(sql_tables.meta).where(sql_tables.meta.c.name == "schema_version").values(value="99")
        )
        connection.execute(newer)
    with pytest.raises(
        DatabaseError, match=r"expected tables of version 1 to \d+; found version 99.*newer"
    ) as found:
        Database.open(url)
    assert len(str(found.value).splitlines()) == 1 and not found.value.retry


def aged(db: Database) -> None:
    """Turn tables back into those of version 1."""
    with db._connections._engine.begin() as connection:
        sql_tables.retirements.drop(connection)
        later = sql_tables.meta.c.name.in_(["keys_required", "database_id"])
        connection.execute(sa.delete(sql_tables.meta).where(later))
        first = sa.update(sql_tables.meta).where(sql_tables.meta.c.name == "schema_version")
        connection.execute(first.values(value="1"))


@pytest.mark.parametrize("revoked", [None, False, True])
def test_tables_of_version_1_are_migrated_and_lose_nothing(url: str, revoked: bool | None) -> None:
    """With a key in them, revoked or not, keys were and are required."""
    with Database.open(url) as db:
        db.add_events([event("u", name="one"), event("gone")])
        db.forget("gone")
        secret = None if revoked is None else db.add_key("old", {"read", "admin"})
        if revoked:
            db.revoke_key(1)
        aged(db)
    with Database.open(url, make=False) as db:
        assert db.keys_required() is (revoked is not None)
        assert stored(db) == [event("u")] and db.user_state("gone").forgotten
        assert (secret is not None and db.check_key(secret) is not None) is (revoked is False)
        assert {s for key in db.keys(revoked=True) for s in key.scopes} in (
            set(),
            {"read", "history", "metrics", "admin"},
        )
        identity = db.id
    with Database.open(url) as db:
        assert db.id == identity and len(identity) == 32


def test_a_database_of_another_program_is_not_taken_for_ours(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE shop (id INTEGER)"))
    with pytest.raises(DatabaseError, match=r"expected the database of a service; found none of its tables"):
        Database.open(url, make=False)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == ["shop"]
    Database.open(url, make=True).close()
    Database.open(url, make=False).close()
