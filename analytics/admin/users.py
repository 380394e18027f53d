"""Users in the admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from analytics.admin_sessions import end_sessions

if TYPE_CHECKING:
    DjangosUserAdmin = auth_admin.UserAdmin[User]
else:  # at run time it cannot be subscripted
    DjangosUserAdmin = auth_admin.UserAdmin

admin.site.unregister(User)


def is_superuser(request: HttpRequest) -> bool:
    user = request.user
    return isinstance(user, User) and user.is_active and user.is_superuser


@admin.register(User)
class UserAdmin(DjangosUserAdmin):
    actions = ("end_all_sessions",)

    def has_superuser_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    @admin.action(description="End all sessions of selected users", permissions=["superuser"])
    def end_all_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = 0
        for user in queryset:
            ended += end_sessions(user)
            self.log_change(request, user, "Ended all sessions.")
        self.message_user(request, f"{ended} sessions ended.", messages.SUCCESS)
