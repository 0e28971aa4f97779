"""Text files as UTF-8 bytes, from gzip, with a byte-order mark, from UTF-16 or Windows-1252."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from sidelight.data.findings import Finding, new_finding
from sidelight.errors import DataError, complain


def load_text(path: Path, table: str) -> tuple[bytes, list[Finding]]:
    """Load a file's text as UTF-8 bytes without byte-order mark, with findings on the conversion.

    Raises:
        DataError: The file is missing, empty or damaged.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise DataError(complain("a file", "nothing", str(path), "check the path")) from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(complain("a readable file", f"{error}", str(path), "copy it again")) from None
    findings: list[Finding] = []

    def note(defect: str, message: str) -> None:
        findings.append(new_finding(defect, table, message, file=path.name))

    if data.startswith(codecs.BOM_UTF8):
        data = data[3:]
        note("byte-order-mark", "found a UTF-8 byte-order mark; it is left out")
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise DataError(complain("UTF-16 text", str(error), str(path), "save as UTF-8")) from None
        note("not-utf8", "expected UTF-8; found UTF-16, which is converted")
    data, encoding = _utf8(data)
    if encoding != "utf-8":
        note("not-utf8", f"expected UTF-8; found other bytes, which are read as {encoding}")
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    if not data.strip():
        raise DataError(complain("a table", "an empty file", str(path), "remove it or fill it"))
    return data, findings


def _utf8(data: bytes) -> tuple[bytes, str]:
    """Return the bytes as UTF-8, and the encoding that they had."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding).encode(), encoding
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1").encode(), "latin-1"
