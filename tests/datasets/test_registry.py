"""Public data sets by name or address."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidelight.data.read import read
from sidelight.datasets import registry
from sidelight.datasets.registry import SETS, find, get
from sidelight.errors import DataError, SpecError

U_DATA = "1\t2\t5\t880000000\n2\t1\t1\t880000060\n1\t1\t3\t880000120\n"


U_ITEM = (
    "1|Toy (1995)|01-Jan-1995||http://x|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    "2|Caf\xe9 (1996)|||http://x|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
)


ARCHIVES: dict[str, dict[str, bytes]] = {
    "ml-100k": {
        "ml-100k/u.data": U_DATA.encode(),
        "ml-100k/u.item": U_ITEM.encode("latin-1"),
        "ml-100k/u.user": b"1|24|M|writer|85711\n2|53|F|other|94043\n",
    },
    "ml-1m": {
        "ml-1m/ratings.dat": b"1::2::5::978300760\n2::1::1::978300860\n1::1::3::978300960\n",
        "ml-1m/movies.dat": b'1::Toy (1995)::Animation|Comedy\n2::Caf\xe9: no "x" (1996)::Drama\n',
        "ml-1m/users.dat": b"1::F::1::10::48067\n2::M::56::16::70072\n",
    },
    "ml-latest-small": {
        "ml-latest-small/ratings.csv": (
            b"userId,movieId,rating,timestamp\n1,2,4.5,964982703\n2,1,1.0,964981247\n"
        ),
        "ml-latest-small/movies.csv": (
            b'movieId,title,genres\n1,"Toy, The",Comedy|War\n2,Old,(no genres listed)\n'
        ),
    },
}  # fmt: skip


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes `download` give a small archive laid out like the real one."""

    def use(name: str) -> None:
        archive = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(archive, "w") as out:
            for member, content in ARCHIVES[name].items():
                out.writestr(member, content)
        monkeypatch.setattr(registry, "download", lambda url, *rest: archive)

    return use


def test_a_damaged_archive_leaves_no_folder(
    fetched: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched("ml-1m")
    with pytest.raises(DataError, match=r"ml-100k/u\.data"):
        get("ml-100k", tmp_path / "films")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK no zip")
    monkeypatch.setattr(registry, "download", lambda *args: broken)
    with pytest.raises(DataError, match="zip archive"):
        get("ml-1m", tmp_path / "films")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.zip", "ml-1m.zip"]


def test_an_interruption_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "groceries", interrupt)
    with pytest.raises(KeyboardInterrupt):
        get("groceries", tmp_path / "shop", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_kept_unless_forced(
    fetched: Callable[[str], None], tmp_path: Path
) -> None:
    fetched("ml-1m")
    place = tmp_path / "films"
    place.mkdir()
    get("ml-1m", place)  # an empty folder is as good as none
    (place / "mine.txt").write_text("mine")
    (place / "items.csv").write_text("other")
    with pytest.raises(SpecError, match="exists already"):
        get("ml-1m", place)
    assert (place / "items.csv").read_text() == "other"
    get("ml-1m", place, force=True)
    assert (place / "mine.txt").read_text() == "mine" and read(place).n_items == 2


def test_any_address_is_kept_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(url: str, target: Path, sha256: str | None, progress: Any) -> Path:
        asked.append((url, target, sha256))
        target.parent.mkdir(parents=True)
        target.write_bytes(b"abc")
        return target

    monkeypatch.setattr(registry, "download", download)
    found = get("https://x.org/a.csv", tmp_path / "out", sha256="0" * 64, cache=tmp_path / "cache")
    digest = hashlib.sha256(b"abc").hexdigest()
    assert found == {"file": "a.csv", "bytes": 3, "sha256": digest}
    assert (tmp_path / "out" / "a.csv").read_bytes() == b"abc"
    get("https://y.org/a.csv", tmp_path / "two", cache=tmp_path / "cache")
    assert asked[0][1].name == asked[1][1].name == "a.csv" and asked[0][1] != asked[1][1]
    assert [a[2] for a in asked] == ["0" * 64, None]


def test_names_are_known_or_nearly_so() -> None:
    assert [s.name for s in SETS] == ["groceries", "ml-100k", "ml-1m", "ml-latest-small"]
    with pytest.raises(SpecError, match="did you mean 'ml-100k'"):
        find("ml-100")
    with pytest.raises(SpecError, match="sha256 with an address only"):
        get("ml-1m", "nowhere", sha256="0" * 64)
    for s in SETS:
        assert s.licence and s.note
        assert not s.url or (s.url.startswith("https://") and s.sha256 is not None and len(s.sha256) == 64)
