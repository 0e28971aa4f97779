"""Bytes of a text file as UTF-8, whatever it was: gzip, byte-order mark, UTF-16, Latin letters."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from sidelight.data.findings import Finding
from sidelight.data.source_table import with_findings
from sidelight.errors import DataError, complain


def load_text(path: Path, table: str) -> tuple[bytes, list[Finding]]:
    """A file's text as UTF-8 bytes without byte-order mark, and what had to be done for it.

    Raises:
        DataError: The file is missing, empty or damaged.
    """
    findings: list[Finding] = []
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise DataError(complain("a file", "nothing", str(path), "check the path")) from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(complain("a readable file", f"{error}", str(path), "copy it again")) from None

    def say(defect: str, message: str) -> None:
        findings.append(with_findings(defect, table, message, file=path.name))

    if data.startswith(codecs.BOM_UTF8):
        data = data[3:]
        say("byte-order-mark", "found a UTF-8 byte-order mark; it is left out")
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = _utf16(data, path)
        say("not-utf8", "expected UTF-8; found UTF-16, which is converted")
    data, encoding = _utf8(data)
    if encoding != "utf-8":
        say("not-utf8", f"expected UTF-8; found other bytes, which are read as {encoding}")
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    if not data.strip():
        raise DataError(complain("a table", "an empty file", str(path), "remove it or fill it"))
    return data, findings


def _utf16(data: bytes, path: Path) -> bytes:
    try:
        return data.decode("utf-16").encode()
    except UnicodeDecodeError as error:
        raise DataError(complain("UTF-16 text", str(error), str(path), "save as UTF-8")) from None


def _utf8(data: bytes) -> tuple[bytes, str]:
    for encoding in ("utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return (data if encoding == "utf-8" else text.encode()), encoding
    return data.decode("latin-1").encode(), "latin-1"
