"""Whether the holder of a link may still have the file: a revoked key, and who left, may not."""

from django.contrib.auth.models import User

from analytics.databases.export_documents import ExportDocument
from analytics.projects.models import ApiKey, Project
from people.members.roles import Act, may


def hold_by_key(key_id: str) -> str:
    return f"key:{key_id}"


def hold_by_user(user_pk: object) -> str:
    return f"user:{user_pk}"


def name_holder(holder: str, export: ExportDocument) -> str | None:
    """Who that is, for the audit log; None where they may not have this file, or not any more."""
    with_addresses = export["query"]["withAddresses"]
    project = Project.objects.filter(pk=bytes(export["project"]).hex(), deleted_at=None).first()
    kind, _, pk = holder.partition(":")
    if project is None:
        return None
    if kind == "key":
        key = ApiKey.objects.filter(pk=pk, project=project).first()
        scopes = {"admin"} if with_addresses else {"read", "admin"}
        is_good = key and project.is_active and key.state == "active" and scopes & {*key.scopes}
        return f"key {pk}" if is_good else None
    user = User.objects.filter(pk=pk, is_active=True).first()
    act = Act.OWN if with_addresses else Act.EDIT
    return user.get_username() if user and may(user, project.pk, act) else None
