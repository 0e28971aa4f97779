"""Access control: API keys and their scopes, hosts, origins and rate limits."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sidelight.serving.domain import Key
from sidelight.serving.http.executors import BoundedExecutor
from sidelight.serving.http.http_options import HttpOptions, is_loopback
from sidelight.serving.http.problems import Problem, retry

Headers = Mapping[bytes, bytes]
HOLDS: Final = 3.0  # seconds for which a key that was looked up is believed; revoking takes as long
REMEMBERED: Final = 10_000
READING: Final = ("GET", "HEAD", "OPTIONS")  # methods that change nothing
KNOWN, STRANGERS = None, "strangers"  # callers of the executor that looks keys up
WRONG: Final = 5.0  # unknown keys per second and address
# Headers that decisions are based on: twice, different parsers would choose different ones.
DECIDING: Final = frozenset(
    b"host authorization content-length content-type content-encoding transfer-encoding "
    b"sec-fetch-site origin".split()
)


def deciding_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers that decisions are based on, by lower-case name.

    Raises:
        Problem: 400, one occurs twice.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in DECIDING:
            if name in found:
                raise Problem(400, f"expected the header {name.decode()} once; found it twice")
            found[name] = value
    return found


class KeyRing:
    """Cache of API keys by secret, each looked up at most every few seconds. Secrets are kept as hashes only.

    Args:
        check: Function that looks a secret up, called in a thread.
        executor: Executor of the look-ups.
        clock: Monotonic clock in seconds.
        required: Function that tells whether keys are required by now, called in a thread.
    """

    def __init__(
        self,
        check: Callable[[str], Key | None],
        executor: BoundedExecutor,
        clock: Callable[[], float] = time.monotonic,
        required: Callable[[], bool] = lambda: True,
    ) -> None:
        self._check, self._executor, self._clock, self._required = check, executor, clock, required
        self._known: OrderedDict[bytes, tuple[Key | None, float]] = OrderedDict()
        self._pending: dict[bytes, asyncio.Future[Key | None]] = {}

    async def required(self) -> bool:
        """Check for a key in the database; not cached, so that the first one counts at once."""
        return await self._executor.run(self._required, time.monotonic() + HOLDS)

    async def find(self, secret: str) -> Key | None:
        """Return the key with this secret, None where there is none that works."""
        digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
        found = self._known.get(digest)
        if found is not None and found[1] > self._clock():
            return found[0]
        pending = self._pending.get(digest)
        if pending is None:
            known = found is not None and found[0] is not None  # unknown secrets do not delay it
            pending = asyncio.ensure_future(self._look_up(digest, secret, KNOWN if known else STRANGERS))
            self._pending[digest] = pending
            pending.add_done_callback(lambda _: self._pending.pop(digest, None))
        return await asyncio.shield(pending)

    async def _look_up(self, digest: bytes, secret: str, caller: str | None) -> Key | None:
        until = self._clock() + HOLDS  # from before the look-up: a result is never older than that
        key = await self._executor.run(lambda: self._check(secret), time.monotonic() + HOLDS, caller)
        _remember(self._known, digest, (key, until))
        return key


class RateLimiter:
    """Token buckets by name: `rate` tokens per second, at most `burst` of them.

    Args:
        rate: Tokens per second; 0 is no limit.
        burst: Most tokens in a bucket.
        clock: Monotonic clock in seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, max(burst, 1.0), clock
        self._left: OrderedDict[object, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: object) -> float:
        """Take tokens, if the bucket has one.

        A request that turns out to be worth more than one makes a debt, so that its cost need not be known
        before it is read.

        Returns:
            0, or seconds until the next token.
        """
        if not self._rate:
            return 0.0
        with self._lock:
            left = self._refill(name)
            if left < 1:
                return (1 - left) / self._rate
            self._set(name, left - 1)
            return 0.0

    def charge(self, name: object, tokens: float) -> None:
        """Take tokens, into debt where the bucket has too few."""
        if self._rate and tokens > 0:
            with self._lock:
                self._set(name, self._refill(name) - tokens)

    def _refill(self, name: object) -> float:
        """Return the tokens of a bucket by now."""
        now = self._clock()
        left, at = self._left.get(name, (self._burst, now))
        return min(self._burst, left + (now - at) * self._rate)

    def _set(self, name: object, left: float) -> None:
        _remember(self._left, name, (left, self._clock()))


class AccessControl:
    """Admission of requests.

    Args:
        options: Options with `require_keys` decided: None is open until there is a key.
        ring: Cache of the keys.
    """

    def __init__(self, options: HttpOptions, ring: KeyRing) -> None:
        self._needed, self._opened = options.require_keys is True, options.require_keys is False
        self.ring = ring
        self._hosts = {b"localhost", options.host.lower().strip("[]").encode()}
        self._rate = RateLimiter(options.rate, options.burst)
        self._wrong = RateLimiter(WRONG, 2 * WRONG)

    def check_host(self, headers: Headers) -> None:
        """Refuse host names of other machines, where nothing else protects the service.

        A page of another site can point a name of its own at this machine (DNS rebinding); the browser then
        treats the service as part of that site.

        Raises:
            Problem: 421.
        """
        if self._needed:
            return
        name = headers.get(b"host", b"").lower()
        name = name[1:].partition(b"]")[0] if name.startswith(b"[") else name.partition(b":")[0]
        if name not in self._hosts and not is_loopback(name.decode("latin-1")):
            raise Problem(421, "expected the name of this machine in the header Host; found another")

    def check_origin(self, method: str, headers: Headers) -> None:
        """Refuse requests that change data and were caused by a page of another origin.

        Raises:
            Problem: 403.
        """
        given = headers.get(b"origin")
        if given is not None and method not in READING and not _same_origin(given, headers.get(b"host", b"")):
            raise Problem(403, "pages of other sites may not use this service", "cross-site")

    async def authorise(self, headers: Headers, scope: str, address: str) -> Key | None:
        """Return the key of the caller, None where none is needed.

        Args:
            headers: Headers as `deciding_headers` returns them.
            scope: Scope that the key needs; "" is open.
            address: Address of the client, only to slow down guessing.

        Raises:
            Problem: 401, 403 or 429.
        """
        if headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site"):
            raise Problem(403, "pages of other sites may not use this service", "cross-site")
        if not scope:
            return None
        if not self._needed and not self._opened:
            self._needed = await self.ring.required()  # once closed, it stays so
        key = await self._key(headers, address) if self._needed else None
        if key is None:  # open, and to this machine alone: no fairness needed
            return None
        wait = self._rate.take(key.id)
        if wait:
            raise Problem(429, "this key asks too often; wait and ask again", headers=retry(wait))
        require_scope(key, scope)
        return key

    def charge(self, key: Key | None, more: float) -> None:
        """Charge more tokens for a request that was admitted as one."""
        if key is not None:
            self._rate.charge(key.id, more)

    async def _key(self, headers: Headers, address: str) -> Key:
        kind, _, secret = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if kind.lower() != "bearer" or not secret:
            fix = "send the header Authorization: Bearer KEY; sidelight keys new makes one"
            raise Problem(401, f"expected a key; found none; {fix}", headers={"WWW-Authenticate": "Bearer"})
        key = await self.ring.find(secret.strip())
        if key is None:
            wait = self._wrong.take(address)
            if wait:
                raise Problem(429, "too many unknown keys from this address", headers=retry(wait))
            say = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise Problem(401, "this key is not known here; it may be mistyped or revoked", headers=say)
        return key


def _remember(cache: OrderedDict[Any, Any], name: object, value: object) -> None:
    """Store a value, and drop the oldest ones beyond a bound."""
    cache[name] = value
    cache.move_to_end(name)
    while len(cache) > REMEMBERED:
        cache.popitem(last=False)


def require_scope(key: Key | None, scope: str, what: str = "this") -> None:
    """Refuse a key without a scope; without keys everything is open.

    Raises:
        Problem: 403.
    """
    if key is not None and scope not in key.scopes:
        say = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
        raise Problem(403, f"{what} needs a key with the scope {scope}", headers=say)


def _same_origin(origin: bytes, host: bytes) -> bool:
    """Check that an origin is the requested host; a default port may be left out."""
    scheme, _, place = origin.lower().partition(b"://")
    usual = {b"http": b":80", b"https": b":443"}.get(scheme)
    return usual is not None and place.removesuffix(usual) == host.lower().removesuffix(usual) != b""
