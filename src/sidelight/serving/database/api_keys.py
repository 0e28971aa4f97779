"""API keys: shown once, kept as a hash.

A secret has 256 random bits, so no one can try them all, and a plain SHA-256 is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from sidelight.errors import SpecError, complain, did_you_mean
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.migrations import KEYS_REQUIRED
from sidelight.serving.database.sql_tables import from_micros, keys, meta, now
from sidelight.serving.domain import SCOPES, Key, check_id

PREFIX: Final = "sl_"
LENGTH: Final = len(PREFIX) + 43  # 32 bytes in URL-safe base64
_SHOWN: Final = (keys.c.id, keys.c.name, keys.c.scopes, keys.c.created, keys.c.revoked)
_STATE: Final = meta.c.name == KEYS_REQUIRED
_BY_DIGEST: Final = sa.select(*_SHOWN, keys.c.digest).where(
    keys.c.digest == sa.bindparam("digest"), keys.c.revoked.is_(None)
)


def add(connections: Connections, name: str, scopes: Iterable[str]) -> str:
    """See `Database.add_key`."""
    wanted = sorted(set(scopes))
    for scope in wanted:
        if scope not in SCOPES:
            hint = did_you_mean(scope, sorted(SCOPES))
            raise SpecError(complain("a scope of an API key", repr(scope), fix=hint))
    if not wanted:
        raise SpecError(
            complain("at least one scope", "none", "an API key", did_you_mean("", sorted(SCOPES)))
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    row = {
        "name": check_id(name, "a name"),
        "scopes": " ".join(wanted),
        "digest": _digest(secret),
        "created": now(),
    }

    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(keys), row)
        connection.execute(sa.update(meta).where(_STATE).values(value="1"))

    connections.write(work)
    return secret


def required(connections: Connections) -> bool:
    """See `Database.keys_required`. A state that cannot be read is a closed one."""
    return connections.read(lambda c: c.execute(sa.select(meta.c.value).where(_STATE)).scalar()) != "0"


def check(connections: Connections, secret: str) -> Key | None:
    """See `Database.check_key`."""
    if len(secret) != LENGTH or not secret.startswith(PREFIX) or not secret.isascii():
        return None
    digest = _digest(secret)
    row = connections.read(lambda c: c.execute(_BY_DIGEST, {"digest": digest}).first())
    if row is None or not hmac.compare_digest(row[5], digest):
        return None
    return _key(tuple(row))


def listed(connections: Connections, revoked: bool) -> list[Key]:
    """See `Database.keys`."""
    wanted = sa.select(*_SHOWN).order_by(keys.c.id)
    if not revoked:
        wanted = wanted.where(keys.c.revoked.is_(None))
    return [_key(tuple(row)) for row in connections.read(lambda c: c.execute(wanted).all())]


def revoke(connections: Connections, number: int) -> bool:
    """See `Database.revoke_key`."""
    if not 0 < number < 1 << 63:
        return False
    ended = sa.update(keys).where(keys.c.id == number, keys.c.revoked.is_(None)).values(revoked=now())
    return connections.write(lambda c: c.execute(ended).rowcount) > 0


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Sequence[Any]) -> Key:
    number, name, scopes, created, revoked = row[:5]
    ended = None if revoked is None else from_micros(revoked)
    return Key(number, name, frozenset(scopes.split()), from_micros(created), ended)
