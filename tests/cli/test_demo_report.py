"""Output of the demo: rows of the record, lists and the new product."""

from __future__ import annotations

import re
from pathlib import Path

from cli.commands import installed

from sidelight.cli import demo, demo_arms
from sidelight.experiment.comparison import Comparison


@installed
def test_four_rows_say_what_the_record_says(demo_run: tuple[Path, str]) -> None:
    place, said = demo_run
    found = Comparison.load(place / demo_arms.FOLDER)
    lines = [line.strip() for line in said.splitlines()]
    rows = [line for line in lines if line.startswith(demo_arms.ARMS) and line.endswith("%")]
    assert [next(a for a in demo_arms.ARMS if row.startswith(a)) for row in rows] == list(demo_arms.ARMS)
    for arm, row in zip(demo_arms.ARMS, rows, strict=True):
        figures = found.run(arm, 1.0, 0).evaluation.figures()
        shown = [f"{figures[f'{s}.ndcg@20']:.4f}" for s in ("cold", "warm", "overall")]
        assert row.split()[-4:] == [*shown, f"{figures['overall.cold_slots@20']:.1%}"]


@installed
def test_lists_and_the_new_product_are_shown(demo_run: tuple[Path, str]) -> None:
    _, said = demo_run
    assert len(re.findall(r"^Household \d+ \(\d+ products bought\)", said, re.MULTILINE)) == 2
    assert demo.NEW_PRODUCT["title"] in said
    # A history that adds little to a score is no cause of it.
    assert "because" not in said
