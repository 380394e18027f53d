"""API keys in the admin. None is ever deleted: revoked keys stay in the list."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from analytics.admin.base import NeverDeleted, show_usage
from analytics.admin.choices import ProjectChoice
from analytics.admin.key_form import ApiKeyForm
from analytics.admin.refusals import REFUSALS, show_key_refusals
from analytics.keys.records import SCOPES
from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import ApiKey, Project
from analytics.projects.usage import read_key_usage
from analytics.web.scripts import CORE, find_hashed_name, read_script

MAX_REVOKED_KEYS = 500  # a form holds up to 1,000 fields
ABOUT = ("prefix", "kind", "state", "project")
FACTS = ("created_at", "last_used_at", "revoked_at", "events_accepted", "refusals")


class ScopeFilter(admin.SimpleListFilter):
    title = "scope"
    parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(scope, scope) for scope in SCOPES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        return queryset.filter(scopes__contains=[self.value()]) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in ("active", "revoked", "expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        unrevoked = queryset.filter(revoked_at__isnull=True)
        now = timezone.now()
        match self.value():
            case "active":
                return unrevoked.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
            case "expired":
                return unrevoked.filter(expires_at__lte=now)
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
            case _:
                return queryset


@admin.register(ApiKey)
class ApiKeyAdmin(NeverDeleted):
    form = ApiKeyForm
    list_display = (
        "name",
        "prefix",
        "kind",
        "project",
        "scope_names",
        "state",
        "rate_events_per_second",
        "last_used_at",
    )
    list_filter = (StateFilter, "is_public", ScopeFilter, "project")
    list_select_related = ("project",)
    search_fields = ("name", "id", "project__name")
    actions = ("revoke_keys",)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """With what a web page needs to have of a public key."""
        context |= {
            "tracker_name": settings.TRACKER_NAME,
            "hashed_name": find_hashed_name(),
            "integrity": read_script(CORE).integrity,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "project":
            kwargs |= {
                "form_class": ProjectChoice,
                "queryset": Project.objects.filter(deleted_at=None),
            }
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="events accepted, by month")
    def events_accepted(self, key: ApiKey) -> str:
        return show_usage(lambda: read_key_usage(key))

    @admin.display(description=REFUSALS)
    def refusals(self, key: ApiKey) -> str:
        return show_key_refusals(key)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return ("project", "kind", *ApiKey.CHANGEABLE)
        shown = (*ABOUT, *ApiKey.CHANGEABLE)
        if obj.revoked_at or not self.has_change_permission(request, obj):
            return (*shown, *FACTS)
        return (*shown, "revoke_now", *FACTS)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return ()
        fixed = (*ABOUT, *FACTS)
        if obj.revoked_at:
            return (*fixed, *ApiKey.CHANGEABLE)
        return (*fixed, "scopes") if obj.is_public else fixed

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiKey], search_term: str
    ) -> tuple[QuerySet[ApiKey], bool]:
        """Also finds a key by the prefix that is shown for it."""
        if search_term.startswith(("ak_live_", "pk_live_")):
            search_term = search_term.split("_")[2]
        return super().get_search_results(request, queryset, search_term)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        text = None if change else obj.assign_secret()
        super().save_model(request, obj, form, change)
        if text and not obj.is_public:  # the text of a public key stands on its page
            self._show_once(request, text)
        if change and form.cleaned_data.get("revoke_now"):
            self._revoke(request, obj)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:analytics_apikey_change", args=[obj.pk]))

    @admin.action(description="Revoke selected API keys", permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        keys = list(queryset.filter(revoked_at__isnull=True)[: MAX_REVOKED_KEYS + 1])
        if len(keys) > MAX_REVOKED_KEYS:
            text = f"Choose at most {MAX_REVOKED_KEYS} keys at once."
            self.message_user(request, text, messages.ERROR)
            return None
        if keys and request.POST.get("confirm") != "yes":
            return self._ask_whether(request, keys)
        for key in keys:
            self._revoke(request, key)
            self.log_change(request, key, "Revoked.")
        self.message_user(request, f"Revoked {len(keys)} API keys.", messages.SUCCESS)
        return None

    def _ask_whether(self, request: HttpRequest, keys: list[ApiKey]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Revoke API keys",
            "opts": self.opts,
            "keys": keys,
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/analytics/apikey/revoke.html", context)

    def _revoke(self, request: HttpRequest, key: ApiKey) -> None:
        try:
            key.revoke()
        except MirrorDelayed as delayed:
            self.message_user(request, f"{key}: {delayed}", messages.WARNING)

    def _show_once(self, request: HttpRequest, text: str) -> None:
        """The message travels in the browser's own cookie; nothing here keeps the text."""
        self.message_user(
            request,
            format_html("Copy the API key now, it is not shown again: <code>{}</code>", text),
            messages.WARNING,
        )
