"""Rules that hold for the whole project: what it never does, and what importing it costs."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).resolve().parent.parent / "src").rglob("*.py"))

# A file that a stranger hands over must never be able to run code here.
NEVER = {
    "pickle": r"\b(c?pickle|joblib|dill|cloudpickle|shelve|marshal)\b",
    "allow_pickle=True": r"allow_pickle\s*=\s*True",
    "torch.load": r"\btorch\.load\b",
    "yaml.load": r"\byaml\.(unsafe_)?load\b",
    "eval or exec": r"(?<![.\w])(eval|exec)\(",
    "a shell": r"\b(os\.system|os\.popen|shell\s*=\s*True)\b",
    "something left to do": r"\b(TODO|FIXME|XXX|NotImplementedError)\b",
}


def code_of(path: Path) -> str:
    """The text of a module without its docstrings and comments."""
    text = re.sub(r'"""(?s:.*?)"""', "", path.read_text(encoding="utf-8"))
    return re.sub(r"(?m)^\s*#.*$|\s{2}#.*$", "", text)


@pytest.mark.parametrize("what", NEVER)
def test_the_source_never_uses(what: str) -> None:
    found = [f"{p.name}: {m.group()}" for p in SOURCES for m in re.finditer(NEVER[what], code_of(p))]
    assert found == []


def test_every_load_of_an_array_forbids_pickling() -> None:
    for path in SOURCES:
        for call in re.finditer(r"\b(?:np|numpy)\.(?:load|save)\((?:[^()]|\([^()]*\))*\)", code_of(path)):
            assert "allow_pickle=False" in call.group(), f"{path}: {call.group()}"


def test_importing_sidelight_is_quick_and_light() -> None:
    heavy = ["torch", "sklearn", "pandas", "PIL", "sentence_transformers", "matplotlib", "scipy.linalg"]
    code = f"import sidelight, sys; print([name for name in {heavy} if name in sys.modules])"
    bare = min(seconds("pass")[0] for _ in range(3))
    taken = [seconds(code) for _ in range(3)]
    assert {out.strip() for _, out in taken} == {"[]"}
    assert min(spent for spent, _ in taken) - bare < 0.3


def seconds(code: str) -> tuple[float, str]:
    """Processor seconds of a fresh interpreter (a busy machine changes nothing), and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, found.stdout


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    """Normalised package names of requirement lines."""
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in requirements)
    return {re.sub(r"[-_.]+", "-", m.group()).lower() for m in found if m}


def test_the_core_is_small(project: dict) -> None:
    core = {
        "lazy-loader",
        "numpy",
        "scipy",
        "scikit-learn",
        "polars",
        "typer",
        "rich",
        "threadpoolctl",
        "tomli-w",
        "jinja2",
        "pooch",
        "requests",
    }
    assert names(project["dependencies"]) == core


def test_every_extra_is_there_and_all_means_all(project: dict) -> None:
    extras = project["optional-dependencies"]
    parts = {"train", "text", "image", "combine", "serve", "postgres"}
    parts |= {"client", "ann", "ray", "privacy", "demo"}
    assert set(extras) == parts | {"dev", "all"}
    [everything] = extras["all"]
    assert set(re.findall(r"\w+", everything)) - {"sidelight"} == parts


def test_torch_is_named_exactly_everywhere(project: dict, root: Path) -> None:
    lines = [line for extra in project["optional-dependencies"].values() for line in extra]
    found = {line for line in lines if re.match(r"torch\b", line)}
    [pinned] = [
        line for line in (root / "constraints.txt").read_text().splitlines() if line.startswith("torch==")
    ]
    assert found == {pinned}


def test_the_constraints_pin_what_the_makefile_installs(project: dict, root: Path) -> None:
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)
    wanted = names(project["dependencies"])
    for extra in ("dev", "demo", "text", "image", "combine", "serve", "postgres", "client", "ann"):
        wanted |= names(project["optional-dependencies"][extra])
    assert wanted - {"sidelight"} <= names(lines)


def test_missing_extras_are_named_as_they_are_called(project: dict) -> None:
    """Every extra that an error message tells people to install exists."""
    for path in SOURCES:
        for call in re.finditer(
            r"missing_extra\(\s*\"[^\"]+\",\s*\"([^\"]+)\"", path.read_text(encoding="utf-8")
        ):
            assert call.group(1) in project["optional-dependencies"], path


def tracked(root: Path) -> list[Path]:
    """What belongs to the project: files that git tracks or would add; all text files without git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if found.returncode == 0 and found.stdout:
        return [root / name for name in found.stdout.split("\0") if name and (root / name).is_file()]
    made = {"__pycache__", "sidelight.egg-info"}
    here = [p for name in ("src", "tests", "docs", "benchmarks") for p in (root / name).rglob("*")]
    return [p for p in here if p.is_file() and not made & set(p.parts)]


def test_no_file_names_a_place_on_somebody_s_machine(root: Path) -> None:
    # Spelt apart, so that this file passes its own rule.
    places = re.compile(
        r"(?<![\w.:/])/(?:" + "|".join(["home", "root", "Users", "work", "mnt", "opt"]) + r")/\w+"
    )
    for path in tracked(root):
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue
        found = places.search(data.decode("utf-8"))
        assert found is None, f"{path.relative_to(root)}: {found.group()}"


def test_no_data_or_weights_are_tracked(root: Path) -> None:
    for path in tracked(root):
        assert path.stat().st_size < 1_000_000, f"{path} is large"
        assert path.suffix not in {".npy", ".npz", ".parquet", ".pkl", ".pt", ".safetensors", ".onnx"}, path
