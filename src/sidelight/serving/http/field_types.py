"""Types of single fields of requests: ids, names, numbers, texts, times, and the cells of an item's row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, get_args

from pydantic import Field, PlainValidator, WithJsonSchema

from sidelight.data.schema import ID_LENGTH
from sidelight.option_types import hints
from sidelight.option_values import Range
from sidelight.serving.http.http_options import MOST_K

# Controls, line separators, direction marks and embeddings, the byte order mark: they make two ids look
# like one, or reverse the text around an id.
HIDDEN: Final = "\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff"
ID_PATTERN: Final = f"^[^{HIDDEN}]+$"
TEXT_PATTERN: Final = r"^[^\u0000]*$"
LONGEST_TEXT: Final = 20_000  # characters of one value of an item
LONGEST_IMAGE: Final = 8 << 20  # characters of base64
LONGEST_LIST: Final = 4096  # values in one list of an item: tags, or a vector
LARGEST: Final = float(1 << 53)
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)

Id = Annotated[
    str,
    Field(
        min_length=1,
        max_length=ID_LENGTH,
        pattern=ID_PATTERN,
        description="An outside id: text without control characters and direction marks.",
        examples=["i07"],
    ),
]
Name = Annotated[
    str, Field(min_length=1, max_length=128, pattern=ID_PATTERN, description="Name of a column.")
]
ShortText = Annotated[str, Field(max_length=500, pattern=TEXT_PATTERN)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]  # first in a union: 7 is not to become 7.0
K = Annotated[int, Field(ge=1, le=MOST_K, description="Length of the list.", examples=[10])]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def option_limits(spec: type[Any], name: str) -> Any:
    """Return the limits of an option of the engine as a field, so that they are written once."""
    [closed] = [each for each in get_args(hints(spec)[name]) if isinstance(each, Range)]
    low, high = map(float, closed.text[1:-1].split(","))
    return Field(ge=low, le=high)


def _check_cell(value: Any) -> Any:
    """Check a value of a row; one message instead of one for each type that it is not."""
    if isinstance(value, list):
        kinds = {str if isinstance(each, str) else float if _is_number(each) else None for each in value}
        if len(value) > LONGEST_LIST or len(kinds) > 1 or None in kinds:
            raise ValueError(f"expected a list of at most {LONGEST_LIST:,} texts, or of as many numbers")
        for each in value:
            if isinstance(each, str):
                _check_text(each, LONGEST_TEXT)
    elif isinstance(value, str):
        _check_text(value, LONGEST_IMAGE)
    elif value is not None and not isinstance(value, bool) and not _is_number(value):
        raise ValueError(
            "expected text, a number up to 2^53, true, false, null, or a list of texts or numbers"
        )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST


def _check_text(value: str, longest: int) -> None:
    if len(value) > longest or "\0" in value:
        raise ValueError(f"expected text of at most {longest:,} characters without a NUL")


_TEXT_SCHEMA: Final = {"type": "string", "maxLength": LONGEST_TEXT, "pattern": TEXT_PATTERN}
_NUMBER_SCHEMA: Final = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
Value = Annotated[
    Any,
    PlainValidator(_check_cell),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "null"},
                _NUMBER_SCHEMA,
                {**_TEXT_SCHEMA, "maxLength": LONGEST_IMAGE},
                {"type": "array", "maxItems": LONGEST_LIST, "items": _TEXT_SCHEMA},
                {"type": "array", "maxItems": LONGEST_LIST, "items": _NUMBER_SCHEMA},
            ]
        }
    ),
]


def parse_time(value: object) -> object:
    """Parse a text in ISO 8601; anything else is left for the model to refuse."""
    if isinstance(value, str) and len(value) <= 40:
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("expected a time in ISO 8601, e.g. 2026-03-01T09:30:00Z") from None
    return value


def check_time(at: datetime) -> datetime:
    """Check that a time can be that of an event."""
    if at.tzinfo is None:
        raise ValueError("expected a time with a time zone, e.g. 2026-03-01T09:30:00Z")
    if not EARLIEST <= at <= datetime.now(UTC) + timedelta(days=1):
        raise ValueError("expected a time from 1970 to now")
    return at
