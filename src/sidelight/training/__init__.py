"""Training: schedules, primary losses, steps, batches, stopping signal and checkpoints."""

from sidelight import public_names

__all__ = [
    "BPR", "ForkMerge", "GradientAggregation", "GradientSum", "Loop", "Objective", "Schedule",
    "Softmax", "Step", "TrainingOptions",
]  # fmt: skip

__getattr__, __dir__ = public_names.attach(__name__, __file__)
