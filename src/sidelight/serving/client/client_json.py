"""JSON of the client: request bodies to bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from sidelight.errors import SpecError, complain


def encode(body: Mapping[str, Any]) -> bytes:
    """Encode a body as JSON: bytes as base64, times as ISO 8601, numpy arrays and scalars as plain values.

    Raises:
        SpecError: A value has no JSON form.
    """
    try:
        return json.dumps(body, default=_plain, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        fix = "write None for missing values"
        raise SpecError(complain("values that JSON can represent", str(error), "the request", fix)) from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date):  # also datetime
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__}")
