"""Cases that several test files of this folder share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sidelight.data.read import read_raw

EVENT = st.tuples(st.integers(1, 4), st.sampled_from("abcd"), st.integers(0, 3), st.sampled_from([0.5, 1.0]))


EVENTS = st.lists(EVENT, min_size=1, max_size=15)


def frame(rows):
    return pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp", "weight"], orient="row")


def raw_of(tmp_path, text, name="e.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_raw(path)


WORD = st.text("abcdefgh é", min_size=1, max_size=8).map(str.strip).filter(bool)


LOOSE = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def shops(draw):
    """Events and items as plain rows; tags always hold two labels, so that text formats show them."""
    n = draw(st.integers(1, 12))
    stem = draw(st.sampled_from(["", "i", "it-"]))
    items = [
        {
            "item_id": f"{stem}{i + 1}",
            "title": draw(WORD),
            "genres": [draw(st.sampled_from("uvw")), draw(st.sampled_from("xyz"))],
            "price": draw(st.none() | st.integers(0, 9999).map(lambda v: v / 100)),
            "vec": [float(np.float32(draw(st.floats(-9, 9)))), 0.5],
        }
        for i in range(n)
    ]
    events = [
        {
            "user_id": f"u{draw(st.integers(1, 5))}",
            "item_id": f"{stem}{draw(st.integers(1, n + 1))}",
            "timestamp": draw(st.integers(1_500_000_000, 1_700_000_000)),
            "weight": draw(st.integers(1, 20)) / 4,
        }
        for _ in range(draw(st.integers(1, 20)))
    ]
    return events, items


def write_delimited(rows, path: Path, separator=",", newline="\n", bom=False):
    def cell(value):
        if value is None:
            return ""
        if isinstance(value, list) and isinstance(value[0], float):
            value = json.dumps(value)
        elif isinstance(value, list):
            value = "|".join(value)
        text = str(value)
        return '"' + text.replace('"', '""') + '"' if separator in text or '"' in text else text

    lines = [separator.join(rows[0])] + [separator.join(cell(v) for v in row.values()) for row in rows]
    text = newline.join(lines) + newline
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())
    return path


def write_json(rows, path: Path):
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def defects(raw):
    return {f.defect for f in raw.findings}


START = 1_700_000_000


SECONDS = [START + k * 5400 for k in range(200)]


MOMENTS = [datetime.fromtimestamp(s, UTC) for s in SECONDS]


WRITTEN = {
    "seconds": SECONDS,
    "milliseconds": [s * 1000 for s in SECONDS],
    "microseconds": [s * 10**6 for s in SECONDS],
    "nanoseconds": [s * 10**9 for s in SECONDS],
    "iso": [m.isoformat() for m in MOMENTS],
    "iso without zone": [m.strftime("%Y-%m-%dT%H:%M:%S") for m in MOMENTS],
    "z": [m.strftime("%Y-%m-%dT%H:%M:%SZ") for m in MOMENTS],
    "basic": [m.strftime("%Y%m%dT%H%M%SZ") for m in MOMENTS],
    "german": [m.strftime("%d.%m.%Y %H:%M:%S") for m in MOMENTS],
    "british": [m.strftime("%d/%m/%Y %H:%M:%S") for m in MOMENTS],
    "american": [m.strftime("%m/%d/%Y %I:%M:%S %p") for m in MOMENTS],
    "mail": [m.strftime("%a, %d %b %Y %H:%M:%S GMT") for m in MOMENTS],
    "c": [m.strftime("%a %b %d %H:%M:%S %Y") for m in MOMENTS],
    "digits": [int(m.strftime("%Y%m%d%H%M%S")) for m in MOMENTS],
    "excel": [s / 86_400 + 25_569 for s in SECONDS],
}


def events(name, times, **more):
    ids = {"user_id": [k % 20 for k in range(len(times))], "item_id": [k % 33 for k in range(len(times))]}
    return {**ids, name: times, **more}
