"""What a question reads of a project: segments, its tail, and stored events where it must."""

from reporting.columns.read.checks import check_again
from reporting.columns.read.opening import in_snapshot, open_view
from reporting.columns.read.remembered import remember

__all__ = ["check_again", "in_snapshot", "open_view", "remember"]
