"""The model that the schema chooses."""

from __future__ import annotations

from dataclasses import replace

import sidelight as sl
from sidelight.data.schema import Schema
from sidelight.models.default_model import automatic, content_of


def test_content_is_what_is_known_at_launch_and_not_sensitive(_shop):
    schema = sl.read(_shop).schema
    items = tuple(
        replace(c, known_at_launch=c.name != "brand", sensitive=c.name == "tags") for c in schema.items
    )
    lexical, everything = content_of(Schema(items=items), sentences=False)
    assert lexical == everything == (sl.Text("title", "description"),)


def test_sentence_vectors_are_added_on_request(_shop):
    lexical, everything = content_of(sl.read(_shop).schema, sentences=True)
    assert everything[-1] == sl.Text("title", "description", encoder="minilm")
    assert lexical == everything[: len(lexical)]


def test_the_chosen_blend_fits_and_shows_new_items(_shop):
    split = sl.split.automatic(sl.read(_shop))
    model = automatic(split, sentences=False).fit(split)
    figures = sl.evaluate(model, split).figures()
    assert figures["overall.cold_slots@10"] > 0
