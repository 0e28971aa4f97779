"""Signing in with a key, and out."""

from __future__ import annotations

import re

import pytest
from serving.explorer.service import Service
from serving.explorer.visitor import READING, Visitor

from sidelight.serving.explorer.page_request import SESSION


def test_a_key_opens_the_pages_and_never_stands_anywhere(guest: Visitor, locked: Service) -> None:
    secret = locked.database.add_key("the editors", READING)
    found = guest.sign_in(secret)
    assert found.status_code == 303 and found.headers["location"] == "/"
    cookie = found.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION}=") and "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert secret not in cookie and "Secure" not in cookie
    page = guest.http.get("/")
    assert page.status_code == 200 and "the editors" in page.text and secret not in page.text
    assert guest.post("/", user="reader-07").is_redirect


def test_a_wrong_key_is_told_so_in_words(guest: Visitor, locked: Service) -> None:
    for secret in ("", "sl_" + "x" * 43, "x" * 10_000):
        found = guest.sign_in(secret)
        assert found.status_code == 403 and "not known here" in found.text
        assert SESSION not in found.headers.get("set-cookie", "")
    events_only = locked.database.add_key("the till", frozenset({"events"}))
    assert "may not read" in guest.sign_in(events_only).text


def test_signing_out_ends_the_session_for_everybody_who_has_the_cookie(
    guest: Visitor, locked: Service
) -> None:
    guest.sign_in(locked.database.add_key("somebody", READING))
    cookie = guest.http.cookies[SESSION]
    left = guest.post("/signout")
    assert left.headers["location"] == "/signin" and SESSION not in guest.http.cookies
    with Visitor(locked, cookies={SESSION: cookie}) as again:
        assert again.http.get("/").status_code == 303


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil", "/nothing", "x"])
def test_signing_in_leads_to_our_own_pages_only(guest: Visitor, locked: Service, target: str) -> None:
    secret = locked.database.add_key("a traveller", READING)
    token = guest.token("/signin")
    found = guest.http.post("/signin", data={"token": token, "key": secret, "next": target})
    assert found.headers["location"] == "/"


def test_signing_in_leads_back_to_the_page_that_was_wanted(guest: Visitor, locked: Service) -> None:
    wanted = guest.http.get("/rules").headers["location"]
    assert wanted == "/signin?next=%2Frules"
    [target] = re.findall(r'name="next" value="([^"]+)"', guest.http.get(wanted).text)
    found = guest.post("/signin", "/signin", next=target, key=locked.database.add_key("back", READING))
    assert found.headers["location"] == "/rules"
