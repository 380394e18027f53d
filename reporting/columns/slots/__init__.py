"""The engines of a process, and whose turn it is to use one."""

from reporting.columns.slots.engines import Engine, busy, cannot_read, run, run_in_thread
from reporting.columns.slots.scratch import make_folder

__all__ = ["Engine", "busy", "cannot_read", "make_folder", "run", "run_in_thread"]
