"""The admin pages of what ingestion keeps, a module for each."""

from ingestion.admin.erasures import ErasureAdmin

__all__ = ["ErasureAdmin"]
