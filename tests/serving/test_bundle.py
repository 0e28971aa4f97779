"""A model comes back from its bundle with equal answers, or not at all; and without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import served
import shop as shop_module
from serving.cases import first, on, resealed

import sidelight as sl
from sidelight import config, storage
from sidelight.errors import BundleError, SidelightError, SpecError
from sidelight.manifest import KEY, MANIFEST, SEAL, SIGNATURE, seal
from sidelight.models.recommender import Recommender
from sidelight.serving import bundle
from sidelight.serving.store.store import Store


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    data = sl.read(shop_module.write(tmp_path_factory.mktemp("b") / "shop"))
    split = sl.split.temporal(data, validation="2026-02-01", test="2026-03-01")
    return sl.ContentKNN(content=(sl.Text("title"),)).fit(split)


@pytest.fixture(scope="module")
def saved(model: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    metrics = {"cold.ndcg@20": 0.25, "warm.ndcg@20": float("nan")}
    return bundle.save(model, tmp_path_factory.mktemp("b") / "model", metrics)


@pytest.mark.parametrize("verify", [True, False])
def test_a_loaded_model_answers_the_same(model: Recommender, saved: Path, verify: bool) -> None:
    found = bundle.load(saved, verify=verify)
    assert found.spec == model.spec
    assert found.recommend(k=5).equals(model.recommend(k=5))
    assert found.similar(["i01"]).equals(model.similar(["i01"]))


def test_the_manifest_says_what_it_is(model: Recommender, saved: Path) -> None:
    manifest = bundle.verify(saved)
    assert manifest["meta"]["spec"] == config.to_dict(model.spec)
    assert manifest["meta"]["metrics"] == {"cold.ndcg@20": 0.25, "warm.ndcg@20": None}
    assert model.items.fingerprint in json.dumps(manifest["meta"])
    assert manifest["packages"]["numpy"]
    # NaN is no JSON: other readers would stumble over it.
    json.loads((saved / MANIFEST).read_text(), parse_constant=pytest.fail)


def test_answering_imports_no_torch_and_no_scikit_learn(saved: Path) -> None:
    code = (
        "import sys, sidelight; model = sidelight.load(sys.argv[1]); model.recommend(k=3)\n"
        "model.similar(['i01']); print([n for n in ('torch', 'sklearn', 'pandas') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code, saved], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_damage_is_refused(saved: Path) -> None:
    path = next(p for p in sorted(saved.rglob("*.npy")) if p.stat().st_size > 200)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    try:
        for read in (bundle.load, bundle.verify):
            with pytest.raises(BundleError, match=path.name):
                read(saved)
    finally:
        path.write_bytes(good)


def test_another_folder_is_no_model(tmp_path: Path) -> None:
    storage.write_folder(tmp_path / "other", {}, {"something": "else"})
    with pytest.raises(BundleError, match="expected a model"):
        bundle.load(tmp_path / "other")
    with pytest.raises(BundleError, match=MANIFEST):
        bundle.load(tmp_path)


def test_loading_imports_no_class_that_the_bundle_names(
    model: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can write a manifest must not thereby run a module that lies about on the machine."""
    (tmp_path / "lurking.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    folder = bundle.save(model, tmp_path / "m")
    text = (folder / MANIFEST).read_text().replace('"ContentKNN"', '"lurking:ContentKNN"')
    (folder / MANIFEST).write_text(text)
    (folder / SEAL).write_bytes(seal(text.encode()))
    assert "lurking" in text
    assert bundle.load(folder).recommend(k=3).equals(model.recommend(k=3))


def test_an_existing_bundle_needs_force(model: Recommender, tmp_path: Path) -> None:
    bundle.save(model, tmp_path / "m")
    with pytest.raises(SpecError, match="exists already"):
        bundle.save(model, tmp_path / "m")
    assert bundle.save(model, tmp_path / "m", force=True) == tmp_path / "m"


def test_with_a_key_only_what_it_signed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unsigned = Path(shutil.copytree(served.bundle("popular"), tmp_path / "unsigned"))
    key = tmp_path / "key"
    key.write_text("k" * 32)
    monkeypatch.setenv(KEY, str(key))
    with pytest.raises(BundleError, match=SIGNATURE):
        sl.load(unsigned)
    signed = served.model("popular").save(tmp_path / "signed")
    store = Store(tmp_path / "store")
    store.publish(signed, name="monday")
    store.promote("monday")
    assert len(sl.load(signed).items) == len(store.load().items)
    on("popular.npy", first(7.0))(signed)
    resealed(signed)  # every hash is right again
    for work in (lambda: sl.load(signed), lambda: store.publish(signed)):
        with pytest.raises(BundleError, match="expected the signature of the key"):
            work()
    key.write_text("another key of more than 32 letters")
    with pytest.raises(SidelightError, match="signature"):
        store.load()
    monkeypatch.delenv(KEY)
    assert sl.load(signed) is not None  # the signature is optional


@pytest.mark.parametrize("content", [None, b"", b"short"])
def test_a_key_that_is_none_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv(KEY, str(tmp_path / "key"))
    with pytest.raises(SpecError, match="expected a"):
        sl.load(served.bundle("popular"))
