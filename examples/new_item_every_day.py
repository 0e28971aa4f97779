"""A catalogue that grows: items join a saved model and find their audience without retraining.

Run: python examples/new_item_every_day.py
"""

import tempfile
from pathlib import Path

import polars as pl

import sidelight as sl
from sidelight.data.synthetic import make_synthetic

data = make_synthetic(n_users=300, n_items=300, n_events=6_000, seed=2).data
split = sl.split.automatic(data)
folder = Path(tempfile.mkdtemp()) / "model"
sl.Blend((sl.EASE(reg=100.0), sl.ContentKNN((sl.Text("title"),)))).fit(split).save(folder)

model = sl.load(folder)  # every file is checked against its hash
for day in range(3):
    like = data.items["title"][17 * day]  # today's item reads like one we know
    new_id = int(data.item_ids.max()) + day + 1 if data.item_ids.dtype.kind in "iu" else f"new-{day}"
    model = model.add_items(pl.DataFrame({"item_id": [new_id], "title": [like]}))
    audience = model.audience(new_id, k=3)
    reason = model.explain(new_id, user=audience["user_id"][0])
    print(f"{new_id}: {like!r} for {audience['user_id'].to_list()}; {reason}")
model.save(folder, force=True)
