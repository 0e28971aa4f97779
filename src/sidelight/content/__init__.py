"""Content of items as numbers: one modality a file, values with a mask of what is present."""
