"""Checked downloads: one file from the web, verified, cached and resumed. The transfer itself is pooch's."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pooch
import requests

from sidelight.errors import DataError, SpecError, complain
from sidelight.manifest import digest
from sidelight.progress import Progress, ignore_progress
from sidelight.target_paths import atomic_write

CHUNK = 1 << 14
RETRIED = (408, 425, 429, 500, 502, 503, 504)  # status codes that may change on the next try
pooch.get_logger().setLevel(logging.WARNING)


def cache_folder(chosen: str | Path | None = None) -> Path:
    """Return the folder of downloads: `chosen`, else SIDELIGHT_CACHE, else the user's cache folder.

    The user's cache folder is what the system says, on Linux $XDG_CACHE_HOME/sidelight or
    ~/.cache/sidelight. It is not created here.
    """
    own = chosen or os.environ.get("SIDELIGHT_CACHE")
    return Path(own) if own else Path(pooch.os_cache("sidelight"))


def download(
    url: str,
    target: str | Path,
    sha256: str | None = None,
    progress: Progress | None = None,
    retries: int = 4,
    timeout: float = 30.0,
    wait: float = 1.0,
) -> Path:
    """Fetch a URL into a file, unless the file is there and has the right checksum.

    Bytes go to `target` + ".part". A partial file left by an interruption is continued where the server
    supports it (Range, with If-Range, so that a file that changed meanwhile starts again). Only a complete
    file with the right checksum gets the name `target`.

    Without a checksum the first download is trusted: its sha256 is written to `target` + ".sha256" and
    verified at each later use. That detects damage and change, not a forged first download.

    Args:
        url: http or https.
        target: Path of the file; its folder is created.
        sha256: Hex digest of the file; None trusts the first use.
        progress: Called with (bytes, total, label); total is 0 where the server does not report it.
        retries: Number of further tries after a network failure; the pauses double from `wait`.
        timeout: Seconds without a byte after which the connection counts as failed.
        wait: Seconds before the first retry.

    Raises:
        DataError: Not there, wrong checksum, or still failing after the retries.
        SpecError: Not a web address, or not a sha256.
    """
    _check(url, sha256)
    place = Path(target)
    if place.exists():
        return _verified(place, sha256, url)
    part = place.with_name(place.name + ".part")

    def fetch(url: str, output: str, _: Any) -> None:
        tries = most = 0
        while not _fetched(url, part, sha256 is not None, timeout, progress, last=tries == retries):
            size = part.stat().st_size if part.exists() else 0
            # A connection that breaks but makes progress is no failure.
            tries = 0 if size > most else tries + 1
            most = max(most, size)
            time.sleep(wait * 2 ** max(0, tries - 1))
        os.replace(part, output)
        _forget(part)

    try:
        known = None if sha256 is None else f"sha256:{sha256.lower()}"
        pooch.retrieve(url, known, place.name, place.parent, downloader=fetch)
    except DataError:
        raise
    except ValueError as error:  # of pooch: another checksum
        found = str(error).partition(" but got ")[2].partition(".")[0] or str(error)
        fix = "the file at this address has changed, or the download was tampered with"
        raise DataError(complain(f"sha256 {(sha256 or '').lower()}", found, url, fix)) from None
    if sha256 is None:
        with atomic_write(_note(place)) as fresh:
            fresh.write_text(f"{digest(place)}  {place.name}\n", encoding="utf-8")
    return place


def file_name(url: str) -> str:
    """Return the last part of a URL's path as a plain file name; "download" where there is none."""
    name = unquote(urlsplit(url).path).replace("\\", "/").rsplit("/", 1)[-1].strip()
    return name if name not in ("", ".", "..") and "\0" not in name else "download"


def _check(url: str, sha256: str | None) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SpecError(complain("an address that begins with http:// or https://", repr(url)))
    if sha256 is not None and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):
        raise SpecError(complain("a sha256 of 64 hexadecimal digits", repr(sha256)))


def _verified(place: Path, sha256: str | None, url: str) -> Path:
    """Return an existing file that has the expected checksum."""
    if not place.is_file():
        raise DataError(complain("a file or nothing", "a folder", str(place), "choose another place"))
    note = _note(place)
    wanted = sha256
    if wanted is None and note.is_file():
        wanted = (note.read_text(encoding="utf-8").split() or [""])[0]
    if wanted is None:
        fix = "remove it to fetch it again, or give its sha256"
        raise DataError(
            complain(f"no file, or one fetched earlier from {url}", "another file", str(place), fix)
        )
    found = digest(place)
    if found != wanted.lower():
        fix = "remove it to fetch it again"
        raise DataError(complain(f"sha256 {wanted.lower()}", found, str(place), fix))
    return place


def _fetched(
    url: str, part: Path, checked: bool, timeout: float, progress: Progress | None, last: bool
) -> bool:
    """Complete `part`; return False where another try may help, and raise where this was the `last`."""
    try:
        _fetch(url, part, checked, timeout, progress or ignore_progress)
    except requests.HTTPError as error:
        assert error.response is not None  # raise_for_status has it
        code, reason = error.response.status_code, error.response.reason
        if code == 416:  # the part is as long as the file or longer, which says nothing about its bytes
            _forget(part)
        elif last or code not in RETRIED:
            fix = "check the address" if code in (404, 410) else "try again later, or fetch it by hand"
            raise DataError(complain("a file", f"HTTP {code} {reason}", url, fix)) from None
        return False
    except OSError as error:  # those of requests among them
        if last:
            found = str(error) or type(error).__name__
            raise DataError(complain("a complete file", found, url, "run again: what came is kept")) from None
        return False
    return True


def _fetch(url: str, part: Path, checked: bool, timeout: float, report: Progress) -> None:
    """Continue or start one transfer into `part`; raise OSError where the connection breaks."""
    label = f"fetching {file_name(url)}"
    start, validator = _resumable(part, checked)
    headers = {"User-Agent": "sidelight", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-"} | ({"If-Range": validator} if validator else {})
    hooks = {"response": _refuse_downgrade}
    with requests.get(url, headers=headers, timeout=timeout, stream=True, hooks=hooks) as response:
        response.raise_for_status()
        resumed = response.status_code == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise OSError("the server sent another range than requested")
        done = start if resumed else 0
        length = response.headers.get("Content-Length")
        total = done + int(length) if length else 0
        _validator_file(part).write_text(json.dumps({"validator": _mark(response)}), encoding="utf-8")
        report(done, total, label)
        with part.open("ab" if resumed else "wb") as stream:
            for block in response.iter_content(CHUNK):
                done += stream.write(block)
                report(done, total, label)
    report(done, done, label)


def _refuse_downgrade(response: requests.Response, **_: Any) -> None:
    """Raise DataError for a redirect to another scheme than https, unless it is that of the address."""
    if response.is_redirect:
        target = urljoin(response.url, response.headers["Location"])
        if urlsplit(target).scheme not in ("https", urlsplit(response.url).scheme):
            raise DataError(complain("an https address", target, f"the redirect of {response.url}"))


def _mark(response: requests.Response) -> str:
    """Return what identifies the version of the file; a weak tag does not promise equal bytes."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _resumable(part: Path, checked: bool) -> tuple[int, str]:
    """Return the number of bytes of `part` to keep, and the mark of the version they belong to.

    Without such a mark they are kept only when a checksum will be verified at the end.
    """
    if not part.is_file():
        return 0, ""
    try:
        validator = str(json.loads(_validator_file(part).read_text(encoding="utf-8"))["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        validator = ""
    return (part.stat().st_size if validator or checked else 0), validator


def _validator_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _note(place: Path) -> Path:
    return place.with_name(place.name + ".sha256")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator_file(part).unlink(missing_ok=True)
