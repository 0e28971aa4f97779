"""The pictures of the explorer on its page of the documentation, made from the library of the tests.

Run: python docs/screens.py [FOLDER]
Needs Chromium and the extra `serve`. The pictures go to docs/images/ unless another folder is named.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[_name] = "1"

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from report.browser import Browser, find  # noqa: E402
from serving.explorer.service import CONTENT, Service, publish, running  # noqa: E402
from serving.explorer.web import Web  # noqa: E402

READER = "reader-41"
MOST = 150_000  # bytes of one picture


def main() -> int:
    """Draw every page, check the sizes of the pictures, and say where they are."""
    program = find()
    if program is None:
        print("docs/screens.py: install Chromium first", file=sys.stderr)
        return 2
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "images"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with (
            running(publish(folder / "store"), folder) as service,
            Browser(program, folder / "profile") as browser,
        ):
            web = Web(browser, service.base)
            for name, draw in PAGES.items():
                web.window(1180, 760)
                web.fresh()
                draw(web, service)
                web.value("document.activeElement.blur()")
                web.value("window.scrollTo({top: 0, behavior: 'instant'})")
                data = small(web.picture())
                (target / f"explorer-{name}.png").write_bytes(data)
                print(f"{target / f'explorer-{name}.png'}: {len(data):,} bytes")
                assert len(data) < MOST, f"explorer-{name}.png is larger than {MOST:,} bytes"
                assert web.troubles() == [] and web.outside() == []
    return 0


def small(picture: bytes) -> bytes:
    """The same picture in a palette of 256 colours: a page has few, and the file is a third."""
    from PIL import Image

    buffer = BytesIO()
    few = (
        Image.open(BytesIO(picture))
        .convert("RGB")
        .quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def ask(web: Web, path: str, user: str = READER) -> None:
    """Open a page and ask for somebody's list there."""
    web.go(path)
    web.focus("#user")
    web.type(user)
    web.press("Enter")
    still(web, "document.querySelector('.result .rows, .result .pair')")


def still(web: Web, script: str) -> None:
    """Wait until something is there and nothing is on its way any more."""
    web.until(script)
    time.sleep(0.3)
    web.until("!document.querySelector('[aria-busy=true]')")
    time.sleep(0.3)  # until it is drawn in full


def lists(web: Web, _: Service) -> None:
    """A list, with the reasons of its first item open."""
    ask(web, "/")
    web.click(".rows li:first-child .why summary")


def phone(web: Web, _: Service) -> None:
    """The same on a phone, in the dark."""
    web.window(390, 780, dark=True)
    ask(web, "/")
    web.click(".rows li:first-child .why summary")


def rules(web: Web, _: Service) -> None:
    """Two sliders and a rule."""
    ask(web, "/rules")
    for name, presses in (("diversity", 5), ("floor", 4)):
        web.focus(f"#{name}")
        web.press("ArrowRight", presses)
    web.click("[name=do][value=rule]")
    web.until("document.activeElement?.name === 'action'")
    web.press("Tab", 2)
    web.type("mystery")
    still(web, "document.querySelector('ul.left')")


def catalogue(web: Web, _: Service) -> None:
    """An item, what is near it, and who would get it."""
    web.go("/item?id=b002")


def new(web: Web, _: Service) -> None:
    """An item that does not exist yet."""
    web.go("/new")
    for field, text in (
        ("c:title", "The Lighthouse Keeper's Last Letter"),
        ("c:description", "A keeper, a winter of storms, and letters to the islands."),
        ("c:shelf", "sea"),
    ):
        web.focus(f"[name='{field}']")
        web.type(text)
    still(web, "document.querySelector('.people')")


def versions(web: Web, _: Service) -> None:
    """Two versions side by side."""
    ask(web, "/versions")


def state(web: Web, _: Service) -> None:
    """The tiles, after some lists have been asked for."""
    ask(web, "/")
    for _number in range(24):
        web.click("[name=do][value=random]")
        time.sleep(0.1)
        web.until("!document.querySelector('[aria-busy=true]')")
    web.go("/state")
    web.until(f"document.querySelector('.tile .big').innerText === {CONTENT!r}")


PAGES = {
    "lists": lists,
    "phone": phone,
    "rules": rules,
    "item": catalogue,
    "new": new,
    "versions": versions,
    "state": state,
}

if __name__ == "__main__":
    sys.exit(main())
