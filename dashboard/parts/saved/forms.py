"""Forms of what people keep. Which values are taken, the models say."""

from datetime import date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from analytics.admin.project_form import LinesField
from analytics.projects.models import Project
from dashboard.address.saved import OF_PROPERTIES, parse_of_property
from people.saved.filters import BadFilter
from people.saved.models import Goal, SavedFunnel, Segment
from people.saved.notes import MAX_NOTE_CHARS

if TYPE_CHECKING:
    GoalModelForm = forms.ModelForm[Goal]
else:  # at run time it cannot be subscripted
    GoalModelForm = forms.ModelForm

KEPT = {"segment": Segment, "funnel": SavedFunnel}


class NameForm(forms.Form):
    """A name for what the address shows; shared: every member of the project has it."""

    name = forms.CharField(max_length=100, label="Name")
    shared = forms.BooleanField(required=False, label="For all members of the project")

    def __init__(self, kind: str, sent: Any = None, *, may_share: bool = True) -> None:
        super().__init__(sent, auto_id=f"{kind}-%s")
        if not may_share:
            del self.fields["shared"]


class ConditionsField(LinesField):
    """Conditions on properties, one a line: `is:plan:pro`; kept as filters of an address."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            value = [text.replace(f":{OF_PROPERTIES}.", ":", 1) for text in value]
        return super().prepare_value(value)

    def read_line(self, line: str) -> str:
        try:
            return str(parse_of_property(line))
        except BadFilter as exc:
            raise ValidationError(f"{line} {exc}.") from None


class GoalForm(GoalModelForm):
    conditions = ConditionsField(
        required=False,
        help_text="On properties, one a line: is:plan:pro, gte:amount:100, known:coupon.",
    )

    class Meta:
        model = Goal
        fields = ("name", "what", "value", "conditions", "amount_key", "currency_key")
        help_texts = {"value": "signup, or /thanks."}  # noqa: RUF012

    def __init__(self, project: Project, sent: Any = None, goal: Goal | None = None) -> None:
        goal = goal or Goal(project=project)
        super().__init__(sent, instance=goal, auto_id=f"goal-{goal.pk}-%s")
        self.fields["conditions"].widget.attrs["rows"] = 2


class NoteForm(forms.Form):
    day = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), label="Day")
    clock = forms.TimeField(
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        label="Time",
        help_text="Empty: of the whole day.",
    )
    text = forms.CharField(max_length=MAX_NOTE_CHARS, label="Note")

    def read_when(self, zone: tzinfo) -> date | datetime:
        day: date = self.cleaned_data["day"]
        clock: time | None = self.cleaned_data["clock"]
        if clock is None:
            return day
        return datetime.combine(day, clock, tzinfo=zone)
