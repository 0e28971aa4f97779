"""Public names of a package, loaded on first use from the modules that its `__init__.pyi` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lazy_loader

from sidelight.errors import did_you_mean


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package that loads its public names on first use.

    Args:
        package: `__name__` of the package.
        file: Its `__file__`; beside it lies `__init__.pyi` with one import per public name.

    Examples:
        >>> load, names = attach("sidelight.tasks", __file__.replace("public_names", "tasks/__init__"))
        >>> load("Alignment").__name__, "Alignment" in names()
        ('Alignment', True)
    """
    load, _, names = lazy_loader.attach_stub(package, file)

    def get(name: str) -> Any:
        if name in names:
            return load(name)
        hint = "" if name.startswith("_") else f"; {did_you_mean(name, names)}"
        raise AttributeError(f"module {package!r} has no attribute {name!r}{hint}")

    return get, lambda: sorted(names)
