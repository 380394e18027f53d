"""The forms of dead letters in the admin."""

from functools import cached_property
from typing import TYPE_CHECKING

from django import forms
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError

from analytics.events.invalid_event import InvalidEvent
from analytics.projects.policy import find_policy
from ingestion.letters.letter import judge_edit, show_payload
from ingestion.models import DeadLetter

if TYPE_CHECKING:
    LetterModelForm = forms.ModelForm[DeadLetter]
else:  # at run time it cannot be subscripted
    LetterModelForm = forms.ModelForm

MAX_WHY_CHARS = 500
SAVE, SAVE_AND_REPLAY, DISCARD = "save", "replay", "discard"


class WhyForm(ActionForm):
    why = forms.CharField(required=False, max_length=MAX_WHY_CHARS, label="Why:")


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

    @cached_property
    def shown(self) -> str:
        letter = self.instance
        rule = find_policy(bytes.fromhex(letter.project)).ip_rule if letter.project else "drop"
        return show_payload(bytes(letter.payload or b""), rule)

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> object:
        if field_name == "text":
            return self.shown
        return super().get_initial_for_field(field, field_name)

    @property
    def edited(self) -> bytes | None:
        """The new payload; None where it was left as it was shown."""
        text = self.cleaned_data["text"].replace("\r\n", "\n").strip()
        return None if text == self.shown.replace("\r\n", "\n").strip() else text.encode()

    def clean(self) -> None:
        super().clean()
        if self.errors:
            return
        cleaned = self.cleaned_data
        if cleaned["do"] == DISCARD and not cleaned["why"].strip():
            raise ValidationError({"why": "Say why it is discarded."})
        if cleaned["do"] != DISCARD and (edited := self.edited) is not None:
            try:
                judge_edit(
                    edited,
                    {"eventId": self.instance.event_id, "imported": self.instance.imported},
                )
            except InvalidEvent as exc:
                raise ValidationError({"text": exc.detail}) from exc
