"""Dead letters in the admin: look, edit, replay, discard; each with who, when and why."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from analytics.invalid_event import InvalidEvent
from analytics.models import Project
from analytics.mongo import DEAD_LETTERS, collection
from analytics.problems import Unavailable
from analytics.projects import find_policy
from ingestion.enrich import apply_ip_rule
from ingestion.letters.change import NotDead, discard_letters, edit_letter
from ingestion.letters.letter import DEAD, judge_edit, show_payload
from ingestion.letters.replay import replay_letters
from ingestion.models import DeadLetter

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[DeadLetter]
    LetterModelForm = forms.ModelForm[DeadLetter]
else:  # at run time neither can be subscripted
    ModelAdmin = admin.ModelAdmin
    LetterModelForm = forms.ModelForm

MAX_WHY_CHARS = 500
SAVE, SAVE_AND_REPLAY, DISCARD = "save", "replay", "discard"


class WhyForm(ActionForm):
    why = forms.CharField(required=False, max_length=MAX_WHY_CHARS, label="Why:")


class ProjectFilter(admin.SimpleListFilter):
    title = "project"
    parameter_name = "project"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Project.objects.values_list("id", "name"))

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DeadLetter]
    ) -> QuerySet[DeadLetter]:
        return queryset.filter(project=self.value()) if self.value() else queryset


class LetterForm(LetterModelForm):
    """What to do with one letter."""

    text = forms.CharField(
        label="Payload",
        widget=forms.Textarea(attrs={"rows": 12, "cols": 100, "spellcheck": "false"}),
        help_text="What a replay sends. The event keeps its id, and its time where none is given.",
    )
    do = forms.ChoiceField(
        label="Then",
        choices=[
            (SAVE, "Keep the letter, with this payload"),
            (SAVE_AND_REPLAY, "Replay it"),
            (DISCARD, "Discard it"),
        ],
    )
    why = forms.CharField(
        required=False, max_length=MAX_WHY_CHARS, help_text="Required to discard."
    )

    class Meta:
        model = DeadLetter
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        letter = self.instance
        rule = find_policy(bytes.fromhex(letter.project)).ip_rule if letter.project else "drop"
        self.shown = show_payload(bytes(letter.payload or b""), rule)
        self.fields["text"].initial = self.shown

    @property
    def edited(self) -> bytes | None:
        """The new payload; None where it was left as it was shown."""
        text = self.cleaned_data["text"].replace("\r\n", "\n").strip()
        return None if text == self.shown.replace("\r\n", "\n").strip() else text.encode()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned["do"] == DISCARD and not cleaned["why"].strip():
            raise ValidationError({"why": "Say why it is discarded."})
        if cleaned["do"] != DISCARD and (edited := self.edited) is not None:
            try:
                judge_edit(edited, {"eventId": self.instance.event_id})
            except InvalidEvent as exc:
                raise ValidationError({"text": exc.detail}) from exc
        return cleaned


@admin.register(DeadLetter)
class DeadLetterAdmin(ModelAdmin):
    form = LetterForm
    action_form = WhyForm
    actions = ("replay", "discard")
    list_display = ("event_id", "project_name", "reason", "status", "accepted_at", "buried_at")
    list_filter = (ProjectFilter, "reason", "status")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("event_id__exact",)
    shown = (
        "id", "project_name", "event_id", "reason", "detail", "status", "accepted_at", "buried_at",
        "client", "history",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DeadLetter | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DeadLetter | None = None) -> bool:
        """What is replayed, discarded or erased is only looked at."""
        return super().has_change_permission(request, obj) and (obj is None or obj.status == DEAD)

    def get_fields(self, request: HttpRequest, obj: DeadLetter | None = None) -> Any:
        if self.has_change_permission(request, obj):
            return (*self.shown, "text", "do", "why")
        return (*self.shown, "payload_text")

    def get_readonly_fields(self, request: HttpRequest, obj: DeadLetter | None = None) -> Any:
        return (*self.shown, "payload_text")

    def save_model(self, request: HttpRequest, obj: DeadLetter, form: Any, change: bool) -> None:
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
                self._tell(request, replay_letters([letter_id], by, why).replayed, "replayed")
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
        by = request.user.get_username()
        self.log_replay(request, letters, f"Asked to replay: {why or '-'}")
        try:
            ids = (bytes.fromhex(letter.pk) for letter in letters)
            self._tell(request, replay_letters(ids, by, why).replayed, "replayed")
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

    def _tell(self, request: HttpRequest, count: int, what: str) -> None:
        self.message_user(request, f"{count} dead letters {what}.", messages.SUCCESS)

    @admin.display(description="project")
    def project_name(self, letter: DeadLetter) -> str:
        project = Project.objects.filter(pk=letter.project).first()
        return project.name if project else letter.project

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
        told = [f"{n['at']:%Y-%m-%d %H:%M} {n['action']} by {n['by']}: {n['why']}" for n in notes]
        return "; ".join(told) or "-"
