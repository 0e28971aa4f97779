"""The id of its database is recorded in a store, and another database is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidelight.errors import BundleError
from sidelight.serving.store.linked_database import DATABASE, link_database

OURS, OTHER = "0123456789abcdef" * 2, "f" * 32


def test_the_first_database_is_recorded_and_known_again(tmp_path: Path) -> None:
    assert link_database(tmp_path, OURS, anew=False) == ""
    assert (tmp_path / DATABASE).read_text() == f"{OURS}\n"
    assert link_database(tmp_path, OURS, anew=False) == "" == link_database(tmp_path, OURS, anew=True)


@pytest.mark.parametrize(("known", "said"), [(OTHER, "another one"), ("half an id", "a damaged note")])
def test_another_database_is_refused_until_it_is_taken_on_purpose(
    tmp_path: Path, known: str, said: str
) -> None:
    (tmp_path / DATABASE).write_text(known)
    with pytest.raises(BundleError, match=said):
        link_database(tmp_path, OURS, anew=False)
    assert (tmp_path / DATABASE).read_text() == known
    assert "does not know who was forgotten" in link_database(tmp_path, OURS, anew=True)
    assert link_database(tmp_path, OURS, anew=False) == ""


def test_a_store_that_cannot_be_written_to_still_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sidelight.serving.store.version_files.atomic_write", full)
    assert "No space left" in link_database(tmp_path, OURS, anew=False)
    assert not (tmp_path / DATABASE).exists()
