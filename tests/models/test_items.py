"""Pictures as content: items that join later bring theirs."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest

import sidelight as sl

PIL = pytest.importorskip("PIL.Image", reason="needs the extra 'image'")


def picture(colour):
    out = io.BytesIO()
    noise = np.random.default_rng(sum(colour)).integers(0, 30, (24, 24, 3))
    PIL.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_a_new_item_with_a_picture_goes_to_those_who_like_its_colour(tmp_path):
    red, blue = (200, 20, 20), (20, 20, 200)
    items = pl.DataFrame({"item_id": range(20), "photo": [picture((red, blue)[i % 2]) for i in range(20)]})
    rng = np.random.default_rng(0)
    events = [(u, int(i)) for u in range(30) for i in rng.choice(range(u % 2, 20, 2), 4, replace=False)]
    log = pl.DataFrame(events, schema=["user_id", "item_id"], orient="row")
    split = sl.split.random_per_user(sl.from_frames(log, items))
    model = sl.ContentKNN((sl.Image("photo"),)).fit(split)
    model.save(tmp_path / "m")
    for each in (model, sl.load(tmp_path / "m")):
        grown = each.add_items(pl.DataFrame({"item_id": [99], "photo": [picture(red)]}))
        found = grown.audience([99], k=10)
        assert (found["user_id"].to_numpy() % 2 == 0).all() and len(found) == 10
