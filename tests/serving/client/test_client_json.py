"""Responses from JSON, requests to JSON."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest
from serving.client.cases import ANSWER, LISTED, Service, client

from sidelight.serving.client import client as client_module
from sidelight.serving.client import client_json


def test_errors_of_answers_name_the_place() -> None:
    with pytest.raises(client_module.ServiceError, match=r"nothing at RecommendResponse\.items"):
        client(Service({"version": "v", "request_id": "r"})).recommend("u1")
    with pytest.raises(client_module.ServiceError, match=r"another type at RecommendResponse\.items\.rank"):
        client(Service({**ANSWER, "items": [{**LISTED, "rank": "1"}]})).recommend("u1")


def test_newer_and_older_services_are_understood() -> None:
    bare = {"version": "v", "request_id": "r", "items": [], "of_tomorrow": {"x": 1}}
    assert client(Service(bare)).recommend("u").unknown == ()


@pytest.mark.parametrize(
    "answer",
    [
        {"version": "v", "request_id": "r"},
        {**ANSWER, "items": [{**LISTED, "score": "1"}]},
        {**ANSWER, "items": [{**LISTED, "rank": True}]},
        {**ANSWER, "items": [{**LISTED, "why": {"history": [["i1", "a rake"]]}}]},
        {**ANSWER, "items": {}},
        [],
        "fine",
        None,
    ],
)
def test_an_answer_of_another_form_is_an_error(answer: Any) -> None:
    service = Service(httpx.Response(200, json=answer))
    with pytest.raises(client_module.ServiceError, match="a response of this API") as caught:
        client(service).recommend("u1")
    assert caught.value.status == 200 and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"<html>welcome</html>", b"\xff\xfe\x00", b""])
def test_a_page_instead_of_json_is_an_error(content: bytes) -> None:
    with pytest.raises(client_module.ServiceError, match="a response of this API"):
        client(Service(httpx.Response(200, content=content))).versions()
    with pytest.raises(client_module.ServiceError, match="a response of this API"):
        client(Service({"answers": []})).versions()


def test_text_and_arrays_survive_the_way() -> None:
    sent = {"title": 'ключ "𝄞"', "vector": np.array([1.5, 2.0], dtype=np.float32), "n": np.int64(3)}
    assert json.loads(client_json.encode(sent)) == {**sent, "vector": [1.5, 2.0], "n": 3}
