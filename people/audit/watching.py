"""What Django tells of by signals, as entries: signing in and out, and the history of the admin.

Whatever the admin notes of a change, with the pages' own notes in its history, becomes one.
"""

from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.db.models.signals import post_save
from django.http import HttpRequest

from analytics.audit import record
from analytics.projects.models import Project
from analytics.web.client_ip import client_ip

VERBS = {ADDITION: "added", CHANGE: "changed"}  # else deleted
# What asks for these notes it itself, whoever asks.
NOTED_ELSEWHERE = {"erasure", "projectdeletion"}


def connect_signals() -> None:
    user_logged_in.connect(_on_signed_in, dispatch_uid="audit_signed_in")
    user_logged_out.connect(_on_signed_out, dispatch_uid="audit_signed_out")
    post_save.connect(_on_noted, sender=LogEntry, dispatch_uid="audit_noted")


def _on_signed_in(request: HttpRequest, user: Any, **_: Any) -> None:
    address = client_ip(request.META) or "unknown"
    record(user.get_username(), None, "signin", user.get_username(), address=address)


def _on_signed_out(request: HttpRequest, user: Any, **_: Any) -> None:
    if user is not None:
        record(user.get_username(), None, "signout", user.get_username())


def _on_noted(instance: LogEntry, created: bool, **_: Any) -> None:
    if not created or instance.content_type is None:
        return
    kind = str(instance.content_type.model)
    if kind in NOTED_ELSEWHERE:
        return
    verb = VERBS.get(int(instance.action_flag), "deleted")
    told = instance.get_change_message()
    record(
        instance.user.get_username(),
        _find_project(instance, kind),
        f"{kind}.{verb}",
        instance.object_repr,
        **({"told": told} if told else {}),
    )


def _find_project(entry: LogEntry, kind: str) -> str | None:
    if kind == Project._meta.model_name:
        return str(entry.object_id)
    try:
        found: Model | None = entry.get_edited_object()
    except (ObjectDoesNotExist, AttributeError, ValueError):
        return None
    if (by_name := getattr(found, "project_id", None)) is not None:
        return str(by_name)
    in_hex = getattr(found, "project", None)  # of a dead letter
    return in_hex if isinstance(in_hex, str) else None
