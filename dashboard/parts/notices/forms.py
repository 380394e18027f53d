"""The forms of reports and alerts. What they may say, `notices/rules/terms.py` checks."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from analytics.admin.project_form import LinesField
from analytics.projects.models import Project
from dashboard.parts.notices.targets import read_targets, shown_targets
from notices.documents import RuleDocument
from notices.rules.terms import Draft, make_alert
from people.saved.filters import BadFilter, parse_filter
from people.saved.models import Goal
from reporting.words.metrics import METRICS, find_shown

_HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]
_EVERY = (("week", "Every week"), ("day", "Every day"), ("month", "Every month"))
_HOWS = (
    ("above", "is above"),
    ("below", "is below"),
    ("changed", "changes by"),
    ("silent", "stays away: nothing comes in"),
)
_METRICS = [(name, shown.label) for name, shown in METRICS.items()]
_UNITS = (("hour", "hour"), ("day", "day"), ("week", "week"), ("month", "month"))
_DIRECTIONS = (("either", "up or down"), ("up", "up"), ("down", "down"))
_AGAINST = (("before", "the one before"), ("week", "the same a week earlier"))

# As `notices/rules/terms.py` calls a field, and as the form does.
_NAMES = {"targets": "mails", "silentMinutes": "silent_minutes", "pauseMinutes": "pause_hours"}


class FiltersField(LinesField):
    """Filters of an address, one a line."""

    def read_line(self, line: str) -> str:
        try:
            return str(parse_filter(line))
        except BadFilter as exc:
            raise ValidationError(f"{line} {exc}.") from None


class RuleForm(forms.Form):
    """What reports and alerts have in common: a name, filters, and who is told."""

    kind: ClassVar[str]

    name = forms.CharField(max_length=100)
    filters = FiltersField(
        required=False,
        label="Only these events",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Filters, one a line, as an address has them: is:country:DE, starts:path:/docs.",
    )
    mails = LinesField(
        required=False,
        label="Mail to",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Addresses, one a line. Who is not a member of the project is asked first.",
    )
    hooks = LinesField(
        required=False,
        label="Webhooks",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Addresses that begin with https://, one a line. They get signed JSON.",
    )
    slacks = LinesField(
        required=False,
        label="Slack",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Incoming webhooks of Slack, or of what understands the same.",
    )

    def __init__(
        self, project: Project, sent: Any = None, rule: RuleDocument | None = None
    ) -> None:
        self.project = project
        self.rule = rule
        initial = {"name": rule["name"], **shown_targets(rule["targets"])} if rule else {}
        super().__init__(
            sent,
            initial={**initial, **(self.read_rule(rule) if rule else {})},
            auto_id=f"{rule['_id'] if rule else self.kind}-%s",
        )

    def read_rule(self, rule: RuleDocument) -> dict[str, Any]:
        """The terms of a rule, as the fields show them."""
        raise NotImplementedError

    def write_terms(self, given: dict[str, Any]) -> Any:
        """The terms that the fields say."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        known = self.rule["targets"] if self.rule else []
        self.targets, mistakes = read_targets(given, known)
        for name, text in mistakes.items():
            self.add_error(name, text)
        return given

    def write_draft(self) -> Draft:
        given = self.cleaned_data
        draft: Any = {"name": given["name"].strip(), "targets": self.targets}
        draft[self.kind] = self.write_terms(given)
        return draft  # type: ignore[no-any-return]

    def refuse(self, exc: ValidationError) -> None:
        """What the rules say against it, beside the fields that it is about."""
        if not hasattr(exc, "error_dict"):
            self.add_error(None, "; ".join(exc.messages))
            return
        for name, messages in exc.message_dict.items():
            field = _NAMES.get(name, name)
            self.add_error(field if field in self.fields else None, "; ".join(messages))


class ReportForm(RuleForm):
    kind = "report"

    every = forms.ChoiceField(choices=_EVERY, label="How often")
    hour = forms.TypedChoiceField(
        choices=_HOURS,
        coerce=int,
        initial=8,
        label="At",
        help_text="Of the day after, in the time zone of the project.",
    )

    field_order = ("name", "every", "hour", "filters", "mails", "hooks", "slacks")

    def read_rule(self, rule: RuleDocument) -> dict[str, Any]:
        return dict(rule["report"])

    def write_terms(self, given: dict[str, Any]) -> Any:
        return {name: given[name] for name in ("every", "hour", "filters")}


class AlertForm(RuleForm):
    kind = "alert"

    metric = forms.ChoiceField(choices=_METRICS, label="What")
    how = forms.ChoiceField(choices=_HOWS, label="Fires when it")
    value = forms.FloatField(
        required=False,
        label="How much",
        help_text="Percent for rates and for changes, seconds for durations.",
    )
    unit = forms.ChoiceField(choices=_UNITS, initial="day", label="Within a")
    direction = forms.ChoiceField(choices=_DIRECTIONS, label="Direction")
    against = forms.ChoiceField(choices=_AGAINST, label="Against")
    smallest = forms.FloatField(
        required=False,
        min_value=0,
        label="Of at least",
        help_text="Fewer are too few to judge a rate or a change by. May be empty.",
    )
    running = forms.BooleanField(
        required=False, label="Also before the hour, day, week or month is over"
    )
    silent_minutes = forms.IntegerField(required=False, label="For so many minutes", initial=60)
    pause_hours = forms.IntegerField(
        min_value=1,
        max_value=720,
        initial=24,
        label="Say it again after (hours)",
        help_text="While it lasts. When it is over, that is said, too.",
    )
    goal = forms.ChoiceField(required=False, label="Goal")

    field_order = (
        "name", "metric", "how", "value", "unit", "direction", "against", "silent_minutes",
        "smallest", "running", "goal", "filters", "pause_hours", "mails", "hooks", "slacks",
    )  # fmt: skip

    def __init__(
        self, project: Project, sent: Any = None, rule: RuleDocument | None = None
    ) -> None:
        super().__init__(project, sent, rule)
        goals = [(goal.pk, goal.name) for goal in Goal.of_project(project.pk)]
        field = self.fields["goal"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "none"), *goals]

    def read_rule(self, rule: RuleDocument) -> dict[str, Any]:
        terms = rule["alert"]
        shown: dict[str, Any] = {**terms, "goal": terms["goal"] or ""}
        shown["silent_minutes"] = terms["silentMinutes"] or 60
        shown["pause_hours"] = max(1, round(terms["pauseMinutes"] / 60))
        if terms["value"] is not None and _is_percent(terms["how"], terms["metric"]):
            shown["value"] = float(f"{terms['value'] * 100:.10g}")
        return shown

    def write_terms(self, given: dict[str, Any]) -> Any:
        how = given["how"]
        common = {
            "how": how,
            "filters": given["filters"],
            "goal": given["goal"] or None,
            "pauseMinutes": given["pause_hours"] * 60,
        }
        if how == "silent":
            minutes = given["silent_minutes"]
            return make_alert(**common, metric="events", silentMinutes=minutes)
        value = given["value"]
        if value is not None and _is_percent(how, given["metric"]):
            value /= 100
        changed = {}
        if how == "changed":
            changed = {"direction": given["direction"], "against": given["against"]}
        return make_alert(
            **common,
            **changed,
            metric=given["metric"],
            value=value,
            unit=given["unit"],
            running=given["running"] and how == "above",
            smallest=given["smallest"],
        )


def _is_percent(how: str, metric: str) -> bool:
    return how == "changed" or find_shown(metric).in_points
