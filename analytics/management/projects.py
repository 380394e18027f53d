"""Which project a command is about, and what is noted of it."""

import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from analytics.audit import record
from analytics.projects.models import Project
from analytics.projects.policy import AmbiguousName, find_project


def choose_project(id_or_name: str, *, advice: str = "") -> Project:
    """The project of that id, or of that name if it is the only one. Raises CommandError."""
    project = look_for_project(id_or_name)
    if project is None:
        raise CommandError(f"There is no project {id_or_name!r}{advice}.")
    return project


def look_for_project(id_or_name: str) -> Project | None:
    """As `choose_project`; None where there is none."""
    try:
        return find_project(id_or_name)
    except AmbiguousName as ambiguous:
        raise CommandError(str(ambiguous)) from ambiguous


def make_project(name: str, **fields: Any) -> Project:
    """A new project. Raises CommandError where its name is taken or a field is wrong."""
    project = Project(name=name.strip(), **fields)
    try:
        project.full_clean()
        project.save()
    except ValidationError as error:
        raise refuse(error) from error
    note(project.id, "project.added", project.name)
    return project


def note(project_id: str | None, act: str, subject: str) -> None:
    """An entry in the audit log, of whoever runs the command."""
    record(f"command {getpass.getuser()}", project_id, act, subject)


def refuse(error: ValidationError) -> CommandError:
    """What a person is told of it."""
    return CommandError("; ".join(error.messages))
