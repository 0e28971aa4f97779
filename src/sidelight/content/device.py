"""Check of torch devices that options name."""

from __future__ import annotations

from sidelight.errors import SpecError, complain


def need_device(device: str, where: str) -> None:
    """Refuse a torch device that this machine cannot compute on.

    Args:
        device: As torch names it, e.g. "cpu", "cuda" or "cuda:1".
        where: Name of the option, for the error.

    Raises:
        SpecError: It is no device, or is not there.
    """
    import torch

    try:
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        found = f"{device!r} ({' '.join(str(error).split())[:120]})"
        fix = "leave it out" if torch.cuda.is_available() else "write device='cpu': there is no CUDA here"
        raise SpecError(complain("a device that torch can use", found, where, fix)) from None
