"""The command's frame: help, exit codes, one-line errors, and the example of every verb."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

from sidelight.cli import main
from sidelight.errors import DataError

HEAVY = ["torch", "sklearn", "pandas", "PIL", "sentence_transformers", "scipy.linalg"]
PROBE = """
import sys
from sidelight.cli.main import run
try:
    run(sys.argv[1:])
except SystemExit as end:
    loaded = [name for name in {heavy} if name in sys.modules]
    print("LOADED", *loaded, file=sys.stderr)
    raise
"""


def sidelight(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    probe = [sys.executable, "-c", PROBE.format(heavy=HEAVY), *args]
    return subprocess.run(probe, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.mark.parametrize("args", [[], *(name.split() for name in main.VERBS)], ids=" ".join)
def test_help_is_quick_light_and_ends_with_an_example(args: list[str]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = sidelight(*args, "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found.returncode == 0, found.stderr
    assert found.stderr.split() == ["LOADED"], found.stderr
    # Processor seconds: what it takes on an idle machine, however busy this one is.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0
    if args:
        assert examples(" ".join(args)), "the docstring must end with 'Example:' and its commands"
        assert found.stdout.rstrip().endswith(examples(" ".join(args))[-1])


def examples(name: str) -> list[str]:
    """The commands in the "Example:" block that ends the help of a verb."""
    _, block = main.documentation(main.load(main.VERBS[name]))
    return [line.strip() for line in block.splitlines()[1:] if line.strip().startswith("sidelight ")]


@pytest.mark.examples
def test_the_examples_run_one_after_the_other(shop: Path) -> None:
    """In the order of `VERBS`, in one folder with `shop/` in it: each may use what the ones before made.

    A command that an earlier example has run already is not repeated.
    """
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    names = [name for name in main.VERBS if name != "demo"]  # takes minutes and has a test of its own
    lines = dict.fromkeys(line.replace(" --force", "") for name in names for line in examples(name))
    for line in lines:
        command = ["bash", "-c", line]
        found = subprocess.run(
            command, cwd=shop.parent, env=environment, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, f"{line}\n{found.stdout}\n{found.stderr}"
        assert "Traceback" not in found.stderr


def test_examples_name_their_own_verb() -> None:
    for name in main.VERBS:
        assert any(shlex.split(line)[1 : 1 + len(name.split())] == name.split() for line in examples(name))


def test_the_docs_name_every_verb(root: Path) -> None:
    page = (root / "docs/cli.md").read_text(encoding="utf-8")
    assert [name for name in main.VERBS if f"`{name}`" not in page] == []


# A verb of the tests' own ------------------------------------------------------------------------

FAILURES = {
    "data": DataError("expected a column; found\n  none"),
    "file": FileNotFoundError(2, "No such file or directory", "shop/x.csv"),
    "memory": MemoryError("3 GB"),
    "bug": ValueError("odd"),
    "interrupt": KeyboardInterrupt(),
    "usage": typer.BadParameter("--from needs --to"),
    "pipe": BrokenPipeError(),
}


def probe(
    shop: Annotated[str, typer.Argument(help="A folder.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite.")] = False,
) -> None:
    """Fail in a known way.

    Example:
        sidelight probe shop/
    """
    if shop in FAILURES:
        raise FAILURES[shop]
    print(f"fine {shop} {force}")


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(main.VERBS, "probe", main.Verb("here:probe", "Fail in a known way."))
    load = main.load
    monkeypatch.setattr(main, "load", lambda verb: probe if verb.target == "here:probe" else load(verb))
    # `run` sends warnings to one line; the tests must go on turning them into errors.
    monkeypatch.setattr(main.warnings, "showwarning", main.warnings.showwarning)


def run(capfd: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main.run(args)
    out, err = capfd.readouterr()
    return int(end.value.code or 0), out, err


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("data", 1, "sidelight: error: expected a column; found none\n"),
        ("file", 1, "sidelight: error: shop/x.csv: No such file or directory\n"),
        ("memory", 1, "sidelight: error: out of memory (3 GB); use fewer items"),
        ("bug", 1, "sidelight: error: unexpected ValueError: odd; run again with --debug"),
        ("interrupt", 130, "sidelight: interrupted; nothing half-done was written, run again to go on\n"),
    ],
)
@pytest.mark.usefixtures("probed")
def test_a_failure_is_one_line(capfd: pytest.CaptureFixture[str], how: str, code: int, said: str) -> None:
    found, out, err = run(capfd, "probe", how)
    assert (found, out) == (code, "")
    assert err.startswith(said)
    assert err.count("\n") == 1


@pytest.mark.usefixtures("probed")
def test_debug_shows_where(capfd: pytest.CaptureFixture[str]) -> None:
    for args in (["--debug", "probe", "bug"], ["probe", "bug", "--debug"], ["probe", "--debug", "bug"]):
        with pytest.raises(ValueError, match="odd"):
            main.run(args)
    assert run(capfd, "probe", "--", "--debug")[:2] == (0, "fine --debug False\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["prob", "shop"], "Did you mean 'probe'"),
        (["probe", "shop", "--froce"], "--force"),
        (["probe"], "Missing argument"),
        (["probe", "usage"], "--from needs --to"),
        (["data", "gte"], "Did you mean 'get'"),
        (["--wrong"], "No such option"),
    ],
)
@pytest.mark.usefixtures("probed")
def test_wrong_usage(capfd: pytest.CaptureFixture[str], args: list[str], said: str) -> None:
    code, out, err = run(capfd, *args)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.usefixtures("probed")
def test_a_verb_runs(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "probe", "shop", "--force") == (0, "fine shop True\n", "")


def test_version(capfd: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert run(capfd, "--version") == (0, f"sidelight {version('sidelight')}\n", "")


def test_a_reader_that_goes_away_is_no_failure() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/cli'); from sidelight.cli import main\n"
        "def probe():\n"
        "    'Say.'\n"
        "    for n in range(100_000): print(n)\n"
        "main.VERBS['probe'] = main.Verb('here:probe', 'Say.')\n"
        "main.load = lambda verb: probe\n"
        "main.run(['probe'])\n"
    )
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} | head -n 1; echo ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert found.stdout.split() == ["0", str(main.BROKEN_PIPE)]
    assert found.stderr == ""


def test_warnings_are_one_line() -> None:
    code = (
        "import warnings; from sidelight.cli import main\n"
        "def probe():\n"
        "    'Warn.'\n"
        "    warnings.warn('thin data')\n"
        "main.VERBS['probe'] = main.Verb('here:probe', 'Warn.')\n"
        "main.load = lambda verb: probe\n"
        "main.run(['probe'])\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "sidelight: warning: thin data\n")
