"""`train`, `recommend` and `similar` as a person at a terminal uses them."""

from __future__ import annotations

import json

from cli.commands import call, lines

import sidelight as sl


def test_lists_as_json_lines(bundle, capfd):
    assert call("recommend", bundle, "-u", "u01", "-u", "nobody", "-k", "3", "--json", "--why") == 0
    rows = lines(capfd)
    assert [r["rank"] for r in rows] == [1, 2, 3, 1, 2, 3]
    assert all(r["item"] and r["reasons"].endswith("%)") for r in rows[:3])
    assert all(bool(r["because"]) == (r["source"] == "personal") for r in rows[:3])
    assert {r["source"] for r in rows[3:]} == {"popular:unknown-user"}
    assert {(r["because"], r["reasons"]) for r in rows[3:]} == {("", "")}


def test_a_history_of_somebody_new(bundle, capfd):
    assert call("recommend", bundle, "--history", "i01, i05", "-k", "4", "--json") == 0
    rows = lines(capfd)
    assert len(rows) == 4 and not {"i01", "i05"} & {r["item_id"] for r in rows}


def test_an_item_from_a_file_has_an_audience_at_once(bundle, capfd, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("item_id,title\nn1,sturdy tent no 81\n")
    assert call("recommend", bundle, "--add", new, "--audience", "n1", "-k", "2", "--json") == 0
    out, err = capfd.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [r["item_id"] for r in rows] == ["n1", "n1"]
    reached, users = {(r["reached"], r["users"]) for r in rows}.pop()
    assert f"n1: {reached} of {users} users would have it among the first 2" in err and reached <= users


def test_two_questions_at_once_are_refused(bundle, capfd):
    assert call("recommend", bundle, "-u", "u01", "--history", "i01") == 1
    assert "--user and --history" in capfd.readouterr().err


def test_a_damaged_bundle_is_refused(bundle, capfd, tmp_path):
    import shutil

    copy = tmp_path / "m"
    shutil.copytree(bundle, copy)
    victim = next((copy / "arrays").rglob("*.npy"))
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert call("recommend", copy, "-u", "u01") == 1
    assert victim.name in capfd.readouterr().err


def test_a_split_never_replaces_a_model(bundle, shop, capfd, tmp_path):
    import shutil

    copy = shutil.copytree(bundle, tmp_path / "m")
    assert call("split", shop, "-o", copy, "--force") == 1
    assert "same kind" in capfd.readouterr().err
    assert len(sl.load(copy).items) == 80


def test_a_split_is_no_model(bundle, capfd):
    assert call("recommend", bundle.parent / "split", "-u", "u01") == 1
    assert "expected a model" in capfd.readouterr().err


def test_an_item_that_says_nothing_has_nobody_and_it_is_said(bundle, capfd, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("item_id,title\nn1,\n")
    assert call("recommend", bundle, "--add", new, "--audience", "n1", "--json") == 0
    err = capfd.readouterr().err
    assert "n1: 0 of 60 users" in err and "no user to show" in err


def test_the_audience_comes_with_reasons(bundle, capfd):
    assert call("recommend", bundle, "--audience", "i77", "-k", "2", "--why", "--json") == 0
    assert all("%" in row["reasons"] and row["place"] >= 1 for row in lines(capfd))
