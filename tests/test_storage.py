"""A saved folder comes back equal, or is refused by name; the target is never half-written."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sidelight import storage
from sidelight.errors import BundleError, SpecError
from sidelight.manifest import MANIFEST, SEAL, read_manifest, seal

ARRAYS = {
    "scores": np.arange(12, dtype=np.float32).reshape(3, 4),
    "ids": np.array(["i1", "i22", "é ü"]),
    "empty": np.empty((0, 5), dtype=np.int64),
    "0/weights": sp.random(6, 5, 0.4, "csr", dtype=np.float64, random_state=np.random.default_rng(0)),
}
META = {"k": np.int64(3), "nested": {"names": ["a", None]}, "share": 0.1}
FILES = {"notes/spec.toml": b'use = "EASE"\n', "raw": bytes(range(256))}


def same(left: object, right: object) -> bool:
    if sp.issparse(left):
        return sp.issparse(right) and left.dtype == right.dtype and (left != right).nnz == 0
    return left.dtype == right.dtype and np.array_equal(left, right)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return storage.write_folder(tmp_path_factory.mktemp("s") / "model", ARRAYS, META, FILES)


def listed(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("verify", [False, True])
def test_what_goes_in_comes_out(saved: Path, mmap: bool, verify: bool) -> None:
    arrays, meta, files = storage.read_folder(saved, mmap=mmap, verify=verify)
    assert list(arrays) == list(ARRAYS)
    assert all(same(ARRAYS[name], arrays[name]) for name in ARRAYS)
    assert meta == META
    assert files == FILES


@settings(max_examples=25)  # each forces several files to disk
@given(
    value=hnp.arrays(
        dtype=st.one_of(
            hnp.integer_dtypes(),
            hnp.floating_dtypes(sizes=(32, 64)),
            hnp.boolean_dtypes(),
            hnp.unicode_string_dtypes(),
        ),
        shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
)
def test_any_plain_array_under_any_name(
    tmp_path_factory: pytest.TempPathFactory, value: np.ndarray, name: str
) -> None:
    target = tmp_path_factory.mktemp("p") / "x"
    if any(part in ("", ".", "..") for part in name.split("/")):
        with pytest.raises(SpecError, match="parts"):
            storage.write_folder(target, {name: value}, {})
        assert not target.exists()
        return
    storage.write_folder(target, {name: value}, {})
    found = storage.read_folder(target)[0][name]
    assert found.dtype == value.dtype
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("name", listed_names := [
    MANIFEST, SEAL, "files/raw", "files/notes/spec.toml", "arrays/scores.npy", "arrays/ids.npy",
    "arrays/empty.npy", *(f"arrays/0/weights.{part}.npy" for part in storage.CSR_PARTS),
])  # fmt: skip
class TestDamage:
    @settings(max_examples=15)
    @given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
    def test_a_flipped_bit(self, saved: Path, name: str, at: float, bit: int) -> None:
        path = saved / name
        good = path.read_bytes()
        bad = bytearray(good)
        bad[int(at * len(bad))] ^= 1 << bit
        path.write_bytes(bad)
        try:
            with pytest.raises(BundleError, match=MANIFEST if name == SEAL else path.name):
                storage.read_folder(saved)
        finally:
            path.write_bytes(good)

    @settings(max_examples=10)
    @given(keep=st.floats(0, 1, exclude_max=True))
    def test_a_truncated_file_is_seen_without_hashing(self, saved: Path, name: str, keep: float) -> None:
        path = saved / name
        good = path.read_bytes()
        path.write_bytes(good[: int(keep * len(good))])
        try:
            with pytest.raises(BundleError, match=MANIFEST if name == SEAL else path.name):
                storage.read_folder(saved, verify=False)
        finally:
            path.write_bytes(good)

    def test_a_missing_file(self, saved: Path, name: str) -> None:
        path = saved / name
        good = path.read_bytes()
        path.unlink()
        try:
            with pytest.raises(BundleError, match=path.name):
                storage.read_folder(saved, verify=False)
        finally:
            path.write_bytes(good)


def test_the_damage_tests_touch_every_file(saved: Path) -> None:
    assert listed(saved) == sorted(listed_names)


def forged(folder: Path, change: object) -> Path:
    """The folder with its manifest changed by `change(manifest)` and sealed again, as an attacker could."""
    storage.write_folder(folder, ARRAYS, META, FILES)
    manifest = json.loads((folder / MANIFEST).read_text())
    text = change(manifest)
    text = (text if isinstance(text, str) else json.dumps(manifest)).encode()
    (folder / MANIFEST).write_bytes(text)
    (folder / SEAL).write_bytes(seal(text))
    return folder


def test_indices_out_of_range_are_refused_before_they_are_used(tmp_path: Path) -> None:
    def change(manifest: dict) -> None:
        file = "arrays/0/weights.indices.npy"
        path = tmp_path / "m" / file
        np.save(path, np.load(path) + np.int32(1000))
        manifest["files"][file]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()

    with pytest.raises(BundleError, match="CSR matrix"):
        storage.read_folder(forged(tmp_path / "m", change))


def test_objects_are_refused_not_pickled(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="plain dtype"):
        storage.write_folder(tmp_path / "m", {"a": np.array([{}, []], dtype=object)}, {})
    with pytest.raises(SpecError, match="JSON"):
        storage.write_folder(tmp_path / "m", {}, {"a": object()})
    with pytest.raises(SpecError, match="rename one"):
        storage.write_folder(tmp_path / "m", {"a": sp.eye(2, format="csr"), "a.data": np.ones(2)}, {})
    assert os.listdir(tmp_path) == []


def test_an_existing_folder_is_kept_unless_forced(tmp_path: Path) -> None:
    target = storage.write_folder(tmp_path / "m", {"a": np.ones(2)}, {})
    with pytest.raises(SpecError, match="exists already"):
        storage.write_folder(target, {}, {"new": True})
    assert "a" in storage.read_folder(target)[0]
    storage.write_folder(target, {}, {"new": True}, force=True)
    assert storage.read_folder(target) == ({}, {"new": True}, {})
    assert os.listdir(tmp_path) == ["m"]


def test_force_never_replaces_what_is_no_saved_folder(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    with pytest.raises(SpecError, match="something else"):
        storage.write_folder(tmp_path / "home", {}, {}, force=True)
    assert (tmp_path / "home" / "thesis.tex").exists()
    (tmp_path / "empty").mkdir()
    storage.write_folder(tmp_path / "empty", {}, {})
    assert read_manifest(tmp_path / "empty")["meta"] == {}


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    storage.write_folder(tmp_path / "disk/m", {}, {"n": 1})
    (tmp_path / "m").symlink_to(tmp_path / "disk/m")
    storage.write_folder(tmp_path / "m", {}, {"n": 2}, force=True)
    assert (tmp_path / "m").is_symlink()
    assert storage.read_folder(tmp_path / "disk/m")[1] == {"n": 2}
    assert os.listdir(tmp_path / "disk") == ["m"]


@pytest.mark.parametrize("step", ["save", "first rename", "second rename"])
def test_an_interruption_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    target = storage.write_folder(tmp_path / "m", {}, {"old": True})
    rename, calls = os.rename, []

    def interrupted(source: Path, to: Path) -> None:
        calls.append(source)
        if len(calls) == (1 if step == "first rename" else 2):
            raise KeyboardInterrupt
        rename(source, to)

    def no_save(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if step == "save":
        monkeypatch.setattr(storage.np, "save", no_save)
    else:
        monkeypatch.setattr(storage.os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        storage.write_folder(target, {"a": np.ones(3)}, {"old": False}, force=True)
    monkeypatch.undo()
    assert storage.read_folder(target)[1] == {"old": True}
    assert os.listdir(tmp_path) == ["m"]
