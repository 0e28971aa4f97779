"""A device that torch lacks is refused by name."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from sidelight.content.device import need_device
from sidelight.errors import SpecError


def test_a_device_that_is_not_there_is_refused() -> None:
    need_device("cpu", "option 'device'")
    for device in ("cuda:99", "toaster"):
        with pytest.raises(
            SpecError, match=rf"a device that torch can use; found '{device}.*in option 'device'"
        ):
            need_device(device, "option 'device'")
