"""`store` as a person at a terminal uses it."""

from __future__ import annotations

import json
from pathlib import Path

import made_store
import pytest
from cli.commands import call, lines

from sidelight.serving.store.store import Store


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    place = tmp_path_factory.mktemp("bundles")
    metrics = {"overall.ndcg@10": 0.25, "cold.ndcg@10": 0.125}
    return [made_store.model(seed).save(place / f"m{seed}", metrics=metrics) for seed in (0, 1)]


@pytest.fixture
def store(tmp_path, bundles, capfd):
    """Two versions; `old` serves."""
    root = tmp_path / "store"
    assert call("store", "publish", root, bundles[0], "--name", "old", "--promote") == 0
    assert call("store", "publish", root, bundles[1], "--name", "new", "--note", "more words") == 0
    capfd.readouterr()
    return root


def test_publish_says_how_to_go_on(tmp_path, bundles, capfd):
    assert call("store", "publish", tmp_path / "s", bundles[0], "--json") == 0
    out, err = capfd.readouterr()
    name = json.loads(out)["name"]
    assert json.loads(out)["state"] == ""
    assert f"sidelight store promote {tmp_path / 's'} {name}" in err
    assert call("store", "promote", tmp_path / "s", name, "--json") == 0
    assert lines(capfd)[0]["state"] == "current"


def test_the_list_says_what_serves(store, capfd):
    assert call("store", "list", store, "--json") == 0
    new, old = lines(capfd)
    assert (new["name"], new["state"], new["note"]) == ("new", "", "more words")
    assert (old["name"], old["state"], old["model"], old["ndcg@10"]) == ("old", "current", "EASE", 0.25)
    assert call("store", "list", store) == 0
    assert "more words" in capfd.readouterr().out


def test_promote_and_roll_back(store, capfd):
    assert call("store", "promote", store, "new") == 0
    capfd.readouterr()
    assert call("store", "list", store, "--json") == 0
    assert [row["state"] for row in lines(capfd)] == ["current", "previous"]
    assert call("store", "rollback", store, "--json") == 0
    assert lines(capfd)[0]["name"] == "old"
    assert call("store", "rollback", store) == 1
    assert "served before" in capfd.readouterr().err


def test_show_has_all_that_is_known(store, capfd):
    assert call("store", "show", store, "new", "--json", "--check") == 0
    out, err = capfd.readouterr()
    row = json.loads(out)
    assert row["metrics"]["cold.ndcg@10"] == 0.125
    assert row["fingerprint"] == "data of seed 1" and row["spec"]["reg"]
    assert Path(row["path"]) == store / "versions" / "new"
    assert "canary queries" in err
    assert call("store", "show", store, "new") == 0
    assert "metric cold.ndcg@10" in capfd.readouterr().out


def test_prune_names_what_it_removed(store, capfd):
    assert call("store", "promote", store, "new") == 0
    for _ in range(2):
        assert call("store", "publish", store, store / "versions" / "old") == 0
    capfd.readouterr()
    assert call("store", "prune", store, "--keep", "1", "--json") == 0
    assert len(lines(capfd)) == 1
    assert {each.name for each in Store(store).list()} >= {"old", "new"}
    assert call("store", "prune", store, "--keep", "0") == 2


def test_a_damaged_version_is_one_line_and_never_serves(store, capfd):
    victim = next((store / "versions" / "new" / "arrays").rglob("*.npy"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"\1")
    for verb in (("promote",), ("show", "--check")):
        assert call("store", verb[0], store, "new", *verb[1:]) == 1
        err = capfd.readouterr().err
        assert victim.name in err and err.count("\n") == 1
    assert Store(store).current_name() == "old"
    victim.unlink()
    assert call("store", "list", store, "--json") == 0
    out, err = capfd.readouterr()
    assert "new is damaged" in err and [json.loads(line)["name"] for line in out.splitlines()] == ["old"]


@pytest.mark.parametrize("verb", ["list", "rollback", "prune", "show", "promote"])
def test_a_mistyped_folder_is_no_empty_store(tmp_path, capfd, verb):
    name = ["a"] if verb in ("show", "promote") else []
    assert call("store", verb, tmp_path / "stroe", *name) == 1
    assert "expected a store" in capfd.readouterr().err
    assert not (tmp_path / "stroe").exists()


def test_what_is_no_bundle_and_what_is_taken_are_refused(store, bundles, capfd):
    assert call("store", "publish", store, store) == 1
    assert "manifest.json" in capfd.readouterr().err
    assert call("store", "publish", store, bundles[0], "--name", "old") == 1
    assert "another name" in capfd.readouterr().err
    assert call("store", "promote", store, "onew") == 1
    assert "did you mean 'new'" in capfd.readouterr().err


def test_a_full_disk_is_one_line(store, bundles, capfd, monkeypatch):
    import errno
    import os

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert call("store", "promote", store, "new") == 1
    err = capfd.readouterr().err
    assert err == f"sidelight: error: {store}: No space left on device\n"
    assert Store(store).current_name() == "old"
