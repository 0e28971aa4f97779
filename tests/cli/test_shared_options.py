"""Shared options of the verbs: numbers with commas, and a split whose data has moved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import typer

import sidelight as sl
from sidelight.cli.shared_options import load_split, parse_cutoffs, parse_numbers
from sidelight.data.split.files import write_split
from sidelight.errors import SidelightError


def test_numbers_keep_their_order_and_kind() -> None:
    assert parse_numbers("1,0.5, .25", float, "shares") == (1.0, 0.5, 0.25)
    assert parse_cutoffs("20,5") == (20, 5)


@pytest.mark.parametrize("text", ["", "a", "10,", "1.5", "0,10", "-1"])
def test_what_is_no_cut_off_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected"):
        parse_cutoffs(text)


def test_a_split_finds_data_that_has_moved(shop: Path, tmp_path: Path) -> None:
    write_split(sl.split.automatic(sl.read(shop)), tmp_path / "split", source=shop)
    before = load_split(tmp_path / "split", None)
    moved = Path(shutil.move(shop, tmp_path / "elsewhere"))
    with pytest.raises(SidelightError):
        load_split(tmp_path / "split", None)
    assert load_split(tmp_path / "split", moved).hash == before.hash
