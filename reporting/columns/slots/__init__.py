"""The engines of a process, and whose turn it is to use one."""

from reporting.columns.slots.engines import Engine, busy, cannot_read, run, run_in_thread

__all__ = ["Engine", "busy", "cannot_read", "run", "run_in_thread"]
