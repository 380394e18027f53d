"""What operators do for accounts, in the admin, beside what Django offers."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from analytics.admin.users import UserAdmin, is_superuser
from people.accounts.resets import LIFETIME_BY_STAFF, make_reset
from people.accounts.second_factor import remove_factor
from people.keys_admin import ServiceKeyAdmin
from people.members.models import Member

__all__ = ["PeopleAdmin", "ServiceKeyAdmin"]

MAX_LINKS = 20

admin.site.unregister(User)


@admin.register(User)
class PeopleAdmin(UserAdmin):
    actions: Any = (*UserAdmin.actions, "make_links", "remove_factors")

    def _is_within_reach(self, request: HttpRequest, user: User | None) -> bool:
        """A member's account is worth its projects, whatever the admin allows it."""
        if not super()._is_within_reach(request, user):
            return False
        return (
            user is None
            or is_superuser(request)
            or not Member.objects.filter(user_id=user.pk).exists()
        )

    @admin.action(
        description="Make links for a new password of selected users", permissions=["superuser"]
    )
    def make_links(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset.filter(is_active=True)[:MAX_LINKS]:
            token = make_reset(user, _name(request), LIFETIME_BY_STAFF)
            link = request.build_absolute_uri(reverse("dashboard:open_reset", args=[token]))
            self.message_user(
                request,
                f"{user.get_username()}: {link} (works once, for a day; not shown again)",
                messages.WARNING,
            )

    @admin.action(
        description="Remove the second factor of selected users", permissions=["superuser"]
    )
    def remove_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        removed = sum(remove_factor(user, _name(request)) for user in queryset)
        self.message_user(request, f"{removed} second factors removed.", messages.SUCCESS)


def _name(request: Any) -> str:
    return str(request.user.get_username())
