"""The form of a share link."""

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms

from analytics.admin.project_form import LinesField
from analytics.projects.models import Project
from analytics.web.problems import Problem
from dashboard.address.windows import PERIODS
from dashboard.parts.panels import PANELS
from dashboard.parts.settings.forms import id_fields
from people.saved.filters import OPERATORS, BadFilter, Filter, join, parse_filter
from people.shares.models import ShareLink
from people.shares.passwords import MAX_PASSWORD_CHARS, set_password
from people.shares.restriction import write_restriction

if TYPE_CHECKING:
    ShareModelForm = forms.ModelForm[ShareLink]
else:  # at run time it cannot be subscripted
    ShareModelForm = forms.ModelForm

OWN = "own"
WINDOWS = (*((name, label) for name, (label, _) in PERIODS.items()), (OWN, "Days of your own"))
_HOW = {pair: name for name, pair in OPERATORS.items()}
_DAY = timedelta(days=1)


class ShareForm(ShareModelForm):
    """Of a new link, or of one there is; its panels, window and filter, and who may see it."""

    section: ClassVar[str] = "share"

    panels = forms.MultipleChoiceField(
        choices=[(name, panel.title) for name, panel in PANELS.items()],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Beside the figures and the curve. Of its fields one can also filter.",
    )
    only = LinesField(
        label="Only these events",
        required=False,
        help_text="Filters, one a line, as an address has them: is:hostname:shop.example, "
        "starts:path:/docs. For who has the link no other events are there.",
    )
    period = forms.ChoiceField(label="Window", choices=WINDOWS, initial="28d")
    start = forms.DateField(
        label="First day", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    end = forms.DateField(
        label="Last day", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Both only for days of your own.",
    )  # fmt: skip
    expires_at = forms.DateTimeField(
        label="Expires",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="At its first moment (UTC). Empty: never.",
    )
    new_password = forms.CharField(
        label="Password",
        required=False,
        max_length=MAX_PASSWORD_CHARS,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    takes_off = forms.BooleanField(label="Take the password off", required=False)
    origins = LinesField(
        label="Websites that may embed it",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Origins, one a line: https://www.example.com. A link with a password cannot be "
        "embedded, as a frame has no cookie to remember it by.",
    )

    class Meta:
        model = ShareLink
        fields = ("name", "panels", "period", "may_choose_window", "expires_at", "origins")
        labels: ClassVar[dict[str, str]] = {"may_choose_window": "Another window may be chosen"}

    field_order = (
        "name", "panels", "only", "period", "start", "end", "may_choose_window", "expires_at",
        "new_password", "takes_off", "origins",
    )  # fmt: skip

    def __init__(
        self,
        project: Project,
        sent: Any = None,
        link: ShareLink | None = None,
        only: list[str] | None = None,
    ) -> None:
        self.project = project
        link = link or ShareLink(project=project)
        initial = {
            "only": show_restriction(link.restriction) if only is None else only,
            "period": link.period or OWN,
            "start": link.start,
            "end": _add_days(link.end, -1),
        }
        super().__init__(
            sent,
            instance=link,
            initial=initial,
            auto_id=id_fields(f"{self.section}-{link.pk}" if link.pk else self.section),
        )
        if not link.password:
            del self.fields["takes_off"]
        else:
            self.fields["new_password"].help_text = "There is one. A new one ends what it opened."

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        link = self.instance
        if "only" in given:
            link.restriction = self._read_only(given["only"])
        if given.get("period") == OWN:
            first, last = given.get("start"), given.get("end")
            given["period"] = ""
            link.start = first.isoformat() if first else ""
            link.end = _add_days(last.isoformat() if last else "", 1)
        else:
            link.start = link.end = ""
        if given.get("takes_off"):
            set_password(link, "")
        if given.get("new_password"):
            set_password(link, given["new_password"])
        return given

    def _read_only(self, lines: list[str]) -> str:
        """As it is stored; an object is a condition of the query language."""
        if not lines:
            return ""
        try:
            if lines[0].startswith("{"):
                return write_restriction(json.loads("\n".join(lines)), self.project.id_bytes)
            body = join(map(parse_filter, lines))
            return write_restriction(body, self.project.id_bytes)
        except BadFilter as exc:
            self.add_error("only", f"A line {exc}.")
        except Problem as exc:
            self.add_error("only", exc.detail)
        except ValueError:
            self.add_error("only", "It is no JSON.")
        return self.instance.restriction

    def save_changes(self) -> None:
        names = {*ShareLink.CHANGEABLE}
        if self.cleaned_data.get("new_password") or self.cleaned_data.get("takes_off"):
            names.add("password")
        self.instance.save(update_fields=names)


def show_restriction(text: str) -> list[str]:
    """As lines of filters; what they cannot say as it is stored."""
    if not text:
        return []
    body = json.loads(text)
    parts = body["and"] if set(body) == {"and"} else [body]
    lines = [_show(part) for part in parts]
    return [text] if None in lines else [line for line in lines if line]


def _show(body: dict[str, Any]) -> str | None:
    is_turned = set(body) == {"not"}
    leaf = body["not"] if is_turned else body
    if not {"field", "op"} <= set(leaf) <= {"field", "op", "values"}:
        return None
    how = _HOW.get((leaf["op"], is_turned))
    values = leaf.get("values", [])
    if how is None or not all(isinstance(value, str) for value in values):
        return None
    return str(Filter(how, leaf["field"], tuple(values)))


def _add_days(text: str, days: int) -> str:
    try:
        return (date.fromisoformat(text) + _DAY * days).isoformat()
    except (ValueError, OverflowError):
        return ""
