"""Keys of the service in the admin: made and revoked by superusers alone, never deleted."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from analytics.admin.base import NeverDeleted
from analytics.admin.users import is_superuser
from people.service_keys import ServiceKey

GIVEN = ("name", "expires_at")
FACTS = ("prefix", "state", "created_by", "created_at", "last_used_at", "revoked_at")


@admin.register(ServiceKey)
class ServiceKeyAdmin(NeverDeleted):
    list_display = ("name", "prefix", "state", "created_by", "created_at", "last_used_at")
    search_fields = ("name", "id")
    actions = ("revoke_service_keys",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """One that is there is revoked, and nothing else."""
        return obj is None and is_superuser(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*GIVEN, *FACTS) if obj else GIVEN

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*GIVEN, *FACTS) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        text = obj.assign_secret()
        obj.created_by = request.user.get_username()
        obj.save()
        told = "Copy the key now, it is not shown again: <code>{}</code>"
        self.message_user(request, format_html(told, text), messages.WARNING)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:people_servicekey_changelist"))

    @admin.action(description="Revoke selected service keys")
    def revoke_service_keys(self, request: HttpRequest, queryset: QuerySet[ServiceKey]) -> None:
        keys = list(queryset.filter(revoked_at=None))
        for key in keys:
            key.revoke()
            self.log_change(request, key, "Revoked.")
        self.message_user(request, f"Revoked {len(keys)} service keys.", messages.SUCCESS)
