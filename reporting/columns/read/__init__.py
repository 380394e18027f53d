"""What a question reads of a project: segments, its tail, and stored events where it must."""

from reporting.columns.read.checks import check_again
from reporting.columns.read.opening import ViewKey, in_snapshot, open_view, open_views
from reporting.columns.read.remembered import remember

__all__ = ["ViewKey", "check_again", "in_snapshot", "open_view", "open_views", "remember"]
