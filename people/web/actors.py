"""Who asks the admin API: a key of one project with the scope admin, or a key of the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from analytics.keys.address_keys import refuse_secret_key
from analytics.keys.authentication import authenticate_request
from analytics.projects.models import ApiKey, Project
from analytics.web.problems import Forbidden, NotFound, Unauthorized
from people.service_keys import ServiceKey, find_service_key

SCOPE = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """`project_id` is None of a key of the service: it may do everything in all of them.

    `name` is what the audit log calls it.
    """

    key_id: str
    name: str
    project_id: str | None

    @property
    def is_service(self) -> bool:
        return self.project_id is None

    def require_service(self) -> None:
        """Raises Forbidden."""
        if not self.is_service:
            detail = "This needs a key of the service: one of a project acts in its own alone."
            raise Forbidden(detail, code="service_key_needed")

    def require_service_for(self, fields: Sequence[str]) -> None:
        """Of what of a body is for who runs the service, by its names there. Raises Forbidden."""
        if fields and not self.is_service:
            detail = f"Only a key of the service may say {', '.join(fields)}."
            raise Forbidden(detail, code="service_key_needed")

    def open_project(self, project_id: str) -> Project:
        """Raises NotFound, also for one that is another's or was deleted."""
        if self.project_id in (None, project_id):
            project = Project.objects.filter(pk=project_id, deleted_at=None).first()
            if project is not None:
                return project
        raise NotFound("There is no such project, or it is not this key's.")


def authenticate_actor(meta: Mapping[str, Any]) -> Actor:
    """Raises as `authenticate_request`; a key of the service is known to MongoDB alone."""
    refuse_secret_key(meta)
    scheme, _, text = meta.get("HTTP_AUTHORIZATION", "").strip(" \t").partition(" ")
    key = find_service_key(text.strip(" \t")) if scheme.lower() == "bearer" else None
    if key is not None:
        return _judge(key)
    record = authenticate_request(meta, SCOPE)
    row = ApiKey.objects.filter(pk=record.key_id).first()
    name = str(row) if row else record.key_id
    return Actor(record.key_id, f"key {name}", record.project_id.hex())


def _judge(key: ServiceKey) -> Actor:
    if key.state != "active":
        told = {"revoked": "was revoked", "expired": "has expired"}[key.state]
        raise Unauthorized(f"This key {told}.", code=f"{key.state}_key")
    key.note_use(timezone.now())
    return Actor(key.pk, f"service key {key}", None)
