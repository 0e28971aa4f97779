"""What all pages share: the engine, the sessions, the templates, and what lately happened."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

import jinja2
from markupsafe import Markup

from sidelight.serving.explorer import template_filters
from sidelight.serving.explorer.sessions import CsrfTokens, SavedQueries, Sessions

if TYPE_CHECKING:
    from sidelight.serving.domain import Key
    from sidelight.serving.engine import Engine

T = TypeVar("T")

STATIC = {
    "explorer.css": "text/css; charset=utf-8",
    "explorer.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
KEPT = 500  # answers that the page on the state looks back on


class ExplorerApp:
    """Everything that the pages need of the service they stand in.

    Args:
        engine: Answers.
        options: Of the HTTP service; `require_keys`, `proxy` and `max_history` matter here.
        database: Where keys are looked up; the engine's own without.
    """

    def __init__(self, engine: Engine, options: Any, database: Any = None) -> None:
        self.engine = engine
        self._require: bool | None = getattr(options, "require_keys", None)
        self.secure = bool(getattr(options, "proxy", ""))  # the browser is told https, whatever arrives
        self.most_history = int(getattr(options, "max_history", 200))
        self.database: Any = database if database is not None else getattr(engine, "database", None)
        self.sessions, self.views, self.seal = Sessions(), SavedQueries(), CsrfTokens()
        self.static = {name: _file(name) for name in STATIC}
        self.stamp = hashlib.sha256(b"".join(self.static.values())).hexdigest()[:12]
        self.paths: frozenset[str] = frozenset()
        self.recent: deque[float] = deque(maxlen=KEPT)  # seconds that answers took
        self._templates = templates()
        self._kept: dict[str, tuple[tuple[str, int], Any]] = {}
        engine.on_answer(lambda answer, seconds: self.recent.append(seconds))

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """What was made from the catalogue, made again when the catalogue has changed."""
        now = self.engine.snapshot
        state = (now.version, now.change)
        found = self._kept.get(name)
        if found is None or found[0] != state:
            found = (state, make())
            self._kept[name] = found
        value: T = found[1]
        return value

    @property
    def keys_needed(self) -> bool:
        """Whether to sign in first: as the options say, or else as soon as there is a key."""
        if self._require is None and self.database.keys_required():
            self._require = True
        return bool(self._require)

    def check_key(self, secret: str) -> Key | None:
        """The key with this secret, or None."""
        found: Key | None = self.database.check_key(secret) if secret else None
        return found

    def still_holds(self, key_id: int) -> bool:
        """Whether a key has not been revoked; asked each time, so that its sessions end at once."""
        working = self.database.keys()
        if key_id not in {key.id for key in working}:
            self.sessions.close_key(key_id)
            return False
        return True

    def draw(self, template: str, values: Mapping[str, Any]) -> bytes:
        """A page as UTF-8."""
        return self._templates.get_template(template).render(values).encode("utf-8", "replace")


def templates() -> jinja2.Environment:
    """The templates: everything that is put in is escaped, and a value that is missing is an error."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("sidelight.serving.explorer"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=template_filters.clean,
    )
    for name in (
        "level",
        "percent",
        "number",
        "plural",
        "seconds",
        "when",
        "size",
        "cell",
        "ordinal",
        "figure",
    ):
        made.filters[name] = getattr(template_filters, name)
    made.globals["bar"] = bar
    return made


def bar(length: int, kind: str = "") -> Markup:
    """A horizontal bar from 0 to 100, as a drawing: a page of these may hold no style of its own."""
    width = min(100, max(0, length))
    return Markup(
        '<svg class="bar {}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rail" width="100" height="6" rx="1"/>'
        '<rect class="fill" width="{}" height="6" rx="1"/></svg>'
    ).format(kind, width)


def _file(name: str) -> bytes:
    return (resources.files("sidelight.serving.explorer") / "static" / name).read_bytes()
