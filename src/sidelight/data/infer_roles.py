"""Inference of column roles from names and values. Every guess is written to sidelight.toml."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from sidelight.data.parse_lists import bracketed, objects, uncalled
from sidelight.data.parse_values import delimiter, numbers_in, share, truth, words_each
from sidelight.data.schema import Column, Role
from sidelight.data.timestamps import time_unit
from sidelight.data.vocabulary import ROLE_WORDS

_CONSENT = re.compile(r"(^|_)(consent|consented|opt_?in|opted_?in)(_|$)", re.IGNORECASE)
_IMAGE = r"(?i)^\S.*\.(jpe?g|png|gif|webp|bmp|tiff?)$"


def tokens(name: str) -> frozenset[str]:
    """Return the words of a column name: "salesRank" and "sales_rank" both give {"sales", "rank"}."""
    return frozenset(w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name))


def is_sensitive(name: str) -> bool:
    """Test whether a column of users looks like a protected attribute."""
    return bool(tokens(name) & ROLE_WORDS["sensitive"])


def is_afterwards(name: str) -> bool:
    """Test whether a column of items looks like one that only exists after release."""
    words = tokens(name)
    return bool(words & ROLE_WORDS["afterwards"]) and not words & ROLE_WORDS["given"]


def is_consent(name: str, values: pl.Series) -> bool:
    """Test whether a column allows the use of others: consent*, opt_in* with truth values."""
    if not _CONSENT.search(name):
        return False
    if values.dtype == pl.Boolean:
        return True
    known = values.drop_nulls().unique().head(20)
    kind: Any = known.dtype
    return kind != pl.Binary and not isinstance(kind, pl.List) and not truth(known).null_count()


def is_links(labels: pl.Series, ids: pl.Series) -> bool:
    """Test whether a column of lists names other items: by its name, and half of its labels are item ids.

    Args:
        labels: List(String), as parsed tags.
        ids: Item ids of the table.
    """
    if not tokens(labels.name) & ROLE_WORDS["links"]:
        return False
    known = labels.explode(empty_as_null=False, keep_nulls=False).unique()
    return share(known.is_in(ids.cast(pl.String).implode())) >= 0.5


def infer_role(values: pl.Series, table: str) -> Role:
    """Infer the role that name and values suggest; the same for every row order.

    Text is long or mostly distinct words, a category has few distinct values for its rows, tags are
    lists or values joined by | ; or comma, a vector is a list of floats. A column of distinct single
    words (codes, links), of JSON objects or without a value is "ignore".

    Args:
        values: The column, of a type that `plain` gives, nulls where nothing is known.
        table: "interactions" gives "context", or "ignore" for free text, which is mostly written after
            the event that it would help to predict; "users" never gives "text".
    """
    if table == "interactions":
        return "ignore" if is_free_text(values) else "context"
    known = values.drop_nulls()
    kind: Any = values.dtype
    if kind == pl.Binary:
        return "image_bytes"
    if isinstance(kind, pl.List):
        return "vector" if kind.inner.is_float() else "tags"
    if known.is_empty():
        return "ignore"
    if kind.is_temporal():
        return "timestamp"
    if kind == pl.Boolean:
        return "category"
    return _number_role(known) if kind.is_numeric() else _string_role(known, table)


def is_free_text(values: pl.Series) -> bool:
    """Test whether a column of events holds sentences, or is named as text and holds many words.

    Labels of a few words ("smart phone") are none: text differs in most rows and has 4 words on
    average, or 1.5 where there are more than 20 different ones or the name says so.
    """
    if values.dtype != pl.String:
        return False
    text = values.drop_nulls()
    if text.is_empty() or numbers_in(text).count() * 2 > len(text) or time_unit(text):
        return False
    named = bool(tokens(values.name) & (ROLE_WORDS["text"] | ROLE_WORDS["written"]))
    length, distinct = words_each(text), text.n_unique()
    if length >= 4 or named:
        return length >= 1.5 and (named or distinct * 2 > len(text) or distinct > 20)
    return length >= 1.5 and distinct * 2 > len(text) and distinct > 20


def _number_role(known: pl.Series) -> Role:
    words = tokens(known.name)
    distinct = known.n_unique()
    if words & ROLE_WORDS["time"] and not words & ROLE_WORDS["number"] and time_unit(known):
        return "timestamp"
    if words & ROLE_WORDS["key"]:
        return "category" if distinct * 2 <= len(known) else "ignore"
    labels = words & ROLE_WORDS["label"] and not words & {"size"}
    if labels and distinct * 2 <= max(len(known), 20):
        return "category"
    return "number"


def _string_role(known: pl.Series, table: str) -> Role:
    text = known.str.strip_chars()
    text = text.filter(text != "")
    words = tokens(known.name)
    if text.is_empty():
        return "ignore"
    lists = bracketed(text)
    if share(lists) >= 0.9:
        numbers = uncalled(text.filter(lists)).str.contains(r"^[\[({][-+\d.eE,\s]*[\])}]$").all()
        return "vector" if numbers and text.str.contains(".", literal=True).any() else "tags"
    if objects(text).all():
        return "ignore"
    as_lists = bool(words & (ROLE_WORDS["list"] | ROLE_WORDS["links"]))
    parsed = (text.cast(pl.Float64, strict=False) if as_lists else numbers_in(text)).drop_nulls()
    enough = 0.5 if words & ROLE_WORDS["number"] else 0.9
    if len(parsed) >= enough * len(text) and not text.str.contains(r"^-?0\d").any():
        return _number_role(parsed)
    if time_unit(text):
        return "timestamp"
    if share(text.str.contains(_IMAGE)) >= 0.9:
        return "ignore" if text.str.contains("://").any() else "image_path"
    return _word_role(text, words, table)


def _word_role(text: pl.Series, words: frozenset[str], table: str) -> Role:
    distinct = text.n_unique() / len(text)
    length = words_each(text)
    if words & ROLE_WORDS["links"] and delimiter(text):
        return "tags"
    if words & ROLE_WORDS["key"] and length < 1.5:
        return "category" if distinct <= 0.5 else "ignore"
    if not words & ROLE_WORDS["text"] and delimiter(text):
        return "tags"
    if words & ROLE_WORDS["label"] and length < 8:
        return "category"
    wordy = length >= 6 and text.n_unique() > 20
    if table == "users":
        return "ignore" if wordy or (distinct > 0.5 and len(text) >= 20) else "category"
    if words & ROLE_WORDS["text"] or wordy or (distinct > 0.5 and length >= 1.5):
        return "text"
    return "category" if distinct <= 0.5 or len(text) < 20 else "ignore"


def describe(table: str, values: Sequence[pl.Series], roles: Sequence[Role]) -> tuple[Column, ...]:
    """Return columns with their flags: sensitive, known at launch, and the consent they need.

    A consent column "consent_age" rules the column "age" alone where there is one; any other rules
    every attribute of its table.
    """
    names = [v.name for v in values]
    consents = [
        v.name for v, role in zip(values, roles, strict=True) if role == "context" and is_consent(v.name, v)
    ]
    rules: dict[str, str] = {}
    for consent in consents:
        own = [n for n in names if n != consent and consent.lower().endswith("_" + n.lower())]
        free = [n for n in names if n not in consents and n not in rules]
        rules.update(dict.fromkeys(own or free, consent))
    of_users = table in ("users", "interactions")
    ids = {"user_id", "item_id", "timestamp", "position", "weight"}
    return tuple(
        Column(
            name,
            role,
            sensitive=of_users and role not in ids and is_sensitive(name),
            known_at_launch=not (table == "items" and role not in ids and is_afterwards(name)),
            consent=None if role in ids else rules.get(name),
        )
        for name, role in zip(names, roles, strict=True)
    )
