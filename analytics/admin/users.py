"""Users and groups in the admin. Who may do what is for superusers to say, and for nobody else."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from analytics.accounts.sessions import end_sessions
from analytics.admin.base import Fitting

if TYPE_CHECKING:
    DjangosUserAdmin = auth_admin.UserAdmin[User]
else:  # at run time it cannot be subscripted
    DjangosUserAdmin = auth_admin.UserAdmin

RIGHTS = ("is_superuser", "is_staff", "groups", "user_permissions")

admin.site.unregister(User)
admin.site.unregister(Group)


def is_superuser(request: HttpRequest) -> bool:
    user = request.user
    return isinstance(user, User) and user.is_active and user.is_superuser


def has_rights(user: User) -> bool:
    """Whether there is anything that this account may do, or could once it is let in again."""
    return (
        user.is_superuser or user.is_staff or user.groups.exists() or user.user_permissions.exists()
    )


@admin.register(User)
class UserAdmin(Fitting, DjangosUserAdmin):
    """Others than superusers manage only accounts without any right.

    Who sets the password, the name or the e-mail address of an account can become its owner, so
    none of that may be changed of an account that is worth it.
    """

    actions = ("end_all_sessions",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if is_superuser(request) else (*fields, *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_within_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._is_within_reach(request, obj)

    def _is_within_reach(self, request: HttpRequest, user: User | None) -> bool:
        return user is None or is_superuser(request) or not has_rights(user)

    def has_superuser_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    @admin.action(description="End all sessions of selected users", permissions=["superuser"])
    def end_all_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = 0
        for user in queryset:
            ended += end_sessions(user)
            self.log_change(request, user, "Ended all sessions.")
        self.message_user(request, f"{ended} sessions ended.", messages.SUCCESS)


@admin.register(Group)
class GroupAdmin(Fitting, auth_admin.GroupAdmin):
    """A group's permissions are those of everybody in it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)
