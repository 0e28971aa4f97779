"""What comes back, as OpenAPI describes it. Answers are written from the engine's own dataclasses.

These models are for the description and for tests, which hold every answer against them; the way of a
request does not pass through them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Id = Annotated[str, Field(description="Outside id.", examples=["i07"])]


class Given(BaseModel):
    """What all answers share."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"additionalProperties": True})


Carried = Annotated[
    tuple[str, str, float],
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 3,
            "maxItems": 3,
            "items": {"anyOf": [{"type": "string"}, {"type": "number"}]},
            "description": "Id, title and signed share of the score.",
        }
    ),
]


Word = Annotated[
    tuple[str, float],
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {"anyOf": [{"type": "string"}, {"type": "number"}]},
            "description": "Word and share of the score.",
        }
    ),
]


class Explanation(Given):
    """Shares of the absolute value of a score: they sum to 1, to -1 for a score below 0."""

    item_id: Id
    score: float
    popularity: Annotated[float, Field(description="Share of what is the same for everybody.")]
    user: Annotated[float, Field(description="Share of the attributes of the user.")]
    context: Annotated[float, Field(description="Share of the context of the request.")]
    history: Annotated[
        list[Carried],
        Field(description="History items: the fall of the score when each is taken out, largest first."),
    ]
    rest: Annotated[float, Field(description="Share of the rest of the history.")]
    words: Annotated[
        list[Word],
        Field(description="Content that carried the history's part, from 1 % on; not part of the sum."),
    ]


class Listed(Given):
    """One item of a list."""

    item_id: Id
    title: str
    score: Annotated[float, Field(description="Of the model, before rules; 0 where it says nothing.")]
    rank: Annotated[int, Field(ge=1, description="Place, 1 is the top.")]
    source: Annotated[
        str,
        Field(description='"personal", "popular", "popular:REASON" or "similar".', examples=["personal"]),
    ]
    new: Annotated[bool, Field(description="Nobody had touched it when the model was trained.")]
    explored: Annotated[bool, Field(description="Exploration put it there.")]
    propensity: Annotated[float, Field(gt=0, le=1, description="Probability that it stood in this list.")]
    why: Annotated[Explanation | None, Field(description="Where it was asked for.")]
    moved: Annotated[int, Field(description="Places that rules moved it up; down is negative.")]


class RuleCost(Given):
    """What the rules cost, as shares of the discounted relevance of the list without them."""

    total: float
    by_rule: Annotated[dict[str, float], Field(description="Each rule alone.")]
    slots_new_before: Annotated[int, Field(description="Slots of new items without the rules.")]
    slots_new_after: int


class Answer(Given):
    """One list."""

    version: Annotated[str, Field(description="Of the model that answered, alone.")]
    request_id: Annotated[str, Field(description="Names this list; exposures carry it.")]
    items: Annotated[list[Listed], Field(description="Best first.")]
    cost: Annotated[RuleCost | None, Field(description="What the rules cost; null without rules.")]
    unknown: Annotated[list[str], Field(description="Ids of the request that are not in the catalogue.")]
    fallback: Annotated[bool, Field(description="Nothing was known of the person.")]
    change: Annotated[int, Field(description="Number of the last item change that this list knows.")]
    unplaced: Annotated[list[str], Field(description="Pinned items that are not in the list.")]


class Answers(Given):
    """Lists in the order of the requests."""

    answers: list[Answer]


class ListedItems(Given):
    """Items, best first."""

    items: list[Listed]


class PlacedUser(Given):
    """One of the nearest users; the place may lie beyond every list that is shown."""

    user: Id
    place: Annotated[int, Field(ge=1, description="Place of the item in this person's full list.")]
    score: float


class Audience(Given):
    """Count of the users who would have an item in their list, the nearest of them, and what is like it."""

    people: list[PlacedUser]
    near: Annotated[list[Listed], Field(description="The most similar items.")]
    looked_at: Annotated[int, Field(description="Stored users that were looked at.")]
    users: Annotated[int, Field(description="Stored users that there are.")]
    missing: Annotated[list[str], Field(description="Modalities of the row that cannot be encoded here.")]
    first: Annotated[int, Field(description="Length of the lists of `reached`: k.")]
    reached: Annotated[int, Field(description="Of those looked at, who would have it among the first.")]


class Shown(Given):
    """One item of the catalogue."""

    item_id: Id
    title: str
    row: Annotated[dict[str, Any], Field(description="Its columns, without images and vectors.")]
    new: bool
    retired: Annotated[bool, Field(description="No list may hold it.")]


class ShownItems(Given):
    """Items of the catalogue."""

    items: list[Shown]
    unknown: Annotated[list[str], Field(description="Ids that are not in the catalogue.")]


class Refused(Given):
    """A row that was set aside while the call waited."""

    item_id: Id
    reason: str


class ItemsReceipt(Given):
    """What was done with rows; they are on the disk."""

    change: Annotated[int, Field(description="Number of the last change; answers tell which they know.")]
    accepted: int
    placed: Annotated[bool, Field(description="Lists may hold the items already.")]
    missing: Annotated[list[str], Field(description="Modalities that cannot be encoded here.")]
    later: Annotated[list[Id], Field(description="Items that move only with the next training.")]
    refused: list[Refused]


class EventsReceipt(Given):
    """What was done with events; they are on the disk."""

    accepted: Annotated[int, Field(description="Events that were new.")]
    dropped: Annotated[int, Field(description="Events that the person does not allow.")]


class ConsentReceipt(Given):
    """Consent as it is written down now."""

    given: bool


class Retired(Given):
    """Items that no list may hold."""

    items: Annotated[list[str], Field(description="All of them, now.")]
    changed: Annotated[int, Field(description="Items that this call retired or restored.")]
    unknown: Annotated[list[str], Field(description="Of those that were sent, not in this version.")]


class ForgetReceipt(Given):
    """What was deleted."""

    deleted: Annotated[int, Field(description="Events and exposures that were deleted.")]


class Version(Given):
    """One published model."""

    name: str
    created: datetime
    note: str
    fingerprint: Annotated[str, Field(description="Of the data that it was fitted on.")]
    metrics: Annotated[dict[str, float | None], Field(description="What it measured, by dotted name.")]
    size: Annotated[int, Field(description="Bytes.")]
    current: Annotated[bool, Field(description="It serves.")]
    previous: Annotated[bool, Field(description="A rollback would go to it.")]


class Versions(Given):
    """Versions of the store, newest first."""

    versions: list[Version]


class SetAside(Given):
    """An item that could not be placed."""

    item_id: Id
    change: int
    reason: str


class Drift(Given):
    """How far what comes in is from the reference, by population stability index; above 0.2 look at it."""

    history_length: float | None
    scores: float | None
    unknown: float | None
    unknown_before: float | None
    answers: int


class Status(Given):
    """How the engine is doing."""

    version: str
    loaded: datetime
    users: int
    items: int
    new_items: int
    arrived: int
    change: int
    waiting: int
    set_aside: list[SetAside]
    unavailable: Annotated[dict[str, str], Field(description="Modalities that cannot be encoded here.")]
    incomplete: int
    events_per_minute: int
    answers_per_minute: int
    new_share: float | None
    fallback_rate: float | None
    drift: Drift
    exposures_waiting: int
    exposures_lost: int
    search: str
    recall: float | None
    refused: Annotated[str, Field(description="Why a version could not replace the one that serves.")]
    trouble: str
    started: datetime | None
    uptime: float


class Health(Given):
    """Whether the service is well."""

    status: Annotated[str, Field(examples=["ok"])]


class Mistake(Given):
    """One mistake of a request."""

    pointer: Annotated[
        str, Field(description='JSON pointer; "" is the whole body, "*" a name that is not repeated.')
    ]
    detail: str


class Problem(Given):
    """RFC 9457. Nothing of what was sent is repeated."""

    type: Annotated[str, Field(examples=["urn:sidelight:problem:invalid"])]
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Mistake] = []
