"""What can be said of deploy/ without an engine for containers: the files fit the project and each other."""

from __future__ import annotations

import configparser
import fnmatch
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
import yaml

from sidelight.cli.main import VERBS, build

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE, COMPOSE, UNIT = DEPLOY / "Dockerfile", DEPLOY / "compose.yaml", DEPLOY / "sidelight.service"
PAGES = (DEPLOY / "README.md", ROOT / "docs" / "operations.md")
SECRET = re.compile(r"(?i)passw|secret|token|api_?key|credential")


def parsed(words: list[str]) -> dict[str, Any]:
    """The options of a command line of `sidelight`, as the verb gets them; wrong ones raise."""
    verb = next(name for name in (" ".join(words[:2]), words[0]) if name in VERBS)
    command: Any = typer.main.get_command(build(verb))
    context = command.make_context("sidelight", list(words), resilient_parsing=False)
    rest = list(words)
    for _ in verb.split():
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, list(rest), parent=context)
        rest = list(rest)
    return dict(context.params)


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their rest, continued lines joined."""
    text = re.sub(r"(?m)^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"))
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line.strip()]


def stage(number: int) -> list[tuple[str, str]]:
    starts = [at for at, (name, _) in enumerate(instructions()) if name == "FROM"]
    return instructions()[starts[number] : [*starts[1:], None][number]]


def of(name: str, found: list[tuple[str, str]]) -> list[str]:
    return [rest for each, rest in found if each == name]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))


def unit() -> list[tuple[str, str, str]]:
    """Section, key and value of each line of the unit; keys may repeat."""
    found, section = [], ""
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.append((section, key, value))
    return found


def one(key: str) -> str:
    [value] = [value for _, each, value in unit() if each == key]
    return value


def environment() -> dict[str, str]:
    words = [word for _, key, value in unit() if key == "Environment" for word in shlex.split(value)]
    return dict(word.split("=", 1) for word in words)


def test_what_is_copied_exists_and_is_let_in() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "what is not named stays out"
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    assert all((ROOT / name).exists() for name in let_in)
    copied = [rest.split()[:-1] for rest in of("COPY", stage(0))]
    names = [name for each in copied for name in each if not name.startswith("--")]
    assert sorted(names) == sorted(let_in)
    for rest in of("COPY", stage(1)):
        assert rest.startswith("--from=build ")


def test_the_image_installs_the_extras_of_a_service_and_no_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [command] = [rest for rest in of("RUN", stage(0)) if "constraints.txt" in rest]
    extras = re.search(r"\.\[([a-z,]+)\]", command).group(1).split(",")
    assert "serve" in extras and "postgres" in extras
    wanted = [
        *project["dependencies"],
        *(line for name in extras for line in project["optional-dependencies"][name]),
    ]
    assert not [line for line in wanted if re.match(r"(torch|sentence|sidelight)", line)]


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    final = stage(1)
    assert len(of("FROM", instructions())) == 2 and "-slim" in of("FROM", final)[0]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", of("USER", final)[-1])
    assert of("HEALTHCHECK", final) and "/healthz" in of("HEALTHCHECK", final)[0]
    assert of("STOPSIGNAL", final) == ["SIGTERM"]
    assert not of("ADD", instructions())
    assert not [rest for name, rest in instructions() if name in ("ENV", "ARG") and SECRET.search(rest)]
    for rest in of("FROM", instructions()):
        assert re.match(r"python:3\.\d+-[a-z-]+( AS build)?$", rest), "a version, not what is newest today"


def test_the_command_of_the_image_is_one_that_is_taken() -> None:
    final = stage(1)
    assert json.loads(of("ENTRYPOINT", final)[0]) == ["sidelight"]
    given = parsed(json.loads(of("CMD", final)[0]))
    assert (given["host"], given["port"], str(given["source"])) == ("0.0.0.0", 8000, "/store")
    assert given["database"] == "sqlite:////data/service.sqlite"
    assert {"/store", "/data"} == set(json.loads(of("VOLUME", final)[0]))
    assert of("EXPOSE", final) == [str(given["port"])] and f":{given['port']}/" in of("HEALTHCHECK", final)[0]


def test_the_compose_file_refers_to_what_exists(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"service", "database"}
    for service in compose["services"].values():
        if "build" in service:
            context = (DEPLOY / service["build"]["context"]).resolve()
            assert context == ROOT and (context / service["build"]["dockerfile"]) == DOCKERFILE
        for volume in service["volumes"]:
            assert volume.split(":")[0] in compose["volumes"]
        assert set(service["networks"]) <= set(compose["networks"])
        assert set(service["secrets"]) <= set(compose["secrets"])
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        for name, value in service["environment"].items():
            if str(value).startswith("/run/secrets/"):
                assert Path(value).name in service["secrets"]
            else:
                assert not SECRET.search(name), f"{name}: a secret comes in a file"
        assert "env_file" not in service


def test_secret_files_are_no_part_of_the_project(compose: dict[str, Any]) -> None:
    ignored = (DEPLOY / ".gitignore").read_text(encoding="utf-8").splitlines()
    for secret in compose["secrets"].values():
        path = secret["file"].removeprefix("./")
        assert any(fnmatch.fnmatch(f"/{path}", f"{line}*") for line in ignored if line.startswith("/"))
        assert f"secrets/{Path(path).name}" in (DEPLOY / "README.md").read_text(encoding="utf-8")


def test_the_services_have_the_least_rights(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service and "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["pids_limit"] and service["restart"] == "unless-stopped", name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert all("noexec" in place for place in service["tmpfs"]), name
    database = compose["services"]["database"]
    assert "ports" not in database and database["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert database["healthcheck"]["test"][0] == "CMD"
    assert re.fullmatch(r"postgres:\d+-[a-z]+", database["image"])
    assert not database["user"].startswith("0")
    # The folders that only root could write to are given to the user that runs.
    owner = database["user"].split(":")[0]
    assert [
        place
        for place in database["tmpfs"]
        if place.startswith("/var/run/postgresql") and f"uid={owner}" in place
    ]


def test_the_command_in_the_compose_file_is_one_that_is_taken(compose: dict[str, Any]) -> None:
    service = compose["services"]["service"]
    given = parsed(service["command"])
    assert given["database"].startswith("postgresql+psycopg://") and "@" not in given["database"]
    seconds = int(re.fullmatch(r"(\d+)s", service["stop_grace_period"]).group(1))
    assert seconds >= given["grace"] + 10
    assert f":{given['port']}" in service["ports"][0]
    assert service["depends_on"]["database"] == {"condition": "service_healthy"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit_and_thinks_well_of_it(tmp_path: Path) -> None:
    program = shlex.split(one("ExecStart"))[0]
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(program, "/bin/true"), encoding="utf-8")
    found = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
    wrong = tmp_path / "wrong.service"
    wrong.write_text(copy.read_text(encoding="utf-8").replace("MemoryMax=", "MemoryMost="), encoding="utf-8")
    found = subprocess.run(
        ["systemd-analyze", "verify", str(wrong)], capture_output=True, text=True, check=False
    )
    assert "MemoryMost" in found.stderr
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(copy)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in found.stderr:
        pytest.skip("systemd-analyze is older than version 250")
    assert found.returncode == 0, found.stdout.splitlines()[-1]


def test_the_unit_holds_together() -> None:
    reader = configparser.ConfigParser(strict=False, interpolation=None)
    reader.optionxform = str  # type: ignore[assignment,method-assign]
    reader.read(UNIT, encoding="utf-8")
    assert reader.sections() == ["Unit", "Service", "Install"]
    program, *words = shlex.split(one("ExecStart"))
    given = parsed(words)
    assert program.endswith("/bin/sidelight") and given["host"] == "127.0.0.1"
    state = f"/var/lib/{one('StateDirectory')}"
    assert str(given["source"]).startswith(state) and given["database"].startswith(state)
    assert int(one("TimeoutStopSec")) >= given["grace"] + 10
    assert (one("DynamicUser"), one("ProtectSystem"), one("NoNewPrivileges")) == ("yes", "strict", "yes")
    assert one("KillMode") == "mixed" and one("MemoryMax")
    assert (DEPLOY / "README.md").read_text(encoding="utf-8").count(program.removesuffix("/bin/sidelight"))


REFUSE = """
import ctypes, os, sys
refuse, gain = 65, 1  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
if ctypes.CDLL(None).prctl(refuse, gain, 0, 0, 0):
    raise SystemExit(77)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what is tested is of Linux")
def test_what_a_service_imports_works_where_no_code_may_be_written(tmp_path: Path) -> None:
    """MemoryDenyWriteExecute by the kernel itself: without a word in Environment, polars fails."""
    assert one("MemoryDenyWriteExecute") == "yes"
    code = "import polars, scipy.linalg, sqlalchemy, threadpoolctl as t; t.threadpool_info(); print(1)"
    own = {name: value for name, value in os.environ.items() if not name.startswith("POLARS_")}
    found = subprocess.run(
        [sys.executable, "-c", REFUSE, code],
        env=own | environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode == 77:
        pytest.skip("the kernel is older than 6.3")
    assert (found.returncode, found.stdout.strip()) == (0, "1"), found.stderr


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Command lines of `sidelight` in the blocks of a page, with where they stand."""
    for block in re.finditer(r"(?ms)^```(?:bash|console)\n(.*?)^```$", page.read_text(encoding="utf-8")):
        for line in re.sub(r"\\\n\s*", " ", block.group(1)).splitlines():
            words = shlex.split(line, comments=True)
            for at, word in enumerate(words):
                rest = words[at + 1 :]
                if (
                    word.endswith(("sidelight", "service"))
                    and rest
                    and (rest[0] in VERBS or " ".join(rest[:2]) in VERBS)
                ):
                    end = next((n for n, each in enumerate(rest) if each in ("|", ">", "&&", ";", "&")), None)
                    yield f"{page.name}: {line}", rest[:end]
                    break


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_the_pages_are_ones_that_are_taken(page: Path) -> None:
    found = list(commands(page))
    assert len(found) >= 5
    for where, words in found:
        try:
            parsed(words)
        except Exception as error:
            pytest.fail(f"{where}\n{error}")


def test_wrong_commands_are_noticed() -> None:
    with pytest.raises(Exception, match="--grase"):
        parsed(["serve", "/store", "--grase", "10"])
    with pytest.raises(Exception, match="valid integer"):
        parsed(["serve", "/store", "--port", "banana"])


@pytest.fixture(scope="module")
def slim() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slim", DEPLOY / "slim.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_slim_leaves_alone_what_is_no_environment(slim: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    with pytest.raises(SystemExit, match="expected a virtual environment"):
        slim.slim(tmp_path)
    assert (tmp_path / "tests").is_dir()


def test_a_library_that_does_not_survive_stripping_stays(
    slim: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "speedups.so"
    shutil.copy(importlib.util.find_spec("markupsafe._speedups").origin, library)
    before = library.read_bytes()
    tool = tmp_path / "bin" / "strip"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\nhead -c 64 "$4" > "$3"\n', encoding="utf-8")  # no longer a library
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    slim._strip(library, Path(sys.executable))
    assert library.read_bytes() == before
    tool.write_text('#!/bin/sh\ncp "$4" "$3"; echo >> "$3"\n', encoding="utf-8")  # still one
    slim._strip(library, Path(sys.executable))
    assert library.read_bytes() == before + b"\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "speedups.so"]


def test_the_metrics_of_the_page_are_ones_that_there_are() -> None:
    source = (ROOT / "src" / "sidelight" / "serving" / "http" / "prometheus_metrics.py").read_text(
        encoding="utf-8"
    )
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bsidelight_([a-z_]+)", text))
    assert len(named) > 10
    for name in named:
        stem = re.sub(r"_(total|count|sum|bucket)$", "", name)
        assert re.search(rf'"(sidelight_)?{stem}"', source), f"sidelight_{name}"
