"""The admin pages of what upkeep works on, a module for each."""

from upkeep.admin.deletions import ProjectDeletionAdmin
from upkeep.admin.erasures import ErasureAdmin
from upkeep.admin.ledger import LedgerAdmin

__all__ = ["ErasureAdmin", "LedgerAdmin", "ProjectDeletionAdmin"]
