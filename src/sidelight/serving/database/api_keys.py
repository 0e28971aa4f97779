"""API keys: shown once, stored as a hash.

A secret has 256 random bits, which cannot be searched, so a plain SHA-256 is enough.
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


class KeyTable:
    """Part of `Database`: API keys."""

    _connections: Connections

    def add_key(self, name: str, scopes: Iterable[str]) -> str:
        """Create an API key and return its secret, which is shown only now; from now on keys are required.

        Args:
            name: Person or program that the key is for.
            scopes: Some of `domain.SCOPES`.

        Raises:
            SpecError: A scope is unknown, or there is none.
        """
        wanted = sorted(set(scopes))
        for scope in wanted:
            if scope not in SCOPES:
                hint = did_you_mean(scope, sorted(SCOPES))
                raise SpecError(complain("a scope of an API key", repr(scope), fix=hint))
        if not wanted:
            hint = did_you_mean("", sorted(SCOPES))
            raise SpecError(complain("at least one scope", "none", "an API key", hint))
        secret = PREFIX + secrets.token_urlsafe(32)
        row = {"name": check_id(name, "a name"), "scopes": " ".join(wanted), "digest": _digest(secret)}

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.insert(keys), {**row, "created": now()})
            connection.execute(sa.update(meta).where(_STATE).values(value="1"))

        self._connections.write(work)
        return secret

    def keys_required(self) -> bool:
        """Return whether callers need a key: from the creation of the first one on, for ever."""
        state = self._connections.read(lambda c: c.execute(sa.select(meta.c.value).where(_STATE)).scalar())
        return state != "0"  # a state that cannot be read requires keys

    def check_key(self, secret: str) -> Key | None:
        """Return the key with this secret, if it was created here and not revoked."""
        if len(secret) != LENGTH or not secret.startswith(PREFIX) or not secret.isascii():
            return None
        digest = _digest(secret)
        row = self._connections.read(lambda c: c.execute(_BY_DIGEST, {"digest": digest}).first())
        if row is None or not hmac.compare_digest(row[5], digest):
            return None
        return _key(tuple(row))

    def keys(self, revoked: bool = False) -> list[Key]:
        """Return the valid keys, oldest first; with `revoked` also the invalid ones."""
        wanted = sa.select(*_SHOWN).order_by(keys.c.id)
        if not revoked:
            wanted = wanted.where(keys.c.revoked.is_(None))
        return [_key(tuple(row)) for row in self._connections.read(lambda c: c.execute(wanted).all())]

    def revoke_key(self, id: int) -> bool:
        """Revoke a key; return False if there is no valid key of this id."""
        if not 0 < id < 1 << 63:
            return False
        ended = sa.update(keys).where(keys.c.id == id, keys.c.revoked.is_(None)).values(revoked=now())
        return self._connections.write(lambda c: c.execute(ended).rowcount) > 0


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Sequence[Any]) -> Key:
    number, name, scopes, created, revoked = row[:5]
    ended = None if revoked is None else from_micros(revoked)
    return Key(number, name, frozenset(scopes.split()), from_micros(created), ended)
