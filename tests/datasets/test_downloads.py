"""Downloads from a server in a thread: resumed, cut off, wrong, missing."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sidelight.datasets import downloads
from sidelight.datasets.downloads import cache_folder, download, file_name
from sidelight.errors import DataError, SpecError

BODY = bytes(range(256)) * 2_000
SUM = hashlib.sha256(BODY).hexdigest()


@dataclass
class Site:
    """A web server of one file, and how it behaves."""

    body: bytes = BODY
    etag: str = '"1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes after which each of the next answers breaks off
    errors: list[int] = field(default_factory=list)  # codes of the next answers
    redirect: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    found = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, found)

        def log_message(self, *args: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/files/set.bin"
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def answer(request: http.server.BaseHTTPRequestHandler, site: Site) -> None:
    site.asked.append(dict(request.headers))
    code = site.errors.pop(0) if site.errors else 0
    if code:
        request.send_error(code)
        return
    if site.redirect:
        request.send_response(302)
        request.send_header("Location", site.redirect)
        request.end_headers()
        return
    wanted = request.headers.get("Range", "")
    start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
    fresh = request.headers.get("If-Range", site.etag) != site.etag
    if not site.ranges or fresh or not wanted:
        request.send_response(200)
        start = 0
    elif start >= len(site.body):
        request.send_response(416)
        request.end_headers()
        return
    else:
        request.send_response(206)
        request.send_header("Content-Range", f"bytes {start}-{len(site.body) - 1}/{len(site.body)}")
    if site.etag:
        request.send_header("ETag", site.etag)
    request.send_header("Content-Length", str(len(site.body) - start))
    request.end_headers()
    end = start + site.cuts.pop(0) if site.cuts else len(site.body)
    request.wfile.write(site.body[start:end])


def get(site: Site, target: Path, sha256: str | None = None, **options: Any) -> Path:
    return download(site.url, target, sha256, wait=0.0, timeout=5.0, **options)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_file_arrives_whole_with_progress(site: Site, tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    target = tmp_path / "deep" / "set.bin"
    assert get(site, target, SUM, progress=lambda *step: seen.append(step)) == target
    assert target.read_bytes() == BODY and names(target.parent) == ["set.bin"]
    assert seen[0] == (0, len(BODY), "fetching set.bin") and seen[-1][:2] == (len(BODY), len(BODY))
    assert [s[0] for s in seen] == sorted(s[0] for s in seen)


def test_a_file_that_is_there_is_verified_and_not_asked_for(site: Site, tmp_path: Path) -> None:
    target = get(site, tmp_path / "set.bin", SUM)
    get(site, target, SUM.upper())
    assert len(site.asked) == 1
    target.write_bytes(BODY[:-1])
    with pytest.raises(DataError, match="remove it"):
        get(site, target, SUM)
    assert target.read_bytes() == BODY[:-1]


def test_a_cut_connection_goes_on_where_it_broke(site: Site, tmp_path: Path) -> None:
    site.cuts = [100_000, 50_000]
    assert get(site, tmp_path / "set.bin", SUM, retries=1).read_bytes() == BODY
    kept = [int(h["Range"].removeprefix("bytes=").rstrip("-")) for h in site.asked[1:]]
    assert "Range" not in site.asked[0] and len(kept) == 2
    assert 100_000 - downloads.CHUNK < kept[0] <= 100_000 < kept[1] <= kept[0] + 50_000
    assert site.asked[1]["If-Range"] == '"1"'


def test_an_interrupted_download_is_resumed_by_the_next_call(site: Site, tmp_path: Path) -> None:
    def interrupt(done: int, total: int, label: str) -> None:
        if done > 250_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(site, tmp_path / "set.bin", progress=interrupt)
    kept = (tmp_path / "set.bin.part").stat().st_size
    assert not (tmp_path / "set.bin").exists() and kept > 250_000
    assert get(site, tmp_path / "set.bin").read_bytes() == BODY
    assert site.asked[1]["Range"] == f"bytes={kept}-"
    assert names(tmp_path) == ["set.bin", "set.bin.sha256"]


def test_a_file_that_changed_meanwhile_begins_anew(site: Site, tmp_path: Path) -> None:
    site.cuts = [100_000]
    with pytest.raises(DataError, match=r"100000 bytes read, 412000 more.*what came is kept"):
        get(site, tmp_path / "set.bin", retries=0)
    site.body, site.etag = BODY[::-1], '"2"'
    assert get(site, tmp_path / "set.bin").read_bytes() == BODY[::-1]


@pytest.mark.parametrize(("etag", "ranges"), [("", True), ('W/"1"', True), ('"1"', False)])
def test_without_a_sure_mark_or_ranges_all_is_fetched_again(
    site: Site, tmp_path: Path, etag: str, ranges: bool
) -> None:
    site.etag, site.ranges, site.cuts = etag, ranges, [100_000]
    assert get(site, tmp_path / "set.bin", retries=1).read_bytes() == BODY
    assert ("Range" in site.asked[1]) == (etag == '"1"')


def test_a_part_longer_than_the_file_is_forgotten(site: Site, tmp_path: Path) -> None:
    (tmp_path / "set.bin.part").write_bytes(b"x" * (len(BODY) + 5))
    assert get(site, tmp_path / "set.bin", SUM).read_bytes() == BODY
    assert [h.get("Range") for h in site.asked] == [f"bytes={len(BODY) + 5}-", None]


def test_a_wrong_checksum_leaves_nothing_behind(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"expected sha256 {'0' * 64}; found {SUM}"):
        get(site, tmp_path / "set.bin", "0" * 64)
    assert names(tmp_path) == []


def test_without_a_checksum_the_first_use_is_trusted_and_later_ones_verified(
    site: Site, tmp_path: Path
) -> None:
    target = get(site, tmp_path / "set.bin")
    assert (tmp_path / "set.bin.sha256").read_text() == f"{SUM}  set.bin\n"
    get(site, target)
    assert len(site.asked) == 1
    target.write_bytes(BODY + b"!")
    with pytest.raises(DataError, match=SUM):
        get(site, target)
    (tmp_path / "other").write_bytes(b"mine")
    with pytest.raises(DataError, match="another file"):
        get(site, tmp_path / "other")


def test_a_missing_file_is_said_at_once(site: Site, tmp_path: Path) -> None:
    site.errors = [404] * 9
    with pytest.raises(DataError, match=r"HTTP 404.*set\.bin.*check the address"):
        get(site, tmp_path / "set.bin")
    assert len(site.asked) == 1 and names(tmp_path) == []


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.errors = [503, 500]
    assert get(site, tmp_path / "set.bin", SUM).read_bytes() == BODY
    site.errors = [503] * 9
    with pytest.raises(DataError, match="HTTP 503"):
        get(site, tmp_path / "again.bin", retries=2)
    assert len(site.errors) == 6


def test_pauses_double(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(downloads.time, "sleep", pauses.append)
    site.errors = [503] * 9
    with pytest.raises(DataError):
        download(site.url, tmp_path / "set.bin", wait=0.5, retries=3)
    assert pauses == [0.5, 1.0, 2.0]


def test_redirects_stay_in_the_web(site: Site, tmp_path: Path) -> None:
    site.redirect = "ftp://127.0.0.1/set.bin"
    with pytest.raises(DataError, match="redirect"):
        get(site, tmp_path / "set.bin")


def test_only_web_addresses_and_real_checksums(tmp_path: Path) -> None:
    for url in ("file:///etc/hosts", "set.bin", "ftp://x/y", "https://"):
        with pytest.raises(SpecError, match="http"):
            download(url, tmp_path / "x")
    with pytest.raises(SpecError, match="64"):
        download("https://localhost/x", tmp_path / "x", "abc")
    with pytest.raises(DataError, match="folder"):
        download("https://localhost/x", tmp_path)


def test_the_name_of_a_file_is_plain() -> None:
    assert file_name("https://x.org/a/ml%20100k.zip?b=c/d") == "ml 100k.zip"
    for url in ("https://x.org", "https://x.org/a/", "https://x.org/a/%2e%2e", "https://x.org/.."):
        assert file_name(url) == "download"
    assert file_name("https://x.org/a/..%2F..%2Fetc%5Cpasswd") == "passwd"


def test_the_cache_is_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SIDELIGHT_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "sidelight"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_folder() == tmp_path / ".cache" / "sidelight"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "sidelight"
    monkeypatch.setenv("SIDELIGHT_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    assert cache_folder(tmp_path / "said") == tmp_path / "said"
