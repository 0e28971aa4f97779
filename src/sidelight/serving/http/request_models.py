"""Bodies and queries of requests: strict, bounded, without unknown fields. OpenAPI is generated from them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sidelight.data.schema import ID_LENGTH
from sidelight.serving.domain import Kind
from sidelight.serving.http.field_types import (
    ID_PATTERN,
    TEXT_PATTERN,
    Id,
    K,
    Name,
    Number,
    Share,
    ShortText,
    Value,
    Whole,
    check_time,
    option_limits,
    parse_time,
)
from sidelight.serving.http.http_options import (
    MOST_BATCH,
    MOST_EVENTS,
    MOST_HISTORY,
    MOST_IDS,
    MOST_ROWS,
    MOST_WAIT,
)
from sidelight.serving.rerank.rules import CONDITIONS, IDS, ItemCondition, Pin, Rules

STRICT: Final = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, regex_engine="rust-regex")


class Body(BaseModel):
    """Base of request bodies: no unknown fields, no coercion of types."""

    model_config = STRICT


def _one_of(**types: str) -> ConfigDict:
    """Return the configuration of a body with exactly one of some fields.

    Args:
        **types: JSON type of each field, by name.
    """
    options = [{"required": [name], "properties": {name: {"type": kind}}} for name, kind in types.items()]
    return ConfigDict(**STRICT, json_schema_extra={"oneOf": options})  # type: ignore[dict-item]


class ConditionBody(Body):
    """Condition on items: one value in one column, or a list of ids."""

    column: Name | None = None
    value: ShortText | Whole | Number | None = None
    items: Annotated[list[Id], Field(max_length=IDS)] = []
    strength: Annotated[
        float,
        option_limits(ItemCondition, "strength"),
        Field(description="In standard deviations of the scores; not allowed in `block`."),
    ] = 1.0


class PinBody(Body):
    """One item at one place, whatever its score."""

    item: Id
    place: Annotated[int, option_limits(Pin, "place")]


Conditions = Annotated[list[ConditionBody], Field(max_length=CONDITIONS)]


class RulesBody(Body):
    """Business rules over the list; the response has their cost."""

    boost: Annotated[Conditions, Field(description="Items that rise.")] = []
    bury: Annotated[Conditions, Field(description="Items that fall.")] = []
    block: Annotated[Conditions, Field(description="Items that are never shown; beats a pin.")] = []
    pin: Annotated[list[PinBody], Field(max_length=CONDITIONS, description="Items at given places.")] = []
    diversity: Annotated[Share, Field(description="Weight of dissimilarity to the items above.")] = 0.0
    freshness: Annotated[Share, Field(description="Weight of a young age.")] = 0.0
    half_life_days: Annotated[float, option_limits(Rules, "half_life_days")] = 30.0
    floor: Annotated[Share, Field(description="Least share of the places for new items.")] = 0.0


class UserOrHistory(BaseModel):
    """Target of a list: a stored user, or a history that is sent along. Exactly one of the two."""

    model_config = _one_of(user="string", history="array")

    user: Annotated[Id | None, Field(description="A user id; an unknown one gets popular items.")] = None
    history: Annotated[
        list[Id] | None,
        Field(max_length=MOST_HISTORY, description="Item ids, oldest first, for a user who is not stored."),
    ] = None

    @model_validator(mode="after")
    def _check_one(self) -> UserOrHistory:
        if (self.user is None) == (self.history is None):
            raise ValueError("expected a user or a history, exactly one of the two")
        return self


class RecommendBody(UserOrHistory):
    """Request for one list."""

    context: Annotated[
        dict[Name, ShortText | bool | Whole | Number],
        Field(max_length=32, description="Context of the request, by column.", examples=[{"hour": 7}]),
    ] = {}
    k: K = 10
    candidates: Annotated[
        list[Id] | None,
        Field(max_length=MOST_IDS, description="Items that may be shown; null means all, [] none."),
    ] = None
    rules: RulesBody | None = None
    explain: Annotated[bool, Field(description="Explain the score of each item.")] = False
    explore: Annotated[bool, Field(description="Exploration, where it is on, may take places.")] = True
    filter_seen: Annotated[bool, Field(description="Leave out the items of the history.")] = True


class BatchBody(Body):
    """Several lists at once, scored together."""

    requests: Annotated[list[RecommendBody], Field(min_length=1, max_length=MOST_BATCH)]


class SimilarBody(Body):
    """Request for items similar to one."""

    item: Id
    k: K = 10


class ExplainBody(UserOrHistory):
    """Request for an explanation of the score of one item."""

    item: Id
    k: Annotated[int, Field(ge=1, le=50, description="Number of history items and terms to name.")] = 3


Row = Annotated[
    dict[Name, Value],
    Field(
        max_length=256,
        description="Item columns of the training data; images as base64.",
        examples=[{"title": "folding spade", "brand": "Fernhill", "tags": ["outdoor"], "price": 19.5}],
    ),
]


class AudienceBody(Body):
    """Request for the audience of an item: one of the catalogue, or one that is only described."""

    model_config = _one_of(item="string", row="object")

    item: Id | None = None
    row: Row | None = None
    k: K = 10

    @model_validator(mode="after")
    def _check_one(self) -> AudienceBody:
        if (self.item is None) == (self.row is None):
            raise ValueError("expected an item or a row, exactly one of the two")
        return self


class GetItemsBody(Body):
    """Ids of items to show."""

    items: Annotated[list[Id], Field(min_length=1, max_length=100)]


_ITEM_ID: Final = re.compile(ID_PATTERN[:-1] + r"\Z")


def _with_id(row: dict[str, Any]) -> dict[str, Any]:
    item = row.get("item_id")
    if not isinstance(item, str) or not 0 < len(item) <= ID_LENGTH or not _ITEM_ID.match(item):
        raise ValueError(f"expected a row with an item_id: text of 1 to {ID_LENGTH} plain characters")
    return row


class PutItemsBody(Body):
    """New items, or new rows of existing items."""

    items: Annotated[
        list[Annotated[Row, AfterValidator(_with_id), Field(json_schema_extra={
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


class WaitQuery(Body):
    """Time to wait for the placing of items."""

    wait: Annotated[
        float,
        Field(ge=0, le=MOST_WAIT, description="Seconds to wait until the items can be recommended."),
    ] = 0.0


class EventBody(Body):
    """Event of a user with an item."""

    user: Id
    item: Id
    kind: Annotated[Kind, Field(description="A dismissal speaks against the item, the others for it.")]
    at: Annotated[
        datetime | None,
        BeforeValidator(parse_time),
        AfterValidator(lambda at: None if at is None else check_time(at)),
        Field(description="Time, ISO 8601 with a time zone; null: now.", examples=["2026-03-01T09:30:00Z"]),
    ] = None
    event_id: Annotated[
        Id | None, Field(description="Names the event: sent again, it is not stored again.")
    ] = None


class EventsBody(Body):
    """Events, stored all or none."""

    events: Annotated[list[EventBody], Field(min_length=1, max_length=MOST_EVENTS)]


class ConsentBody(Body):
    """Consent of a user to the use of their events."""

    user: Id
    given: Annotated[bool, Field(description="False: nothing is used or stored any more.")]


class RetireBody(Body):
    """Items to retire from all lists, or to restore."""

    items: Annotated[list[Id], Field(min_length=1, max_length=MOST_ROWS)]
    retired: Annotated[bool, Field(description="False: lists may hold them again.")] = True


class ForgetBody(Body):
    """User to delete."""

    user: Id


class PromoteBody(Body):
    """Version to serve."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", examples=["20260131T090000Z"])]


class SearchQuery(Body):
    """Search in the catalogue."""

    q: Annotated[
        str,
        Field(max_length=200, pattern=TEXT_PATTERN, description="Words of the title, or a prefix of the id."),
    ] = ""
    k: Annotated[int, Field(ge=1, le=100, description="Most items to return.")] = 20
