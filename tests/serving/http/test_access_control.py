"""Access control: keys, scopes, hosts, origins and rates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from http_service import Service
from serving.http.cases import KEYS

from sidelight.serving.domain import DatabaseError, Key
from sidelight.serving.http.access_control import HOLDS, KeyRing, RateLimiter
from sidelight.serving.http.executors import BoundedExecutor
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.openapi import ENTRIES

BODIES = {
    "promote": {"name": "v1"},
    "explain": {"item": "i01", "history": ["i02"]},
    "audience": {"item": "i01"},
}


BODIES["put_items"] = {"items": [{"item_id": "i81", "title": "folding spade"}]}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_the_matrix_of_scopes(keyed: Service, entry: Any) -> None:
    keyed.engine.version = "v2"  # so that there is something to go back to
    for name in KEYS:
        given = keyed.send(entry.method, entry.path, BODIES.get(entry.name, entry.sends), key=name)
        if entry.scope in ("", name) or name == "all":
            assert given.status_code == 200, (name, given.text)
        else:
            assert given.status_code == 403, (name, given.text)
            assert f'scope="{entry.scope}"' in given.headers["www-authenticate"]
        keyed.engine.version = "v2"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_without_a_key_only_health_answers(keyed: Service, entry: Any) -> None:
    given = keyed.send(entry.method, entry.path, entry.sends)
    assert given.status_code == (401 if entry.scope else 200)
    if entry.scope:
        assert given.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "sl_abc",
        "Bearer sl_" + "a" * 43,
        "Bearer sl_" + "a" * 10_000,
        "Bearer é",
    ],
    ids=range(8),
)
def test_keys_that_are_none(keyed: Service, value: str) -> None:
    given = keyed.send("GET", "/v1/status", headers={"Authorization": value.encode("latin-1")})
    assert given.status_code in (401, 429)


def test_the_scheme_may_be_written_small(keyed: Service) -> None:
    headers = {"Authorization": f"bearer {keyed.secrets['read']}"}
    assert keyed.send("GET", "/v1/status", headers=headers).status_code == 200


def test_a_header_that_decides_stands_once(keyed: Service) -> None:
    good, bad = f"Bearer {keyed.secrets['all']}", f"Bearer {keyed.secrets['events']}"
    given = keyed.client.get("/v1/status", headers=[("authorization", good), ("authorization", bad)])
    assert given.status_code == 400


def known(service: Service) -> list[Key]:
    found: list[Key] = service.database.keys()
    return found


def test_a_revoked_key_stops_within_five_seconds(keyed: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert HOLDS < 5
    secret = keyed.database.add_key("short", ["read"])
    assert keyed.send("GET", "/v1/status", key=secret).status_code == 200
    [number] = [each.id for each in known(keyed) if each.name == "short"]
    assert keyed.database.revoke_key(number)
    late = time.monotonic() + HOLDS + 0.01
    monkeypatch.setattr(keyed.ring(), "_clock", lambda: late)
    assert keyed.send("GET", "/v1/status", key=secret).status_code == 401


def test_guessing_is_slowed_down(make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch) -> None:
    service = make(keys=KEYS)
    monkeypatch.setattr(
        service.app.state.access._wrong, "_clock", lambda: 0.0
    )  # no token comes back meanwhile
    found = [service.send("GET", "/v1/status", key=f"sl_{n:043d}").status_code for n in range(30)]
    assert found[0] == 401 and found[-1] == 429
    assert service.send("GET", "/v1/status", key="read").status_code == 200  # a good key is not held up


def test_a_key_is_looked_up_once_for_many_requests() -> None:
    looked: list[str] = []
    now = [0.0]
    key = Key(1, "a", frozenset({"read"}), datetime.now(UTC))

    def check(secret: str) -> Key | None:
        looked.append(secret)
        time.sleep(0.02)
        return key if secret == "good" else None

    async def main() -> None:
        gate = BoundedExecutor("test", 2, 10)
        ring = KeyRing(check, gate, lambda: now[0])
        assert await asyncio.gather(*(ring.find("good") for _ in range(20))) == [key] * 20
        assert await ring.find("bad") is None and await ring.find("bad") is None
        assert looked == ["good", "bad"]
        now[0] = HOLDS + 0.01
        await ring.find("good")
        assert looked == ["good", "bad", "good"]
        gate.close()

    asyncio.run(main())


def test_without_a_database_nobody_gets_in(
    make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make(keys=KEYS)

    def broken(secret: str) -> None:
        raise DatabaseError("expected a working database; found it is locked", retry=True)

    monkeypatch.setattr(service.ring(), "_check", broken)
    given = service.send("GET", "/v1/status", key="read")
    assert (given.status_code, given.headers["retry-after"]) == (503, "1")


def test_a_bucket() -> None:
    now = [100.0]
    bucket = RateLimiter(rate=2.0, burst=3, clock=lambda: now[0])
    assert [bucket.take("a") for _ in range(3)] == [0.0] * 3
    assert bucket.take("a") == pytest.approx(0.5)
    assert bucket.take("b") == 0.0  # everybody has their own
    now[0] += 0.5
    assert bucket.take("a") == 0.0
    bucket.charge("a", 4)  # a batch: into debt
    assert bucket.take("a") == pytest.approx(2.5)
    now[0] += 1000
    assert [bucket.take("a") for _ in range(4)][-1] > 0  # never more than the burst
    assert all(RateLimiter(0, 1).take("a") == 0.0 for _ in range(100))


def test_each_key_has_its_rate(make: Callable[..., Service]) -> None:
    service = make(HttpOptions(rate=0.5, burst=3, explorer=False), keys=KEYS)
    found = [service.send("GET", "/v1/status", key="read") for _ in range(5)]
    assert [r.status_code for r in found] == [200, 200, 200, 429, 429]
    assert 1 <= int(found[-1].headers["retry-after"]) <= 3
    assert service.send("GET", "/v1/status", key="all").status_code == 200
    assert service.send("GET", "/healthz").status_code == 200


def test_without_keys_there_is_nobody_to_be_fair_to(make: Callable[..., Service]) -> None:
    service = make(HttpOptions(rate=0.5, burst=1, explorer=False))
    assert {service.send("GET", "/v1/status").status_code for _ in range(5)} == {200}


def test_a_batch_counts_as_its_requests(make: Callable[..., Service]) -> None:
    service = make(HttpOptions(rate=0.5, burst=5, explorer=False), keys=KEYS)
    batch = {"requests": [{"user": "u"}] * 20}
    assert service.send("POST", "/v1/recommend/batch", batch, key="read").status_code == 200
    given = service.send("POST", "/v1/recommend", {"user": "u"}, key="read")
    assert given.status_code == 429
    assert int(given.headers["retry-after"]) > 20


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "127.9.9.9", "[::1]:8000", "[::1]"]
)
def test_names_of_this_machine(service: Service, host: str) -> None:
    assert service.send("GET", "/v1/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "10.0.0.1", "[::2]:80", "é"],
)
def test_names_of_others_are_refused_when_open(service: Service, keyed: Service, host: str) -> None:
    headers = {"Host": host.encode("latin-1")}
    assert service.send("GET", "/v1/status", headers=headers).status_code == 421
    assert service.send("GET", "/healthz", headers=headers).status_code == 421
    # With keys there is nothing to win by it: a page of another site does not have the key.
    assert keyed.send("GET", "/v1/status", headers=headers, key="read").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_are_refused(service: Service, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    assert service.send("GET", "/v1/status", headers=headers).status_code == 403
    assert service.send("POST", "/v1/forget", {"user": "u"}, headers=headers).status_code == 403
    assert service.send("GET", "/v1/status", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_the_first_key_closes_an_open_service_and_the_last_one_opens_nothing(
    make: Callable[..., Service],
) -> None:
    service = make()
    assert service.send("POST", "/v1/forget", {"user": "u"}).status_code == 200
    secret = service.database.add_key("the first", ["read"])
    assert service.send("POST", "/v1/forget", {"user": "u"}).status_code == 401
    assert service.send("GET", "/v1/status", key=secret).status_code == 200
    service.database.revoke_key(1)
    assert service.send("GET", "/v1/status").status_code == 401


def test_while_nobody_can_say_whether_keys_are_required_nobody_gets_in(
    make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make()

    def broken() -> bool:
        raise DatabaseError("expected a working database; found it is locked", retry=True)

    monkeypatch.setattr(service.ring(), "_required", broken)
    assert service.send("GET", "/v1/status").status_code == 503
    assert service.send("GET", "/healthz").status_code == 200


CHANGES = [
    ("POST", "/v1/forget", {"user": "u"}),
    ("PUT", "/v1/consent", {"user": "u", "given": False}),
    ("PUT", "/v1/items", {"items": [{"item_id": "i1"}]}),
    ("POST", "/v1/versions/rollback", None),
    ("POST", "/signin", None),
    ("DELETE", "/v1/items", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9", "127.0.0.1:8000", ""]
)
def test_pages_of_other_origins_change_nothing(
    service: Service, keyed: Service, origin: str, method: str, path: str, body: Any
) -> None:
    for made, key in ((service, None), (keyed, "all")):
        given = made.send(method, path, body, key=key, headers={"Origin": origin})
        assert given.status_code == 403, origin
    assert service.send("GET", "/v1/status", headers={"Origin": origin}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("HTTP://LocalHost", "localhost:80"),
        ("https://shop.example", "shop.example:443"),
        ("https://shop.example:443", "Shop.example"),
    ],
)
def test_our_own_pages_may_change_things(keyed: Service, origin: str, host: str) -> None:
    headers = {"Origin": origin, "Host": host}
    assert keyed.send("POST", "/v1/forget", {"user": "u"}, key="all", headers=headers).status_code == 200
