"""Choosing a project in the admin: by its name, its id and what it holds."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.models import ModelChoiceIterator

from analytics.projects.holdings import Holding, read_holdings
from analytics.projects.models import Project

if TYPE_CHECKING:
    ProjectField = forms.ModelChoiceField[Project]
else:  # at run time it cannot be subscripted
    ProjectField = forms.ModelChoiceField


class _Projects(ModelChoiceIterator):
    field: "ProjectChoice"

    def __iter__(self) -> Iterator[Any]:
        self.field.holdings = read_holdings()
        yield from super().__iter__()


class ProjectChoice(ProjectField):
    iterator = _Projects
    holdings: dict[str, Holding]

    def label_from_instance(self, obj: Project) -> str:
        return f"{obj}: {self.holdings.get(obj.id, Holding(0, 0))}"


def list_projects_to_filter() -> list[tuple[str, str]]:
    """What a filter beside a list offers: ids, and what is shown for each."""
    return [(project.id, str(project)) for project in Project.objects.all()]
