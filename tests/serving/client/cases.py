"""Cases that several test files of this folder share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from sidelight.serving.client.client import Client

LISTED = {
    "item_id": "i07", "title": "folding spade", "score": 1, "rank": 1, "source": "personal", "new": True,
    "explored": False, "propensity": 0.5, "moved": -2,
    "why": {
        "item_id": "i07", "score": 1, "history": [["i01", "a rake", 0.75]], "words": [["steel", 0.3]],
        "user": 0.25,
    },
}  # fmt: skip


ANSWER = {
    "version": "monday", "request_id": "r-1", "items": [LISTED], "unknown": ["i99"], "fallback": False,
    "cost": {"total": 0.1, "by_rule": {"pin": 0.1}, "slots_new_before": 1, "slots_new_after": 2},
    "change": 7, "unplaced": [],
}  # fmt: skip


PROBLEM = {
    "type": "urn:sidelight:problem:invalid", "title": "No", "status": 422, "detail": "k is too large",
    "request_id": "r-9", "errors": [{"pointer": "/k", "detail": "at most 1000"}],
}  # fmt: skip


Answering = Callable[[httpx.Request], httpx.Response]


class Service:
    """Answers by path, and keeps what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.seen = list(answers), []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    @property
    def body(self) -> Any:
        return json.loads(self.seen[-1].content)


def client(service: Answering, **options: Any) -> Client:
    return Client("http://service.test/shop", transport=httpx.MockTransport(service), **options)


def problem(status: int, after: str | None = None, **more: Any) -> httpx.Response:
    headers = {"Content-Type": "application/problem+json"} | ({"Retry-After": after} if after else {})
    return httpx.Response(status, content=json.dumps({**PROBLEM, "status": status, **more}), headers=headers)
