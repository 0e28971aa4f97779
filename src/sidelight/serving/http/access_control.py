"""Who may ask what, and how often: keys, scopes, hosts, sites, rates."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from sidelight.serving.domain import Key
from sidelight.serving.http.executors import BoundedExecutor
from sidelight.serving.http.http_options import HttpOptions, is_loopback
from sidelight.serving.http.problems import Problem, retry

Headers = Mapping[bytes, bytes]
HOLDS: Final = 3.0  # seconds for which a key that was looked up is believed; revoking takes as long
REMEMBERED: Final = 10_000
READING: Final = ("GET", "HEAD", "OPTIONS")  # methods that change nothing
KNOWN, STRANGERS = None, "strangers"  # callers of the look-up of keys
WRONG: Final = 5.0  # unknown keys a second that one address may try
# Headers that decide something: twice, they would be read differently by different readers.
DECISIVE: Final = frozenset(
    (
        b"host",
        b"authorization",
        b"content-length",
        b"content-type",
        b"content-encoding",
        b"transfer-encoding",
        b"sec-fetch-site",
        b"origin",
    )
)


def client_address(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that decide something, by lower-case name.

    Raises:
        Problem: 400, one is there twice.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in DECISIVE:
            if name in found:
                raise Problem(400, f"expected the header {name.decode()} once; found it twice")
            found[name] = value
    return found


class KeyRing:
    """Keys by secret, each looked up at most every few seconds. Secrets are kept as hashes only.

    Args:
        check: Looks a secret up, in a thread.
        gate: Of the threads.
        clock: Seconds that only grow.
        required: Says whether keys are required by now, in a thread.
    """

    def __init__(
        self,
        check: Callable[[str], Key | None],
        gate: BoundedExecutor,
        clock: Callable[[], float] = time.monotonic,
        required: Callable[[], bool] = lambda: True,
    ) -> None:
        self._check, self._gate, self._clock, self._required = check, gate, clock, required
        self._known: OrderedDict[bytes, tuple[Key | None, float]] = OrderedDict()
        self._asked: dict[bytes, asyncio.Future[Key | None]] = {}

    async def required(self) -> bool:
        """Whether there is a key by now: asked each time, so that the first one counts at once."""
        return await self._gate.run(self._required, time.monotonic() + HOLDS)

    async def find(self, secret: str) -> Key | None:
        """The key with this secret, None where there is none that works."""
        digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
        found = self._known.get(digest)
        if found is not None and found[1] > self._clock():
            return found[0]
        asked = self._asked.get(digest)
        if asked is None:
            known = found is not None and found[0] is not None  # strangers do not stand in its way
            asked = asyncio.ensure_future(self._look(digest, secret, KNOWN if known else STRANGERS))
            self._asked[digest] = asked
            asked.add_done_callback(lambda _: self._asked.pop(digest, None))
        return await asyncio.shield(asked)

    async def _look(self, digest: bytes, secret: str, caller: str | None) -> Key | None:
        until = self._clock() + HOLDS  # from before the look: an answer is never older than that
        key = await self._gate.run(lambda: self._check(secret), time.monotonic() + HOLDS, caller)
        self._known[digest] = (key, until)
        self._known.move_to_end(digest)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return key


class RateLimiter:
    """Token buckets by name: `rate` tokens a second, at most `burst` of them.

    Args:
        rate: 0 is no limit.
        burst: Most that can be taken at once.
        clock: Seconds that only grow.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, max(burst, 1.0), clock
        self._left: OrderedDict[object, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: object, tokens: float = 1.0) -> float:
        """Take tokens, if there is one.

        A request that turns out to be worth more than one goes into debt, so that what it costs needs
        not be known before it is read.

        Returns:
            0, or seconds until there is a token.
        """
        if not self._rate:
            return 0.0
        with self._lock:
            now = self._clock()
            left, at = self._left.get(name, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._rate)
            if left < 1:
                return (1 - left) / self._rate
            self._set(name, left - tokens, now)
            return 0.0

    def charge(self, name: object, tokens: float) -> None:
        """Take tokens whether they are there or not."""
        if self._rate and tokens > 0:
            with self._lock:
                now = self._clock()
                left, at = self._left.get(name, (self._burst, now))
                self._set(name, min(self._burst, left + (now - at) * self._rate) - tokens, now)

    def _set(self, name: object, left: float, now: float) -> None:
        self._left[name] = (left, now)
        self._left.move_to_end(name)
        while len(self._left) > REMEMBERED:
            self._left.popitem(last=False)


class AccessControl:
    """Lets a request in, or says why not.

    Args:
        options: With `require_keys` decided: None is open until there is a key.
        ring: Knows the keys.
    """

    def __init__(self, options: HttpOptions, ring: KeyRing) -> None:
        self._needed, self._opened = options.require_keys is True, options.require_keys is False
        self.ring = ring
        self._hosts = {b"localhost", options.host.lower().strip("[]").encode()}
        self._rate = RateLimiter(options.rate, options.burst)
        self._wrong = RateLimiter(WRONG, 2 * WRONG)

    def host(self, headers: Headers) -> None:
        """Refuse names that are not this machine's, where nothing else protects the service.

        A page of another site can point a name of its own at this machine (DNS rebinding); the browser
        then thinks it is talking to that site.

        Raises:
            Problem: 421.
        """
        if self._needed:
            return
        name = headers.get(b"host", b"").lower()
        name = name[1:].partition(b"]")[0] if name.startswith(b"[") else name.partition(b":")[0]
        if name not in self._hosts and not is_loopback(name.decode("latin-1")):
            raise Problem(421, "expected the name of this machine in the header Host; found another")

    def origin(self, method: str, headers: Headers) -> None:
        """Refuse requests that change something and were caused by a page of another origin.

        Raises:
            Problem: 403.
        """
        given = headers.get(b"origin")
        if given is not None and method not in READING and not _same(given, headers.get(b"host", b"")):
            raise Problem(403, "pages of other sites may not use this service", "cross-site")

    async def admit(self, headers: Headers, scope: str, address: str) -> Key | None:
        """The key of the caller, None where none is needed.

        Args:
            headers: See `decisive`.
            scope: What the key must be good for; "" is open to anybody.
            address: Of the sender, only to slow down those who guess.

        Raises:
            Problem: 401, 403, 429.
        """
        if headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site"):
            raise Problem(403, "pages of other sites may not use this service", "cross-site")
        if not scope:
            return None
        if not self._needed and not self._opened:
            self._needed = await self.ring.required()  # once closed, it stays so
        key = await self._key(headers, address) if self._needed else None
        if key is None:  # open, and to this machine alone: nobody to be fair to
            return None
        wait = self._rate.take(key.id)
        if wait:
            raise Problem(429, "this key asks too often; wait and ask again", headers=retry(wait))
        need(key, scope)
        return key

    def charge(self, key: Key | None, more: float) -> None:
        """A request that was let in is worth more than one."""
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


def need(key: Key | None, scope: str, what: str = "this") -> None:
    """Refuse a key that is not good for something; without keys everything is open.

    Raises:
        Problem: 403.
    """
    if key is not None and scope not in key.scopes:
        say = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
        raise Problem(403, f"{what} needs a key with the scope {scope}", headers=say)


def _same(origin: bytes, host: bytes) -> bool:
    """Whether an origin is the host that was asked; a usual port may be left out."""
    scheme, _, place = origin.lower().partition(b"://")
    usual = {b"http": b":80", b"https": b":443"}.get(scheme)
    return usual is not None and place.removesuffix(usual) == host.lower().removesuffix(usual) != b""
