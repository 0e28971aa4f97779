"""`sidelight similar`: the nearest items, and unknown ids."""

from __future__ import annotations

from cli.commands import call, lines


def test_similar_items(bundle, capfd):
    assert call("similar", bundle, "-i", "i09", "-k", "3", "--json") == 0
    assert len(lines(capfd)) == 3
    assert call("similar", bundle, "-i", "i9", "-k", "3") == 1
    assert "did you mean 'i" in capfd.readouterr().err
