"""Does a task help? The same model with and without it, seed by seed, with intervals, and a page to show.

Run: python examples/does_it_help.py
"""

from pathlib import Path
from tempfile import mkdtemp

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.experiment.arms import controls
from sidelight.report.page import write

split = sl.split.cold_items(make_synthetic(300, 200, 3000, seed=1).data)
title = sl.Text("title", min_df=1)
plain = sl.TwoTower((title, sl.Categories("category")), dim=16, options=sl.TrainingOptions(epochs=4, lr=0.01))
arms = {
    "clicks": plain,
    "clicks and tags": plain.with_tasks(
        sl.LabelPrediction(sl.Tags("tags"), min_items=2),
        sl.ContentNeighbours((title.name,)),
        weighting=sl.ValidationGuided(),
    ),
}
found = sl.compare(split, arms, seeds=3, keep=(1.0, 0.3))
print(found)

# A task of dice must not win: if it does, do not believe the table above.
noise = controls(plain, sl.ValidationGuided())
print(sl.compare(split, noise, seeds=3))

page = write(found.to_dict(), Path(mkdtemp()) / "report.html")
print(f"The page: {page.stat().st_size / 1000:.0f} KB, opens without a network")
