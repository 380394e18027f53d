"""The form of a project in the admin."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Field

from analytics.projects.excluded import spell_host_pattern, spell_network
from analytics.projects.hostnames import spell_hostname
from analytics.projects.models import Project
from analytics.projects.zones import DEFAULT_ZONE

if TYPE_CHECKING:
    ProjectModelForm = forms.ModelForm[Project]
else:  # at run time it cannot be subscripted
    ProjectModelForm = forms.ModelForm


class LinesField(forms.CharField):
    """A list, written one item a line; what is there twice counts once."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (line.strip() for line in (value or "").splitlines())
        return list(dict.fromkeys(self.read_line(line) for line in lines if line))

    def read_line(self, line: str) -> str:
        return line


class HostnamesField(LinesField):
    """Hostnames, also written as addresses; kept in the one spelling."""

    def read_line(self, line: str) -> str:
        return spell_hostname(line)


class NetworksField(LinesField):
    """Addresses and networks; kept in the one spelling."""

    def read_line(self, line: str) -> str:
        return spell_network(line)


class HostPatternsField(LinesField):
    """Hostnames, also with `*.` before them; kept in the one spelling."""

    def read_line(self, line: str) -> str:
        return spell_host_pattern(line)


HELP = {
    field.name: field.help_text for field in Project._meta.get_fields() if isinstance(field, Field)
}


def _lines(name: str, field: type[LinesField] = LinesField) -> LinesField:
    return field(required=False, help_text=HELP[name])


class ProjectForm(ProjectModelForm):
    allowed_origins = _lines("allowed_origins")
    allowed_events = _lines("allowed_events")
    allowed_properties = _lines("allowed_properties")
    hostnames = _lines("hostnames", HostnamesField)
    excluded_addresses = _lines("excluded_addresses", NetworksField)
    excluded_paths = _lines("excluded_paths")
    excluded_hostnames = _lines("excluded_hostnames", HostPatternsField)
    # With what it was when the form was opened beside it: only who changes it, changes it.
    time_zone = forms.CharField(
        required=False,
        show_hidden_initial=True,
        widget=forms.TextInput(attrs={"size": 40}),
        initial=DEFAULT_ZONE,
        help_text=HELP["time_zone"],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if hours := self.fields.get("public_max_age_hours"):
            hours.required = False

    def clean_time_zone(self) -> str:
        given: str = self.cleaned_data["time_zone"]
        return given if given and "time_zone" in self.changed_data else self.instance.time_zone

    def clean_public_max_age_hours(self) -> int:
        given: int | None = self.cleaned_data["public_max_age_hours"]
        return self.instance.public_max_age_hours if given is None else given
