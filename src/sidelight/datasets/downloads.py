"""`download`: one file from the web, checked, cached and resumed, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from sidelight.errors import DataError, SpecError, complain
from sidelight.manifest import digest
from sidelight.progress import Progress, ignore_progress
from sidelight.target_paths import atomic_write

CHUNK = 1 << 18
PATIENT = (408, 425, 429, 500, 502, 503, 504)  # answers that may change when asked again


def cache_folder(chosen: str | Path | None = None) -> Path:
    """Where downloads are kept: `chosen`, else SIDELIGHT_CACHE, else the user's cache folder.

    The user's is $XDG_CACHE_HOME/sidelight, or ~/.cache/sidelight. It is not made here.
    """
    if chosen or os.environ.get("SIDELIGHT_CACHE"):
        return Path(chosen or os.environ["SIDELIGHT_CACHE"])
    home = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG standard says that a relative path there is to be ignored.
    base = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
    return base / "sidelight"


def download(
    url: str,
    target: str | Path,
    sha256: str | None = None,
    progress: Progress | None = None,
    retries: int = 4,
    timeout: float = 30.0,
    wait: float = 1.0,
) -> Path:
    """Fetch a URL into a file, unless the file is there and right.

    Bytes go to `target` + ".part". Where that is left over from an interruption, and the server
    can, only the rest is asked for (Range, with If-Range, so that a file that changed meanwhile
    begins anew). Only a complete file with the right checksum gets the name `target`.

    Without a checksum the first download is trusted: its sha256 is written beside it, as `target` +
    ".sha256", and verified at each later use. That finds damage and change, not an imposter.

    Args:
        url: http or https.
        target: The file; its folder is made.
        sha256: Hex digest that the file must have; None trusts the first use.
        progress: Called with (bytes, total, label); total is 0 where the server does not say.
        retries: How often to try again after a network failure; the pauses double from `wait`.
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
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(place.name + ".part")
    say = progress or ignore_progress
    tries = most = 0
    while not _fetched(url, part, sha256 is not None, timeout, say, last=tries == retries):
        size = part.stat().st_size if part.exists() else 0
        tries = 0 if size > most else tries + 1  # a connection that breaks but gets on is no failure
        most = max(most, size)
        time.sleep(wait * 2 ** max(0, tries - 1))
    found = digest(part)
    if sha256 is not None and found != sha256.lower():
        _forget(part)
        fix = "the file at this address has changed, or the download was tampered with"
        raise DataError(complain(f"sha256 {sha256.lower()}", found, url, fix))
    os.replace(part, place)
    _forget(part)
    if sha256 is None:
        with atomic_write(_note(place)) as note:
            note.write_text(f"{found}  {place.name}\n", encoding="utf-8")
    return place


def file_name(url: str) -> str:
    """The last part of a URL's path as a plain file name; "download" where there is none."""
    name = unquote(urlsplit(url).path).replace("\\", "/").rsplit("/", 1)[-1].strip()
    return name if name not in ("", ".", "..") and "\0" not in name else "download"


def _check(url: str, sha256: str | None) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SpecError(complain("an address that begins with http:// or https://", repr(url)))
    if sha256 is not None and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):
        raise SpecError(complain("a sha256 of 64 hexadecimal digits", repr(sha256)))


def _verified(place: Path, sha256: str | None, url: str) -> Path:
    """The file that is there, when it is the right one."""
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


def _fetched(url: str, part: Path, checked: bool, timeout: float, progress: Progress, last: bool) -> bool:
    """Whether `part` is whole now; False asks for another try, which the `last` one may not."""
    try:
        _fetch(url, part, checked, timeout, progress)
    except urllib.error.HTTPError as error:
        if last or error.code not in PATIENT:
            found = f"HTTP {error.code} {error.reason}"
            raise DataError(complain("a file", found, url, _advice(error.code))) from None
        return False
    except (OSError, http.client.HTTPException) as error:
        if last:
            found = f"{str(error) or type(error).__name__}"
            raise DataError(complain("a whole file", found, url, "run again: what came is kept")) from None
        return False
    return True


def _fetch(url: str, part: Path, checked: bool, timeout: float, progress: Progress) -> None:
    """Bring `part` to its full length; raises OSError where the connection breaks."""
    label = f"fetching {file_name(url)}"
    start, validator = _resumable(part, checked)
    headers = {"User-Agent": "sidelight", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    try:
        request = urllib.request.Request(url, headers=headers)
        answer = urllib.request.build_opener(_SafeRedirects).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not start:
            raise
        # The part is as long as the file or longer. Its length says nothing about its bytes.
        _forget(part)
        return _fetch(url, part, checked, timeout, progress)
    with answer:
        resumed = answer.status == 206 and _range_start(answer.headers.get("Content-Range", "")) == start
        if answer.status == 206 and not resumed:
            raise OSError("the server sent another range than was asked for")
        done = start if resumed else 0
        length = answer.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else 0
        tag = answer.headers.get("ETag", "")
        # A weak tag does not promise equal bytes.
        mark = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
        _validator_file(part).write_text(json.dumps({"validator": mark}), encoding="utf-8")
        with part.open("ab" if resumed else "wb") as stream:
            done = _copy(answer, stream, done, total, label, progress)
    if total and done != total:
        raise OSError(f"the connection ended after {done:,} of {total:,} bytes")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects inside the web, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request to follow with."""
        if urlsplit(newurl).scheme not in ("https", req.type):
            raise DataError(complain("an https address", newurl, f"the redirect of {req.full_url}"))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _copy(answer: IO[bytes], stream: IO[bytes], done: int, total: int, label: str, progress: Progress) -> int:
    progress(done, total, label)
    while block := answer.read(CHUNK):
        stream.write(block)
        done += len(block)
        progress(done, total, label)
    if not total:
        progress(done, done, label)
    return done


def _resumable(part: Path, checked: bool) -> tuple[int, str]:
    """How many bytes of `part` can be kept, and the mark of the version they belong to.

    Without such a mark they are kept only when a checksum will be verified at the end.
    """
    if not part.is_file():
        return 0, ""
    try:
        validator = str(json.loads(_validator_file(part).read_text(encoding="utf-8"))["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        validator = ""
    return (part.stat().st_size if validator or checked else 0), validator


def _range_start(header: str) -> int:
    """Where a Content-Range such as "bytes 5-9/10" begins; -1 for anything else."""
    unit, _, rest = header.partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else -1


def _validator_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _note(place: Path) -> Path:
    return place.with_name(place.name + ".sha256")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator_file(part).unlink(missing_ok=True)


def _advice(code: int) -> str:
    return "check the address" if code in (404, 410) else "try again later, or fetch it by hand"
