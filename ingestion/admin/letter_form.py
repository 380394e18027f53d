"""The forms of dead letters in the admin."""

from typing import TYPE_CHECKING, Any

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
