"""Headline of the page: the verdict, and leaks that take it back."""

from __future__ import annotations

import re

import pytest
from report import made_record

from sidelight.report.page import page


@pytest.mark.parametrize(
    ("low", "high", "mark"),
    [
        (0.01, 0.03, "better"),
        (-0.03, -0.01, "worse"),
        (-0.01, 0.03, "no clear difference"),
        (None, 0.03, "no interval"),
    ],
)
def test_the_verdict_is_that_of_the_interval(low: float | None, high: float, mark: str) -> None:
    record = made_record.made()
    record["answer"] |= {"low": low, "high": high}
    [verdict] = re.findall(r'<p class="verdict \w+">.*?</span> (.*?)</p>', page(record))
    assert verdict == mark


def test_a_leak_is_a_banner_and_a_mark_and_no_clear_gain() -> None:
    record = made_record.few()
    arm = record["arms"][1]["name"]
    record["warnings"] = [{"arm": arm, "kind": "leak", "text": "context <b> names the item"}]
    html = page(record)
    [banner] = re.findall(r'<div class="alert" role="alert">.*?</div>', html, re.DOTALL)
    assert "context &lt;b&gt; names the item" in banner and arm in banner
    assert html.count("\u26a0 leak?") > 5 and "may have seen the answer" in html
    assert not re.search(r"Largest clear gain: <bdi[^>]*>" + re.escape(arm) + "<", html)
    assert 'class="alert"' not in page(made_record.few())
