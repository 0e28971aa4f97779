"""Fixtures of this folder."""

from __future__ import annotations

import pytest
import served

from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine


@pytest.fixture
def engine(tmp_path):
    with served.engine(tmp_path, start=True) as made:
        yield made


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    folder = tmp_path_factory.mktemp("big")
    served.large().save(folder / "bundle")
    with Database.open(str(folder / "d.sqlite")) as database:
        yield Engine(folder / "bundle", database)


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engines")
    made = {}
    with Database.open(str(folder / "none.sqlite")) as database:

        def get(name):
            if name not in made:
                served.model(name).save(folder / name)
                made[name] = Engine(folder / name, database)
            return made[name]

        yield get
