"""The forms of the settings, one a section. What they take and refuse is what the admin's do."""

from collections.abc import Collection
from typing import Any, ClassVar

from django import forms

from analytics.admin.aliases import AliasForm
from analytics.admin.key_form import PUBLIC, PUBLIC_LIMITS, SECRET, ApiKeyForm
from analytics.admin.project_form import ProjectForm
from analytics.keys.aliases import ALIAS_KINDS
from analytics.projects.aliases import Alias
from analytics.projects.models import ApiKey, Project
from upkeep.admin.deletions import DeletionForm

Sent = Any  # what a browser sent, a QueryDict; None: nothing yet


def id_fields(section: str) -> str:
    """The page has more than one field of a name."""
    return f"{section}-%s"


class SectionForm(ProjectForm):
    """Some fields of the project, which are saved without the others."""

    section: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, project: Project, sent: Sent = None) -> None:
        super().__init__(sent, instance=project, auto_id=id_fields(self.section))
        keep_fields(self, self._meta.fields or ())

    def save_changes(self) -> None:
        """What differs from what is stored. Raises NameTaken, MirrorDelayed."""
        if self.changed_data:
            self.instance.save(update_fields=self.changed_data)


class GeneralForm(SectionForm):
    section, title = "general", "Name and time zone"

    class Meta:
        model = Project
        fields = ("name", "time_zone")

    def __init__(self, project: Project, sent: Sent = None) -> None:
        super().__init__(project, sent)
        self.fields["time_zone"].widget.attrs["list"] = "zones"
        self.fields[
            "time_zone"
        ].help_text = (
            "Its midnights divide the days. A change takes effect at the next midnight there."
        )


class WebsiteForm(SectionForm):
    section, title = "website", "Website"

    class Meta:
        model = Project
        fields = ("hostnames", "allowed_origins")


class CountingForm(SectionForm):
    section, title = "counting", "What is not counted"

    class Meta:
        model = Project
        fields = (
            "leaves_out_bots",
            "honours_do_not_track",
            "tidies_addresses",
            "excluded_addresses",
            "excluded_paths",
            "excluded_hostnames",
        )


class KeepingForm(SectionForm):
    section, title = "keeping", "How long events are kept"

    class Meta:
        model = Project
        fields = ("retention_days", "columns_retention_days")


class NewKeyForm(ApiKeyForm):
    """A new key of the project, with the limits of its kind."""

    section: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    kind_of_key: ClassVar[str]
    shown: ClassVar[Collection[str]]

    class Meta:
        model = ApiKey
        fields = ApiKey.CHANGEABLE

    def __init__(self, project: Project, sent: Sent = None) -> None:
        given = None if sent is None else {**sent.dict(), "kind": self.kind_of_key}
        if given is not None:
            given["scopes"] = sent.getlist("scopes")
            given |= dict.fromkeys(PUBLIC_LIMITS, "")  # the defaults of the kind
        super().__init__(given, instance=ApiKey(project=project), auto_id=id_fields(self.section))
        keep_fields(self, {"kind", *ApiKey.CHANGEABLE})
        self.fields["expires_at"].widget = forms.DateInput(attrs={"type": "date"})
        self.fields["expires_at"].help_text = "At its first moment (UTC). Empty: never."
        self.fields["scopes"].help_text = ApiKeyForm.base_fields["scopes"].help_text

    def list_shown(self) -> list[forms.BoundField]:
        return [self[name] for name in self.shown]


class PublicKeyForm(NewKeyForm):
    section, title = "public", "New public key"
    about = "For web pages and apps, where anyone can read it. It sends events, and nothing else."
    kind_of_key, shown = PUBLIC, ("name",)


class SecretKeyForm(NewKeyForm):
    section, title = "secret", "New secret key"
    about = "For servers. Its text is shown once."
    kind_of_key, shown = SECRET, ("name", "scopes", "expires_at")


class NewAliasForm(AliasForm):
    section: ClassVar[str] = "alias"

    class Meta:
        model = Alias
        fields = ("kind", "value")

    def __init__(self, project: Project, sent: Sent = None) -> None:
        alias = Alias(project=project)
        super().__init__(sent, instance=alias, auto_id=id_fields(self.section))
        examples = ", ".join(f"{kind} {one.example}" for kind, one in ALIAS_KINDS.items())
        self.fields["value"].help_text = f"For instance {examples}."


class DeleteForm(DeletionForm):
    """Who types its name knows which project it is."""

    section: ClassVar[str] = "delete"

    def __init__(self, project: Project, sent: Sent = None) -> None:
        super().__init__(sent, auto_id=id_fields(self.section))
        self.project = project
        keep_fields(self, {"project_name"})
        self.fields["project_name"].widget.attrs["autocomplete"] = "off"


def keep_fields(form: forms.BaseForm, names: Collection[str]) -> None:
    for name in set(form.fields) - set(names):
        del form.fields[name]
