"""The admin pages of what ingestion keeps, a module for each."""

from ingestion.admin.deletions import ProjectDeletionAdmin
from ingestion.admin.erasures import ErasureAdmin
from ingestion.admin.ledger import LedgerAdmin
from ingestion.admin.letters import DeadLetterAdmin

__all__ = ["DeadLetterAdmin", "ErasureAdmin", "LedgerAdmin", "ProjectDeletionAdmin"]
