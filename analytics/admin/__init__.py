"""The admin pages of the shared ground, a module for each."""

from analytics.admin.aliases import AliasAdmin
from analytics.admin.keys import ApiKeyAdmin
from analytics.admin.projects import ProjectAdmin
from analytics.admin.users import GroupAdmin, UserAdmin

__all__ = ["AliasAdmin", "ApiKeyAdmin", "GroupAdmin", "ProjectAdmin", "UserAdmin"]
