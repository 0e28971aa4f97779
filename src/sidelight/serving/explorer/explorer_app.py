"""State shared by all pages: engine, sessions, templates, cached values and recent response times."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import jinja2
from markupsafe import Markup
from starlette.templating import Jinja2Templates

from sidelight.serving.explorer import template_filters
from sidelight.serving.explorer.sessions import CsrfTokens, SavedQueries, Sessions

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database
    from sidelight.serving.engine import Engine

T = TypeVar("T")

STATIC = {
    "explorer.css": "text/css; charset=utf-8",
    "explorer.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
RECENT = 500  # response times that the status page looks back on


class ExplorerOptions(Protocol):
    """Options of the service around the pages that they read."""

    @property
    def require_keys(self) -> bool | None:
        """True if visitors must sign in; None is as soon as a key exists."""

    @property
    def proxy(self) -> str:
        """Address of a proxy in front of the service; "" is none."""

    @property
    def max_history(self) -> int:
        """Longest history of a request."""


class ExplorerApp:
    """Shared state of the pages of one service.

    Args:
        engine: Engine behind the pages.
        options: Options of the HTTP service.
        database: Database of the API keys.
    """

    def __init__(self, engine: Engine, options: ExplorerOptions, database: Database) -> None:
        self.engine, self.database = engine, database
        self._require, self.most_history = options.require_keys, options.max_history
        self.secure = bool(options.proxy)  # browsers speak https, whatever the proxy forwards
        self.sessions, self.queries, self.csrf = Sessions(), SavedQueries(), CsrfTokens()
        folder = resources.files("sidelight.serving.explorer") / "static"
        self.static = {name: (folder / name).read_bytes() for name in STATIC}
        self.stamp = hashlib.sha256(b"".join(self.static.values())).hexdigest()[:12]
        self.paths: frozenset[str] = frozenset()
        self.recent: deque[float] = deque(maxlen=RECENT)  # seconds per list
        self.templates = Jinja2Templates(env=environment())
        self._cached: dict[str, tuple[tuple[str, int], Any]] = {}
        engine.on_answer(lambda response, seconds: self.recent.append(seconds))

    def cached(self, name: str, compute: Callable[[], T]) -> T:
        """Return a value derived from the catalogue, computed again after the catalogue has changed."""
        now = self.engine.snapshot
        state = (now.version, now.change)
        entry = self._cached.get(name)
        if entry is None or entry[0] != state:
            entry = self._cached[name] = (state, compute())
        value: T = entry[1]
        return value

    @property
    def keys_needed(self) -> bool:
        """True if visitors must sign in: as the options say, else as soon as a key exists."""
        if self._require is None and self.database.keys_required():
            self._require = True
        return bool(self._require)

    def key_works(self, key_id: int) -> bool:
        """Check that a key is not revoked; read per request, so that its sessions end at once."""
        working = self.database.keys()
        if key_id in {key.id for key in working}:
            return True
        self.sessions.close_key(key_id)
        return False


def environment() -> jinja2.Environment:
    """Build the template environment: autoescaped, and a missing value is an error."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("sidelight.serving.explorer"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=template_filters.clean,
    )
    env.filters |= {each.__name__: each for each in template_filters.FILTERS}
    env.globals["bar"] = bar
    return env


def bar(length: int, kind: str = "") -> Markup:
    """Draw a horizontal bar from 0 to 100 as SVG, because pages may not hold inline styles."""
    width = min(100, max(0, length))
    return Markup(
        '<svg class="bar {}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rail" width="100" height="6" rx="1"/>'
        '<rect class="fill" width="{}" height="6" rx="1"/></svg>'
    ).format(kind, width)
