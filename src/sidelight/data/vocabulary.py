"""Words in names of columns, files and parts, by what they suggest; the lists are in `vocabulary.toml`."""

from __future__ import annotations

import tomllib
from importlib.resources import files

_LISTS: dict[str, dict[str, tuple[str, ...]]] = {
    section: {name: tuple(words.split()) for name, words in lists.items()}
    for section, lists in tomllib.loads(
        files(__package__).joinpath("vocabulary.toml").read_text("utf-8")
    ).items()
}
# Words of a column name that suggest a role or a flag.
ROLE_WORDS = {name: frozenset(words) for name, words in _LISTS["roles"].items()}
# Names of other projects for each canonical column, in order of precedence after the canonical name.
ALIASES = _LISTS["aliases"]
# Names of files that hold each table, and names of the parts of published splits.
FILE_NAMES, PART_NAMES = _LISTS["files"], _LISTS["parts"]
