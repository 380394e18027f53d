"""The admin pages of what ingestion keeps, a module for each."""

from ingestion.admin.deletions import ProjectDeletionAdmin
from ingestion.admin.erasures import ErasureAdmin

__all__ = ["ErasureAdmin", "ProjectDeletionAdmin"]
