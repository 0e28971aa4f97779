"""A page of the explorer in a browser: going there, typing, pressing keys, waiting, looking."""

from __future__ import annotations

import time
from typing import Any

from report.browser import PATIENCE, Browser

KEYS = {
    "Tab": 9, "Enter": 13, "Escape": 27, "Space": 32, "ArrowLeft": 37, "ArrowUp": 38,
    "ArrowRight": 39, "ArrowDown": 40, "Backspace": 8, "End": 35, "Home": 36,
}  # fmt: skip
READER = "reader-07"
TEXTS = {"Enter": "\r", "Space": " "}


class Web:
    """One tab.

    Args:
        browser: Where the tab is.
        base: Address of the service, without the last slash.
    """

    def __init__(self, browser: Browser, base: str) -> None:
        self.browser, self.base = browser, base

    def fresh(self) -> None:
        """Leave the page, which may still send a form, and forget cookies and what was noticed."""
        self.go("", base="about:blank")
        self.browser.ask("Network.clearBrowserCookies")
        self.browser.ask("Emulation.setScriptExecutionDisabled", value=False)
        self.browser.events.clear()

    def window(self, width: int = 1280, height: int = 900, dark: bool = False, scale: int = 1) -> None:
        self.browser.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
            mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.ask("Emulation.setEmulatedMedia", media="", features=[scheme])

    def go(self, path: str, base: str | None = None) -> None:
        url = (self.base if base is None else base) + path
        self._loading(lambda: self.browser.ask("Page.navigate", url=url))

    def submit(self, selector: str) -> None:
        """Click something that leads to another page, and wait for it."""
        self._loading(lambda: self.click(selector))

    def _loading(self, act: Any) -> None:
        before = len(self._loads())
        act()
        end = time.monotonic() + PATIENCE
        while len(self._loads()) == before:
            assert time.monotonic() < end, "the page does not load"
            self.value("1")
            time.sleep(0.02)

    def _loads(self) -> list[dict[str, Any]]:
        return [e for e in self.browser.events if e.get("method") == "Page.loadEventFired"]

    def value(self, script: str) -> Any:
        return self.browser.value(script)

    def until(self, script: str, seconds: float = 20.0) -> Any:
        """Wait until an expression is true; gives what it is."""
        end = time.monotonic() + seconds
        while not (found := self.value(f"(x => x instanceof Node ? true : x)({script})")):
            assert time.monotonic() < end, f"this never became true: {script}\n{self.text('main')}"
            time.sleep(0.02)
        return found

    def text(self, selector: str) -> str:
        return str(self.value(f"document.querySelector({selector!r})?.innerText ?? ''"))

    def texts(self, selector: str) -> list[str]:
        found = self.value(f"[...document.querySelectorAll({selector!r})].map(e => e.innerText.trim())")
        return [str(each) for each in found]

    def click(self, selector: str) -> None:
        self.value(f"document.querySelector({selector!r}).click()")

    def focus(self, selector: str) -> None:
        self.value(f"document.querySelector({selector!r}).focus()")

    def type(self, text: str) -> None:
        self.browser.ask("Input.insertText", text=text)

    def press(self, key: str, times: int = 1, shift: bool = False) -> None:
        code = KEYS[key]
        for _ in range(times):
            options = {
                "key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code,
                "modifiers": 8 if shift else 0,
            }  # fmt: skip
            down = {"type": "keyDown", "text": TEXTS[key]} if key in TEXTS else {"type": "rawKeyDown"}
            self.browser.ask("Input.dispatchKeyEvent", **options, **down)
            self.browser.ask("Input.dispatchKeyEvent", type="keyUp", **options)

    def troubles(self) -> list[str]:
        return self.browser.troubles()

    def outside(self) -> list[str]:
        """Addresses asked for that are not of the service."""
        return [url for url in self.browser.requests() if not url.startswith(self.base + "/")]

    def picture(self) -> bytes:
        return self.browser.picture()


def ask_for(web: Web, user: str = READER) -> None:
    """Write an id and press Enter, as somebody with a keyboard would."""
    web.focus("#user")
    web.type(user)
    web.press("Enter")
    web.until("document.querySelector('.result .rows, .result .pair')")
    web.until("!document.querySelector('[aria-busy=true]')")


def pick(web: Web, *words: str) -> None:
    """Put a history together with the keyboard alone."""
    web.click("[name=who][value=history]")
    for number, word in enumerate(words):
        web.focus("#find")
        web.type(word)
        web.until("document.querySelector('.options')?.hidden === false")
        web.press("ArrowDown")
        web.press("Enter")
        web.until(f"document.querySelectorAll('.chips li').length === {number + 1}")
    web.until("!document.querySelector('[aria-busy=true]')")


def slide(web: Web, name: str, presses: int) -> None:
    web.focus(f"#{name}")
    web.press("ArrowRight", presses)


def settled(web: Web) -> None:
    """Wait until everything that was slid and typed is answered."""
    time.sleep(0.2)  # the pause after which a form is sent
    web.until("!document.querySelector('[aria-busy=true]')")
