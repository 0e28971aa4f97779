"""Split makers: training, validation and sealed test parts of a data set. `sidelight.split`.

Each maker takes a `Dataset` and returns a `Split`. The same seed gives the same split whatever the order
of the rows; the validation and test parts never hold a training event.
"""

from sidelight.data.split.cold import cold_items, cold_users
from sidelight.data.split.event_splits import automatic, leave_last_out, random_per_user, subsample, temporal
from sidelight.data.split.files import read_split, write_split
from sidelight.data.split.published_split import published
from sidelight.data.split.selection import selection_split

__all__ = [
    "automatic", "cold_items", "cold_users", "leave_last_out", "published", "random_per_user",
    "read_split", "selection_split", "subsample", "temporal", "write_split",
]  # fmt: skip
