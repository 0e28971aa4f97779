"""The model that the schema chooses."""

from __future__ import annotations

from dataclasses import replace

import sidelight as sl
from sidelight.data.schema import Schema
from sidelight.models.default_model import automatic, components, content_of, late_labels, without_words


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


def test_late_labels_are_those_that_new_items_lack(_shop):
    schema = sl.read(_shop).schema
    late = {"brand", "tags", "title"}
    items = tuple(
        replace(c, known_at_launch=c.name not in late, sensitive=c.name == "tags") for c in schema.items
    )
    assert late_labels(schema) == ()
    assert late_labels(Schema(items=items)) == (sl.Categories("brand"),)
    told = replace(items[0], name="shelf", role="tags", known_at_launch=False, consent=None)
    assert late_labels(Schema(items=(*items, told)))[0] == sl.Tags("shelf")


def test_predicted_labels_are_content_of_the_parts_that_weigh_it():
    text, labels = (sl.Text("title"),), (sl.Tags("tags"),)
    predicted = sl.PredictedLabels(labels[0], text)
    plain, told = components(text, text, False), components(text, text, False, labels=labels)
    assert not any("PredictedLabels" in repr(each) for each in plain)
    assert sl.ContentKNN((*text, predicted)) in told and sl.L3AE((*text, predicted)) in told
    assert sl.ContentKNN(text, steps=2) in told  # labels that say nothing do not spoil the list
    assert components((), (), True, labels=labels) == components((), (), True)


def test_words_are_left_out_beside_vectors_of_the_same_text():
    words, vectors, brand = sl.Text("title"), sl.Text("title", encoder="minilm"), sl.Categories("brand")
    assert without_words((words, brand)) == (words, brand)
    assert without_words((words, brand, vectors)) == (brand, vectors)
