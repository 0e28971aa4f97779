"""The loop, its batches, its stopping rule and its checkpoints."""
