"""A browser without a window: asks for pages as a browser would, and keeps cookies."""

from __future__ import annotations

import re

import httpx
from serving.explorer.service import Service

READING = frozenset({"read"})
ADMIN = frozenset({"read", "admin"})


class Visitor:
    """A browser without a window: keeps cookies, follows nothing by itself."""

    def __init__(self, service: Service, **options: object) -> None:
        self.http = httpx.Client(base_url=service.base, **options)  # type: ignore[arg-type]

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def token(self, path: str = "/") -> str:
        found = re.search(r'name="token" value="(\w+)"', self.http.get(path).text)
        assert found, f"no form at {path}"
        return found.group(1)

    def post(self, path: str, token_from: str = "/", **fields: str) -> httpx.Response:
        return self.http.post(path, data={"token": self.token(token_from), **fields})

    def sign_in(self, secret: str) -> httpx.Response:
        return self.post("/signin", "/signin", key=secret)
