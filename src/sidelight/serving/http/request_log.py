"""Access log: one JSON line per request on standard error, without personal data.

An exception is logged by its type and its place. Its message and the values around it may hold ids, texts and
secrets, so no traceback is ever printed.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import structlog

_OURS: Final = ("sidelight", "uvicorn")  # packages whose messages hold no values of requests
_NEAR: Final = 3  # frames of one exception that are logged, the innermost first


def request_log(stream: TextIO | None = None, level: str = "info") -> Any:
    """Return a structlog logger that writes JSON lines.

    Args:
        stream: Output; standard error without.
        level: Lowest level that is logged: "info", "warning" or "error".
    """
    return structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return type and place of an exception, and the type of its cause; no message, no values."""
    frames = traceback.extract_tb(error.__traceback__)[-_NEAR:]
    found: dict[str, Any] = {
        "error": type(error).__name__,
        "at": [f"{_short(frame.filename)}:{frame.lineno}" for frame in reversed(frames)],
    }
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        found["from"] = type(cause).__name__
    return found


def _short(file: str) -> str:
    """Return the end of a path that names the module, without its place on this machine."""
    parts = Path(file).parts
    for root in ("sidelight", "site-packages"):
        if root in parts:
            last = len(parts) - 1 - parts[::-1].index(root)
            return "/".join(parts[last + (root == "site-packages") :])
    return parts[-1] if parts else ""


class JsonLogFormatter(logging.Formatter):
    """Formatter of records of the standard library as JSON lines.

    Messages of other packages are logged without their arguments, which may hold private values.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        ours = record.name.split(".")[0] in _OURS
        found: dict[str, Any] = {
            "event": record.getMessage() if ours else str(record.msg)[:200],
            "level": record.levelname.lower(),
            "logger": record.name,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            found |= describe_error(record.exc_info[1])
        return json.dumps(found)


def configure(level: str = "warning", stream: TextIO | None = None) -> None:
    """Log records of the standard library, warnings and errors of threads in the same form.

    Args:
        level: Lowest level that is logged.
        stream: Output; standard error without.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLogFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    log = logging.getLogger("sidelight.process")

    def warn(
        message: Warning | str, category: type[Warning], file: str, line: int, *_: object, **__: object
    ) -> None:
        log.warning("%s at %s:%s", category.__name__, _short(file), line)

    def uncaught(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            log.error("a thread ended", exc_info=args.exc_value)

    warnings.showwarning = warn  # type: ignore[assignment]
    threading.excepthook = uncaught
