"""Take out of a virtual environment what a service never uses: `python deploy/slim.py FOLDER`.

Out go pip, the tests and the sources of compiled packages, symbols that only a debugger reads, and the
bytecode of modules that are not imported (of one that is imported after all, Python makes it anew at each
start). A stripped library that does not load stays as it was, and the imports are tried in the end.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

# Where a service starts, and what it imports late: it all has bytecode.
USED = (
    "sidelight.cli.main", "sidelight.serving.http.server", "sidelight.serving.explorer.page_routes",
    "sidelight.serving.store.store", "sidelight.serving.store.canary", "sidelight.serving.engine",
    "sidelight.serving.database.database", "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql.psycopg", "sidelight.models.restore", "sidelight.content.image",
    "sklearn.feature_extraction.text", "sklearn.neighbors", "scipy.linalg", "scipy.sparse.linalg",
    "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin", "rich.console", "rich.table",
    "uvicorn.lifespan.on", "uvicorn.loops.auto",
)  # fmt: skip
SOURCES = (".pyx", ".pxd", ".pxi", ".pyi", ".h", ".hpp", ".c", ".cpp", ".a", ".f", ".f90")
LOADS = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
FILES = """
import sys, {}
for module in list(sys.modules.values()):
    if getattr(module, "__file__", None):
        print(module.__file__)
"""
# Bytecode that does not ask for the time of its source: a copied file may have another one.
COMPILE = """
import py_compile, sys
for name in sys.stdin.read().splitlines():
    py_compile.compile(name, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""


def slim(folder: Path) -> None:
    """Make an environment smaller, in place.

    Args:
        folder: Made by `python -m venv` with Sidelight installed in it.

    Raises:
        SystemExit: It is none, or what a service needs cannot be imported.
    """
    folder = folder.resolve()
    python, places = folder / "bin" / "python", list(folder.glob("lib/python3*/site-packages"))
    if len(places) != 1 or not (folder / "pyvenv.cfg").is_file():
        raise SystemExit(f"expected a virtual environment; found none in {folder}")
    [packages] = places
    _run(python, "-m", "pip", "uninstall", "--yes", "--quiet", "setuptools", "pip")
    for place in sorted(packages.rglob("tests")):
        if place.is_dir():  # not inside of one that is gone already
            shutil.rmtree(place)
    for path in list(packages.rglob("*")):
        if path.suffix in (*SOURCES, ".pyc"):
            path.unlink()
    for path in sorted(packages.rglob("*.so")):
        if not path.relative_to(packages).parts[0].endswith(".libs"):
            _strip(path, python)
    listed = _run(python, "-B", "-c", FILES.format(", ".join(USED))).splitlines()
    whole = [str(path) for path in packages.joinpath("sidelight").rglob("*.py")]
    used = {name for name in listed if name.startswith(f"{packages}/") and name.endswith(".py")}
    _run(python, "-c", COMPILE, given="\n".join(sorted(used.union(whole))))


def _strip(path: Path, python: Path) -> None:
    """Strip a library, unless it is of those that a tool for wheels rewrote so that it would break."""
    smaller = path.with_name(f"stripped-{path.name}")
    try:
        _run("strip", "--strip-unneeded", "-o", smaller, path)
        found = subprocess.run([str(python), "-c", LOADS, str(smaller)], capture_output=True, check=False)
        if found.returncode == 0:
            smaller.replace(path)
    finally:
        smaller.unlink(missing_ok=True)


def _run(*command: str | Path, given: str = "") -> str:
    words = [str(word) for word in command]
    found = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    if found.returncode:
        raise SystemExit(f"{words[0]} ended with {found.returncode}: {found.stderr.strip()}")
    return found.stdout


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python deploy/slim.py FOLDER")
    slim(Path(sys.argv[1]))
