"""Primary losses, one per file."""
