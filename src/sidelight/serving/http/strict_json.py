"""Strict parsing of bodies and queries: JSON as strictly as RFC 8259 allows, then a strict model.

Python's parser accepts more than JSON, and silently takes the last of two equal keys. Another service in
front may take the first: so both are refused.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import pydantic_core
from pydantic import BaseModel, ValidationError

from sidelight.errors import did_you_mean
from sidelight.serving.http.problems import Problem, of_validation

Model = TypeVar("Model", bound=BaseModel)

DEEPEST: Final = 32  # brackets inside each other
MOST_VALUES: Final = 1_000_000  # commas and brackets of one body: each may become an object of its own
MOST_DIGITS: Final = 400  # of one number; 1e308 written out has 309
# Possessive, so that a long text leaves no trail to go back on, which would take memory.
_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class _RefusedError(ValueError):
    """JSON that Python accepts and this service refuses; the message never repeats a value."""


def parse(body: bytes) -> Any:
    """Parse a JSON text.

    Raises:
        Problem: 400 with the mistake: no UTF-8, no JSON, NaN, Infinity or a number out of range, an
            object with one key twice, half a surrogate pair, or too deep. 413: too many values.
    """
    try:
        brackets = body.count(b"[") + body.count(b"{")
        if brackets + body.count(b",") > MOST_VALUES:
            raise Problem(413, f"expected at most {MOST_VALUES:,} values; found more; send them in parts")
        if brackets > DEEPEST:
            _check_depth(body)
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_float=_float
        )
        if _SURROGATE.search(body):
            pydantic_core.from_json(body)  # a parser that looks at pairs of surrogates
    except _RefusedError as error:
        raise Problem(400, str(error)) from None
    except UnicodeDecodeError as error:
        raise Problem(400, f"expected UTF-8; found another byte at position {error.start}") from None
    except json.JSONDecodeError as error:
        raise Problem(400, f"expected JSON; {error.msg} at position {error.pos}") from None
    except RecursionError:
        raise Problem(400, f"expected at most {DEEPEST} levels of brackets; found more") from None
    except ValueError:
        found = "half a surrogate pair, or a number of thousands of digits"
        raise Problem(400, f"expected whole Unicode characters and plain numbers; found {found}") from None
    return value


def parse_body(body: bytes, model: type[Model]) -> Model:
    """Parse and validate a body.

    Raises:
        Problem: 400 as in `parse`, or 422 with the mistakes.
    """
    try:
        return model.model_validate(parse(body))
    except ValidationError as error:
        raise of_validation(error, field_names(model)) from None


def parse_query(query: bytes, model: type[Model]) -> Model:
    """Parse and validate the query of an address.

    Raises:
        Problem: 400 for a name given twice or broken text, 422 for values that do not fit.
    """
    valid = model.model_fields
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=2 * len(valid) + 2
        )
    except (UnicodeDecodeError, ValueError):
        raise Problem(400, "expected a query of name=value pairs in UTF-8, not more than fit") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise Problem(400, "expected each name once in the query; found one twice")
    for name in given:
        if name not in valid:
            hint = did_you_mean(name[:80], sorted(valid))
            raise Problem(422, f"a name in the query is not known here; {hint}")
    try:
        return model.model_validate_strings(given)
    except ValidationError as error:
        raise of_validation(error, valid) from None


@cache
def field_names(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of all fields of a model and of the models inside it."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for part in parts for name in part.get("properties", {}))


def _check_depth(body: bytes) -> None:
    depth = 0
    for token in _TOKENS.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            depth += 1
            if depth > DEEPEST:
                raise _RefusedError(f"expected at most {DEEPEST} levels of brackets; found more")
        elif first in b"]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RefusedError("expected each key once in an object; found one twice")
    return found


def _constant(name: str) -> float:
    raise _RefusedError(f"expected a finite number; found {name}, which is not JSON")


def _float(text: str) -> float:
    value = float(text) if len(text) <= MOST_DIGITS else math.inf
    if not math.isfinite(value):
        raise _RefusedError("expected numbers that a 64-bit float can hold; found a larger one")
    return value
