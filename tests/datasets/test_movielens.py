"""MovieLens archives as tables."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sidelight.data.read import read
from sidelight.datasets import registry
from sidelight.datasets.registry import get

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


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_become_tables_that_read(fetched: Callable[[str], None], tmp_path: Path, name: str) -> None:
    fetched(name)
    counts = get(name, tmp_path / "films")
    data = read(tmp_path / "films")
    assert (counts["users"], counts["items"]) == (data.n_users, data.n_items) == (2, 2)
    assert counts["events"] == len(data.interactions)
    assert data.interactions.timestamp is not None
    assert 19 < data.interactions.timestamp.min() / (365.25 * 86_400e6) < 32  # years since 1970
    assert data.interactions.weight.max() >= 4.5
    genres = data.items["genres"].to_list()
    assert genres[0] is not None and len(genres[0]) in (2, 3)
    assert {c.name for c in data.schema.users if c.sensitive} >= (
        {"age", "gender"} if name != "ml-latest-small" else set()
    )


def test_older_archives_keep_their_letters(fetched: Callable[[str], None], tmp_path: Path) -> None:
    fetched("ml-100k")
    get("ml-100k", tmp_path / "films")
    data = read(tmp_path / "films")
    assert data.items["title"].to_list() == ["Toy (1995)", "Caf\xe9 (1996)"]
    assert data.items["genres"].to_list() == [["Animation", "Children's", "Comedy"], None]
    assert data.items["released"].to_list() == [788_918_400_000_000, None]
    assert data.users["age"].to_list() == [24, 53]
    fetched("ml-1m")
    get("ml-1m", tmp_path / "more")
    assert read(tmp_path / "more").items["title"][1] == 'Caf\xe9: no "x" (1996)'
