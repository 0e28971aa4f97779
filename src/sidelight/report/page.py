"""Report page: one self-contained HTML file from the record of a comparison."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from sidelight.errors import SpecError, complain
from sidelight.report.difference_tables import baselines, costs, groups, slices
from sidelight.report.example_lists import examples
from sidelight.report.exposure_section import exposure, new_items
from sidelight.report.headline import answer
from sidelight.report.load_record import Record, load_record
from sidelight.report.provenance import provenance
from sidelight.report.sparsity import sparsity
from sidelight.report.task_weights import learning
from sidelight.target_paths import atomic_write, check_room

# In the order of the page; the short names are those of the table of contents.
SECTIONS = {
    "answer": ("Answer", answer),
    "slices": ("By slice", slices),
    "sparsity": ("Sparsity", sparsity),
    "groups": ("Helped whom", groups),
    "costs": ("Costs", costs),
    "baselines": ("Other baselines", baselines),
    "weights": ("Loss weights", learning),
    "exposure": ("Exposure", exposure),
    "new-items": ("New items", new_items),
    "examples": ("Examples", examples),
    "provenance": ("Provenance", provenance),
}


def page(record: Mapping[str, Any]) -> str:
    """Render the whole page as HTML, with style, charts, tables and the record itself inside.

    Args:
        record: Result of `Comparison.to_dict()`, or the same read from its JSON.

    Raises:
        DataError: It is not the record of a comparison.
    """
    found = load_record(record)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sidelight.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"baseline": found.baseline, "leaked": found.leaked}
    sections = {name: make(found) for name, (_, make) in SECTIONS.items()}
    script = _part(environment, "copy.js")
    html = environment.get_template("page.html").render(
        title=f"{sections['answer']['arm']} against {found.baseline}",
        contents=[(name, label) for name, (label, _) in SECTIONS.items()],
        sections=sections,
        metric=sections["answer"]["metric"],
        level=sections["provenance"]["level"],
        style=_part(environment, "style.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        record=embedded(found),
    )
    return html + "\n"


def write(record: Mapping[str, Any], path: str | Path, force: bool = False) -> Path:
    """Write the page to a file: whole or not at all.

    Args:
        record: Result of `Comparison.to_dict()`.
        path: The file to make; missing folders above it are made too.
        force: Replace a file that is there.

    Raises:
        SpecError: The place is taken.
        DataError: It is not the record of a comparison.
    """
    check_place(path, force)
    html = page(record)
    with atomic_write(path) as fresh:
        fresh.write_text(html, encoding="utf-8", newline="\n")
        check_place(path, force)  # another process may have written there meanwhile
    return Path(path)


def check_place(path: str | Path, force: bool) -> None:
    """Refuse a target that `write` would not write to.

    Raises:
        SpecError: A folder is there, or a file and `force` is not given.
    """
    target = Path(path)
    if target.is_dir():
        raise SpecError(complain("a file to write to", "a folder", str(target), "name a file in it"))
    if target.exists() and not force:
        fix = "choose another, or force it (--force)"
        raise SpecError(complain("a new file", "it exists already", str(target), fix))
    check_room(target)


def embedded(record: Record) -> Markup:
    r"""Return the record as JSON that is safe inside a script element.

    There only "<" could end it; "&" and ">" are escaped too, so that the text is the same wherever it
    is pasted. Everything outside ASCII becomes \u escapes, bidi marks included.
    """
    found = json.dumps(record.values, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        found = found.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(found)


def _part(environment: jinja2.Environment, name: str) -> Markup:
    """Return a file of the page that is no template; it is our own and needs no escaping."""
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0].strip())
