"""The model that the schema chooses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

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


def test_the_default_uses_links_and_a_new_item_follows_its_links():
    rng = np.random.default_rng(3)
    group = rng.integers(0, 3, 60)
    members = [np.flatnonzero(group == kind) for kind in range(3)]
    lists = [[f"i{j}" for j in rng.permutation(members[group[i]])[:4] if j != i] for i in range(60)]
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(60)], "cites": lists})
    events = [(u, f"i{i}") for u in range(60) for i in rng.permutation(members[u % 3])[:6]]
    data = sl.from_frames(pl.DataFrame(events, ["user_id", "item_id"], orient="row"), items=items)
    split = sl.split.random_per_user(data, validation=0.1, test=0.1)
    spec = automatic(split)
    assert any(sl.Links("cites") in getattr(part, "content", ()) for part in spec.components)
    row = {"item_id": ["new"], "cites": [[f"i{j}" for j in members[1][:3]]]}
    model = spec.fit(split).add_items(pl.DataFrame(row))
    found = model.recommend(histories=[[f"i{kind[0]}"] for kind in members[1:]], k=61)
    rank = dict(found.filter(pl.col("item_id") == "new").select("user_id", "rank").iter_rows())
    near, far = (rank.get(user, 99) for user in found["user_id"].unique(maintain_order=True))
    assert near <= 25 and near < far
