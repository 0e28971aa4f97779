"""One request for a page, and what a page answers: no more of HTTP than the pages need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidelight.serving.domain import SCOPES
from sidelight.serving.explorer.forms import Form
from sidelight.serving.explorer.sessions import Session


@dataclass(frozen=True)
class PageRequest:
    """Who asks, and what.

    Args:
        cookie: The random id that forms and views of this visitor are bound to.
        scopes: What the visitor may do.
        session: Who signed in; None where no keys are asked for.
        form: What was sent, or what a view held.
        query: What the address held.
        view: Name of the view, "" without one.
        ended: A view was named that is no longer there.
        root: Path under which the service is reached, "" for the top.
    """

    cookie: str
    scopes: frozenset[str] = SCOPES
    session: Session | None = None
    form: Form = field(default_factory=Form)
    query: Form = field(default_factory=Form)
    view: str = ""
    ended: bool = False
    root: str = ""

    @property
    def admin(self) -> bool:
        """Whether this visitor may change what everybody sees, and look at the audience of an item."""
        return "admin" in self.scopes

    @property
    def history(self) -> bool:
        """Whether this visitor may see what stored people have touched, and reasons that tell of it."""
        return "history" in self.scopes


@dataclass(frozen=True)
class PageResponse:
    """A page to draw.

    Args:
        template: File in `templates/`.
        values: What it needs, beside what every page has.
        status: Of the answer.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Redirect:
    """On to another page.

    Args:
        path: Of this service, with its query.
        fields: Kept as a view that the other page finds; none without.
        session: Value of the session cookie to set; "" takes it away, None leaves it.
    """

    path: str
    fields: tuple[tuple[str, str], ...] | None = None
    session: str | None = None
