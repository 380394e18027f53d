"""The engines of a process, and whose turn it is to use one."""

from reporting.columns.slots.engines import Engine, run, run_in_thread
from reporting.columns.slots.refusals import busy, cannot_read, failed, too_large, too_long
from reporting.columns.slots.turns import as_guest, asks_as_guest

__all__ = [
    "Engine", "as_guest", "asks_as_guest", "busy", "cannot_read", "failed", "run", "run_in_thread",
    "too_large", "too_long",
]  # fmt: skip
