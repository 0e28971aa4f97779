"""Training loop, batches, stopping rule and checkpoints."""

from sidelight import public_names

__all__ = [
    "GradientAggregation", "TrainingOptions",
]  # fmt: skip

__getattr__, __dir__ = public_names.attach(__name__, __file__)
