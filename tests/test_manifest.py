"""Manifests: a forged one, a file outside the folder and a missing one are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from sidelight import storage
from sidelight.errors import BundleError, SpecError
from sidelight.manifest import KEY, MANIFEST, SEAL, kind_of, next_command, read_manifest, seal

ARRAYS = {
    "scores": np.arange(12, dtype=np.float32).reshape(3, 4),
    "ids": np.array(["i1", "i22", "é ü"]),
    "empty": np.empty((0, 5), dtype=np.int64),
    "0/weights": sp.random(6, 5, 0.4, "csr", dtype=np.float64, random_state=np.random.default_rng(0)),
}


META = {"k": np.int64(3), "nested": {"names": ["a", None]}, "share": 0.1}


FILES = {"notes/spec.toml": b'use = "EASE"\n', "raw": bytes(range(256))}


def forged(folder: Path, change: object) -> Path:
    """The folder with its manifest changed by `change(manifest)` and sealed again, as an attacker could."""
    storage.write_folder(folder, ARRAYS, META, FILES)
    manifest = json.loads((folder / MANIFEST).read_text())
    text = change(manifest)
    text = (text if isinstance(text, str) else json.dumps(manifest)).encode()
    (folder / MANIFEST).write_bytes(text)
    (folder / SEAL).write_bytes(seal(text))
    return folder


def put(*path: object) -> object:
    """A change that sets the entry at a path of keys to the last argument."""

    def change(manifest: dict) -> None:
        for key in path[:-2]:
            manifest = manifest[key]
        manifest[path[-2]] = path[-1]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("schema_version", 3), "schema_version 1 or 2; found 3"),
        (put("schema_version", "1"), "schema_version 1 or 2; found '1'"),
        (lambda m: m.pop("schema_version"), "schema_version"),
        (lambda m: "not json", "JSON object"),
        (lambda m: "[]", "JSON object"),
        (lambda m: "[" * 100_000, "JSON object"),
        (put("arrays", "scores", "files", ["../outside.npy"]), "outside.npy"),
        (
            put("files", "../outside.npy", {"sha256": "0", "bytes": 1}),
            "inside the folder; found '../outside.npy'",
        ),
        (put("files", "/etc/hostname", {"sha256": "0", "bytes": 1}), "inside the folder"),
        (put("files", "a\0b", {"sha256": "0", "bytes": 1}), "inside the folder"),
        (put("arrays", "scores", "kind", "object"), "manifest of the known form"),
        (put("arrays", "scores", "files", []), "manifest of the known form"),
        (put("arrays", []), "manifest of the known form"),
        (put("meta", []), "manifest of the known form"),
        (put("blobs", "raw", "files/other"), "manifest of the known form"),
        (put("arrays", "0/weights", "shape", [6]), "manifest of the known form"),
        (put("arrays", "0/weights", "shape", [6, 1]), "CSR matrix '0/weights'"),
        (put("arrays", "0/weights", "shape", ["a", 1]), "CSR matrix '0/weights'"),
        (put("arrays", "scores", "files", ["files/raw"]), "raw"),
    ],
)
def test_a_forged_manifest_is_refused(tmp_path: Path, change: object, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        storage.read_folder(forged(tmp_path / "m", change))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = storage.write_folder(tmp_path / "m", ARRAYS, META, FILES)
    (tmp_path / "outside").write_bytes(FILES["raw"])
    (folder / "files/raw").unlink()
    (folder / "files/raw").symlink_to(tmp_path / "outside")
    with pytest.raises(BundleError, match="inside the folder"):
        storage.read_folder(folder)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=MANIFEST):
        storage.read_folder(tmp_path / "nothing")


def test_a_signature_needs_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(b"k" * 40)
    monkeypatch.setenv(KEY, str(tmp_path / "key"))
    folder = storage.write_folder(tmp_path / "m", ARRAYS, META, FILES)
    assert read_manifest(folder)["meta"] == {"k": 3, "nested": {"names": ["a", None]}, "share": 0.1}
    (tmp_path / "key").write_bytes(b"x" * 40)
    with pytest.raises(BundleError, match="do not trust it"):
        read_manifest(folder)
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(SpecError, match="at least 32 bytes"):
        read_manifest(folder)


def test_contents_are_named_for_errors(tmp_path: Path) -> None:
    storage.write_folder(tmp_path / "m", {}, {"spec": {}})
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "items.csv").write_text("item_id\n")
    assert [kind_of(tmp_path / name) for name in ("m", "shop", "gone", "shop/items.csv")] == [
        "a model",
        "tables",
        "nothing",
        "a file",
    ]
    assert next_command(tmp_path / "shop", "split").startswith("run: sidelight split ")
