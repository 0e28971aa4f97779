"""A PostgreSQL of its own for tests: from Debian's packages, in a temporary folder, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
UNPRIVILEGED = ("postgres", "nobody")
# Nothing must outlast the tests, so nothing waits for the disk.
OPTIONS = {
    "fsync": "off", "full_page_writes": "off", "max_connections": "60", "shared_buffers": "32MB",
    "deadlock_timeout": "100ms", "listen_addresses": "127.0.0.1", "autovacuum": "off",
}  # fmt: skip


def find() -> Path | None:
    """Folder with the programs of the newest PostgreSQL, or None."""
    found = [place for pattern in PLACES for place in Path("/").glob(pattern.lstrip("/"))]
    found = [place for place in found if (place / "initdb").exists() and (place / "pg_ctl").exists()]
    on_path = shutil.which("initdb")
    if on_path and not found:
        return Path(on_path).resolve().parent
    return max(found, key=lambda place: list(map(int, re.findall(r"\d+", place.parent.name))), default=None)


def why_not() -> str | None:
    """Why no server can be started here, or None."""
    if find() is None:
        return "no PostgreSQL programs here: install the package postgresql to run this test"
    if os.geteuid() == 0 and _owner() is None:
        return f"PostgreSQL does not run as root, and there is no user {' or '.join(UNPRIVILEGED)}"
    return None


class Server:
    """A running server; `url` names a database of it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.port = programs, folder, _free_port()
        self._spaces = 0
        self._run("initdb", "-D", str(folder / "data"), "-U", "tester", "-A", "trust", "-E", "UTF8",
                  "--locale=C", "--no-sync")  # fmt: skip
        self.start()

    def start(self) -> None:
        options = {**OPTIONS, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        words = " ".join(f"-c {name}={value}" for name, value in options.items())
        log = str(self.folder / "log")
        self._run(
            "pg_ctl", "start", "-w", "-t", "60", "-D", str(self.folder / "data"), "-l", log, "-o", words
        )

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "stop", "-w", "-t", "60", "-m", mode, "-D", str(self.folder / "data"))

    def new(self, name: str, encoding: str = "UTF8") -> str:
        """Address of a new, empty database."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tester",
                  "-E", encoding, "-T", "template0", name)  # fmt: skip
        return self.url(name)

    def url(self, name: str = "postgres") -> str:
        return f"postgresql+psycopg://tester@127.0.0.1:{self.port}/{name}"

    def space(self) -> str:
        """Address of an empty name space: quicker to make than a database."""
        import psycopg

        self._spaces += 1
        name = f"space_{self._spaces}"
        with psycopg.connect(self.url().replace("+psycopg", "")) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}?options=-csearch_path%3D{name}"

    def _run(self, program: str, *args: str) -> None:
        owner = _owner() if os.geteuid() == 0 else None
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_"))}
        # To a file: a server that goes on running would keep a pipe open.
        with (self.folder / "said").open("w+b") as said:
            found = subprocess.run(
                [str(self.programs / program), *args], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                cwd=self.folder, env={**environment, "LC_ALL": "C"}, check=False,
                user=owner and owner.pw_uid, group=owner and owner.pw_gid,
                extra_groups=[] if owner else None,
            )  # fmt: skip
            said.seek(0)
            if found.returncode:
                raise RuntimeError(f"{program} ended with {found.returncode}: {said.read().decode()}")


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server for the time of a `with`."""
    programs = find()
    assert programs is not None and why_not() is None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has at most 107 bytes
    owner = _owner() if os.geteuid() == 0 else None
    try:
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        server = Server(programs, folder)
        try:
            yield server
        finally:
            with contextlib.suppress(RuntimeError):  # a test may have stopped it
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> pwd.struct_passwd | None:
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
