"""What may be sent: bodies and queries, strict, bounded, nothing extra. OpenAPI is made from these."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from sidelight.data.schema import ID_LENGTH
from sidelight.serving.http.field_types import (
    ID_PATTERN,
    TEXT_PATTERN,
    Id,
    K,
    Name,
    Number,
    Share,
    Value,
    Whole,
    moment,
    plausible,
)
from sidelight.serving.http.http_options import (
    MOST_BATCH,
    MOST_EVENTS,
    MOST_HISTORY,
    MOST_IDS,
    MOST_ROWS,
    MOST_WAIT,
)

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, regex_engine="rust-regex")


class Sent(BaseModel):
    """Base of request bodies: no extra fields, no value of another type."""

    model_config = STRICT


class Where(Sent):
    """Which items a rule is about: one value in one column, or a list of ids."""

    column: Name | None = None
    value: Annotated[str, Field(max_length=500, pattern=TEXT_PATTERN)] | Whole | Number | None = None
    items: Annotated[list[Id], Field(max_length=1000)] = []
    strength: Annotated[
        float,
        Field(ge=0, le=10, description="In standard deviations of the scores; not allowed in `block`."),
    ] = 1.0


class Pin(Sent):
    """One item at one place, whatever its score."""

    item: Id
    place: Annotated[int, Field(ge=1, le=200)]


Conditions = Annotated[list[Where], Field(max_length=50)]


class Rules(Sent):
    """Business rules over the list; the answer says what they cost."""

    boost: Annotated[Conditions, Field(description="Items that rise.")] = []
    bury: Annotated[Conditions, Field(description="Items that fall.")] = []
    block: Annotated[Conditions, Field(description="Items that are never shown; beats a pin.")] = []
    pin: Annotated[list[Pin], Field(max_length=50, description="Items at given places.")] = []
    diversity: Annotated[Share, Field(description="Weight of being unlike what stands above.")] = 0.0
    freshness: Annotated[Share, Field(description="Weight of a young age.")] = 0.0
    half_life_days: Annotated[float, Field(ge=0.01, le=36_500)] = 30.0
    floor: Annotated[Share, Field(description="Least share of the slots for new items.")] = 0.0


class Person(BaseModel):
    """Somebody: a stored user, or a history that is sent along. Exactly one of the two."""

    model_config = ConfigDict(
        **STRICT,
        json_schema_extra={
            "oneOf": [
                {"required": ["user"], "properties": {"user": {"type": "string"}}},
                {"required": ["history"], "properties": {"history": {"type": "array"}}},
            ]
        },
    )

    user: Annotated[Id | None, Field(description="A user id; one that nobody knows gets popular items.")] = (
        None
    )
    history: Annotated[
        list[Id] | None,
        Field(max_length=MOST_HISTORY, description="Item ids, oldest first, for a person who is not stored."),
    ] = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Person:
        if (self.user is None) == (self.history is None):
            raise ValueError("expected a user or a history, exactly one of the two")
        return self


class Recommend(Person):
    """A request for one list."""

    context: Annotated[
        dict[Name, Annotated[str, Field(max_length=500, pattern=TEXT_PATTERN)] | bool | Whole | Number],
        Field(max_length=32, description="What is known of the moment, by column.", examples=[{"hour": 7}]),
    ] = {}
    k: K = 10
    candidates: Annotated[
        list[Id] | None,
        Field(max_length=MOST_IDS, description="Items that may be shown; null means all, [] none."),
    ] = None
    rules: Rules | None = None
    explain: Annotated[bool, Field(description="Say for each item why it is there.")] = False
    explore: Annotated[bool, Field(description="Exploration, where it is on, may take slots.")] = True
    filter_seen: Annotated[bool, Field(description="Leave out what is in the history.")] = True


class Batch(Sent):
    """Several lists at once: one product with the model for all of them."""

    requests: Annotated[list[Recommend], Field(min_length=1, max_length=MOST_BATCH)]


class Similar(Sent):
    """A request for items like one."""

    item: Id
    k: K = 10


class Explain(Person):
    """A question why one item would be recommended to somebody."""

    item: Id
    k: Annotated[int, Field(ge=1, le=50, description="How many history items and words to name.")] = 3


Row = Annotated[
    dict[Name, Value],
    Field(
        max_length=256,
        description="Item columns of the training data; images as base64.",
        examples=[{"title": "folding spade", "brand": "Fernhill", "tags": ["outdoor"], "price": 19.5}],
    ),
]


class Audience(Sent):
    """A question who would get an item: one of the catalogue, or one that is only described."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["item"], "properties": {"item": {"type": "string"}}},
                {"required": ["row"], "properties": {"row": {"type": "object"}}},
            ]
        }
    )

    item: Id | None = None
    row: Row | None = None
    k: K = 10

    @model_validator(mode="after")
    def _one_of_two(self) -> Audience:
        if (self.item is None) == (self.row is None):
            raise ValueError("expected an item or a row, exactly one of the two")
        return self


class GetItems(Sent):
    """Ids of items to show."""

    items: Annotated[list[Id], Field(min_length=1, max_length=100)]


def _named(row: dict[str, Any]) -> dict[str, Any]:
    item = row.get("item_id")
    if not isinstance(item, str) or not 0 < len(item) <= ID_LENGTH or not _PLAIN_ID.match(item):
        raise ValueError(f"expected a row with an item_id: text of 1 to {ID_LENGTH} plain characters")
    return row


_PLAIN_ID: Final = re.compile(ID_PATTERN[:-1] + r"\Z")


class PutItems(Sent):
    """New items, or new rows for items that are there."""

    items: Annotated[
        list[Annotated[Row, AfterValidator(_named), Field(json_schema_extra={
            "required": ["item_id"],
            "properties": {
                "item_id": {"type": "string", "minLength": 1, "maxLength": ID_LENGTH, "pattern": ID_PATTERN}
            },
        })]],
        Field(
            min_length=1,
            max_length=MOST_ROWS,
            examples=[[{"item_id": "i81", "title": "folding spade", "brand": "Fernhill"}]],
        ),
    ]  # fmt: skip


class Waiting(Sent):
    """How long to wait."""

    wait: Annotated[
        float,
        Field(ge=0, le=MOST_WAIT, description="Seconds to wait until the items can be recommended."),
    ] = 0.0


class Event(Sent):
    """Something that a person did with an item."""

    user: Id
    item: Id
    kind: Annotated[
        Literal["view", "click", "purchase", "dismissal"],
        Field(description="A dismissal speaks against the item, the others for it."),
    ]
    at: Annotated[
        datetime | None,
        BeforeValidator(moment),
        AfterValidator(lambda at: None if at is None else plausible(at)),
        Field(description="When, ISO 8601 with a time zone; null: now.", examples=["2026-03-01T09:30:00Z"]),
    ] = None
    event_id: Annotated[
        Id | None, Field(description="Names the event: sent again, it is not stored again.")
    ] = None


class Events(Sent):
    """Events, stored all or none."""

    events: Annotated[list[Event], Field(min_length=1, max_length=MOST_EVENTS)]


class Consent(Sent):
    """What somebody said about the use of what they do."""

    user: Id
    given: Annotated[bool, Field(description="False: nothing is used or stored any more.")]


class Retire(Sent):
    """Items that no list may hold any more, or may hold again."""

    items: Annotated[list[Id], Field(min_length=1, max_length=MOST_ROWS)]
    retired: Annotated[bool, Field(description="False: they may stand in lists again.")] = True


class Forget(Sent):
    """Somebody to be forgotten."""

    user: Id


class Promote(Sent):
    """A version to serve."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", examples=["20260131T090000Z"])]


class Search(Sent):
    """A search in the catalogue."""

    q: Annotated[
        str,
        Field(max_length=200, pattern=TEXT_PATTERN, description="Words of the title, or how an id begins."),
    ] = ""
    k: Annotated[int, Field(ge=1, le=100, description="How many at most.")] = 20
