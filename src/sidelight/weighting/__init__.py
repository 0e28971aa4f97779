"""Rules from losses and validation signals to the next loss weights, one per file."""

from sidelight import public_names

__all__ = [
    "Fixed", "NormBalance", "Signals", "Uncertainty", "ValidationGuided", "Weighting",
]  # fmt: skip

__getattr__, __dir__ = public_names.attach(__name__, __file__)
