"""Types of the public names of this package."""

from . import split as split
