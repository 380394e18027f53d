"""Dead letters in the admin: look, edit, replay, discard; each with who, when and why."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from analytics.admin.base import Fitting
from analytics.admin.choices import list_projects_to_filter
from analytics.databases.mongo import DEAD_LETTERS, collection
from analytics.projects.models import Project
from analytics.projects.policy import find_policy
from analytics.web.problems import Unavailable
from ingestion.admin.letter_form import DISCARD, SAVE_AND_REPLAY, LetterForm, WhyForm
from ingestion.admin.letter_search import find_letters, read_outline
from ingestion.admin.replays import describe_event, describe_replay
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.letters.change import NotDead, discard_letters, edit_letter
from ingestion.letters.letter import DEAD, show_payload
from ingestion.letters.replay import replay_letters
from ingestion.models import DeadLetter

MAX_SHOWN_CHARS = 100


class ProjectFilter(admin.SimpleListFilter):
    title = "project"
    parameter_name = "project"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return list_projects_to_filter()

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DeadLetter]
    ) -> QuerySet[DeadLetter]:
        return queryset.filter(project=self.value()) if self.value() else queryset


@admin.register(DeadLetter)
class DeadLetterAdmin(Fitting):
    form = LetterForm
    action_form = WhyForm
    actions = ("replay", "discard")
    list_display = (
        *("event_id", "path", "event", "reason", "status", "project_name"),
        *("accepted_at", "buried_at"),
    )
    list_filter = (ProjectFilter, "reason", "status")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("event_id",)
    search_help_text = "Parts of an event id, letter id, path, event or reason"
    shown = (
        "id", "project_name", "event_id", "path", "event", "reason", "detail", "status",
        "accepted_at", "buried_at", "event_now", "client", "history",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DeadLetter | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DeadLetter | None = None) -> bool:
        """What is replayed, discarded or erased is only looked at."""
        return super().has_change_permission(request, obj) and (obj is None or obj.status == DEAD)

    def get_fields(self, request: HttpRequest, obj: DeadLetter | None = None) -> tuple[str, ...]:
        if self.has_change_permission(request, obj):
            return (*self.shown, "text", "do", "why")
        return (*self.shown, "payload_text")

    def get_readonly_fields(
        self, request: HttpRequest, obj: DeadLetter | None = None
    ) -> tuple[str, ...]:
        return (*self.shown, "payload_text")

    def save_model(
        self, request: HttpRequest, obj: DeadLetter, form: LetterForm, change: bool
    ) -> None:
        letter_id, by = bytes.fromhex(obj.pk), request.user.get_username()
        do, why = form.cleaned_data["do"], form.cleaned_data["why"]
        try:
            if do == DISCARD:
                self._tell(request, discard_letters([letter_id], by, why), "discarded")
                return
            if form.edited is not None:
                edit_letter(letter_id, form.edited, by, why)
                self._tell(request, 1, "edited")
            if do == SAVE_AND_REPLAY:
                self._replay(request, [letter_id], why)
        except NotDead:
            self.message_user(request, "Somebody else has changed the letter.", messages.ERROR)
        except Unavailable as exc:
            self.message_user(request, f"Not replayed: {exc.detail}", messages.ERROR)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        edited = " with an edited payload" if form.edited is not None else ""
        return f"Asked to {form.cleaned_data['do']}{edited}: {form.cleaned_data['why'] or '-'}"

    def response_change(self, request: HttpRequest, obj: DeadLetter) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:ingestion_deadletter_changelist"))

    @admin.action(description="Replay selected dead letters", permissions=["change"])
    def replay(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        letters, why = list(queryset.filter(status=DEAD)), request.POST.get("why", "")
        self.log_replay(request, letters, f"Asked to replay: {why or '-'}")
        try:
            self._replay(request, [bytes.fromhex(letter.pk) for letter in letters], why)
        except Unavailable as exc:
            text = f"{exc.detail} Letters that are still dead were not replayed."
            self.message_user(request, text, messages.ERROR)

    @admin.action(description="Discard selected dead letters", permissions=["change"])
    def discard(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        letters, why = list(queryset.filter(status=DEAD)), request.POST.get("why", "")
        if not why.strip():
            self.message_user(request, "Say why they are discarded.", messages.ERROR)
            return
        self.log_replay(request, letters, f"Asked to discard: {why}")
        ids = [bytes.fromhex(letter.pk) for letter in letters]
        self._tell(request, discard_letters(ids, request.user.get_username(), why), "discarded")

    def log_replay(self, request: HttpRequest, letters: list[DeadLetter], text: str) -> None:
        for letter in letters:
            self.log_change(request, letter, text)

    def _replay(self, request: HttpRequest, letter_ids: list[bytes], why: str) -> None:
        begun_at = timezone.now()
        done = replay_letters(letter_ids, request.user.get_username(), why)
        level = messages.SUCCESS if done.replayed else messages.WARNING
        self.message_user(request, describe_replay(done, len(letter_ids), begun_at), level)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DeadLetter], search_term: str
    ) -> tuple[QuerySet[DeadLetter], bool]:
        if not search_term.split():
            return queryset, False
        found = find_letters(queryset, search_term)
        if found.is_cut:
            text = "Only the latest letters were searched. Choose a project, reason or status, too."
            self.message_user(request, text, messages.WARNING)
        return queryset.filter(pk__in=found.letter_ids), False

    def _tell(self, request: HttpRequest, count: int, what: str) -> None:
        self.message_user(request, f"{count} dead letters {what}.", messages.SUCCESS)

    @admin.display(description="path")
    def path(self, letter: DeadLetter) -> str:
        return Truncator(read_outline(bytes(letter.payload or b"")).path).chars(MAX_SHOWN_CHARS)

    @admin.display(description="event")
    def event(self, letter: DeadLetter) -> str:
        return Truncator(read_outline(bytes(letter.payload or b"")).event).chars(MAX_SHOWN_CHARS)

    @admin.display(description="the event now")
    def event_now(self, letter: DeadLetter) -> str:
        return describe_event(letter)

    @admin.display(description="project")
    def project_name(self, letter: DeadLetter) -> str:
        project = Project.objects.filter(pk=letter.project).first()
        return str(project or letter.project)

    @admin.display(description="client")
    def client(self, letter: DeadLetter) -> str:
        rule = find_policy(bytes.fromhex(letter.project)).ip_rule
        return (
            f"{apply_ip_rule(rule, letter.ip) or 'no address'}, {letter.user_agent or 'no agent'}"
        )

    @admin.display(description="payload")
    def payload_text(self, letter: DeadLetter) -> str:
        rule = find_policy(bytes.fromhex(letter.project)).ip_rule
        return show_payload(bytes(letter.payload), rule)

    @admin.display(description="history")
    def history(self, letter: DeadLetter) -> str:
        row = collection(DEAD_LETTERS).find_one({"_id": bytes.fromhex(letter.pk)}, {"history": 1})
        notes = (row or {}).get("history", [])
        told = [
            f"{n['at']:%Y-%m-%d %H:%M} UTC {n['action']} by {n['by']}: {n['why']}" for n in notes
        ]
        return "; ".join(told) or "-"
