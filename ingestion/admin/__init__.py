"""The admin pages of what ingestion keeps, a module for each."""

from ingestion.admin.letters import DeadLetterAdmin

__all__ = ["DeadLetterAdmin"]
