"""One list of old and new items, on made-up data whose truth is known.

Run: python examples/one_list.py
"""

import numpy as np

import sidelight as sl
from sidelight.data.synthetic import make_synthetic

made = make_synthetic(n_users=400, n_items=500, n_events=10_000, seed=1)
split = sl.split.temporal(made.data, validation=0.15, test=0.15)
content = (sl.Text("title", "description"), sl.Categories("category"))

for name, spec in {
    "EASE": sl.EASE(reg=100.0),
    "content neighbours": sl.ContentKNN(content),
    "blend": sl.Blend((sl.Popular(), sl.EASE(reg=100.0), sl.ContentKNN(content), sl.Ridge(content))),
}.items():
    model = spec.fit(split)
    figures = sl.evaluate(model, split, ks=(10,)).figures()
    new, known, one = (figures[f"{s}.ndcg@10"] for s in ("cold", "warm", "overall"))
    print(f"{name:20s} new {new:.3f}  known {known:.3f}  one list {one:.3f}", end="  ")
    print(f"slots to new items {figures['overall.cold_slots@10']:.0%}")

# How much of what each person truly likes best is in the blend's lists?
affinity = made.affinity(np.arange(5))
lists = model.recommend(users=made.data.user_ids[:5].tolist(), k=10)
for row, (_, items) in enumerate(lists.group_by("user_id", maintain_order=True)):
    at = made.data.item_index(items["item_id"].to_list())
    rank = (affinity[row][:, None] < affinity[row][at]).mean()
    print(f"user {row}: the listed items are truly above {rank:.0%} of the catalogue")
