"""Word lists: each word has one meaning, in the form in which names are compared."""

from __future__ import annotations

from collections import Counter

import pytest

from sidelight.data.column_names import squash
from sidelight.data.infer_roles import tokens
from sidelight.data.schema import TABLES
from sidelight.data.vocabulary import ALIASES, FILE_NAMES, PART_NAMES, ROLE_WORDS


@pytest.mark.parametrize("lists", [ALIASES, FILE_NAMES, PART_NAMES], ids=["aliases", "files", "parts"])
def test_no_name_stands_for_two_things(lists: dict[str, tuple[str, ...]]) -> None:
    count = Counter(name for names in lists.values() for name in {squash(n) for n in names})
    assert count and max(count.values()) == 1


def test_the_lists_name_the_tables_and_parts_and_begin_with_their_own_names() -> None:
    assert tuple(FILE_NAMES) == TABLES
    assert list(PART_NAMES) == ["train", "validation", "test"]
    assert all(names[0] == own for lists in (FILE_NAMES, PART_NAMES) for own, names in lists.items())


@pytest.mark.parametrize("name", ROLE_WORDS)
def test_words_are_what_column_names_are_cut_into(name: str) -> None:
    assert ROLE_WORDS[name]
    assert all(tokens(word) == {word} for word in ROLE_WORDS[name])
