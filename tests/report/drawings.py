"""Checks of drawings: elements by class, and everything inside the frame."""

from __future__ import annotations

from xml.etree import ElementTree


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)


def marked(drawing: str, *classes: str) -> list[ElementTree.Element]:
    """Elements that have all of these classes."""
    return [e for e in parsed(drawing).iter() if set(classes) <= set(e.get("class", "").split())]


def inside(drawing: str) -> None:
    """Every place is within the frame: nothing is cut off or drawn over a neighbour."""
    root = parsed(drawing)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        places = [(float(element.get(x, 0)), float(element.get(y, 0))) for x, y in
                  (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy"))]  # fmt: skip
        places += [tuple(map(float, p.split(","))) for p in element.get("points", "").split()]
        for x, y in places:
            assert -0.5 <= x <= width + 0.5 and -0.5 <= y <= height + 0.5, ElementTree.tostring(element)
