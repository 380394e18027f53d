"""/projects/<project>/keys: a secret is shown once, and a key is revoked, never deleted."""

from contextlib import suppress
from typing import Any, Literal

from django.db import IntegrityError
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.admin.key_form import SECRET, ApiKeyForm
from analytics.audit import record
from analytics.keys.key_text import draw_key_id
from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import ApiKey, Project
from analytics.web.problems import Conflict, NotFound
from people.web.actors import Actor
from people.web.forms import Kinds, check_form, read_fields, render_moments, to_camel
from people.web.idempotency import REPLAYED, Once
from people.web.key_schema import (
    describe_key,
    describe_key_change,
    describe_keys,
    describe_making_key,
    describe_revoking,
)
from people.web.views import AdminView

KINDS: Kinds = {
    "name": "text",
    "scopes": "choices",
    "rate_events_per_second": "number",
    "burst_events": "number",
    "expires_at": "moment",
}
KINDS_OF_NEW: Kinds = {**KINDS, "kind": "text"}
LIMITS = ("rate_events_per_second", "burst_events")


def render_key(key: ApiKey, text: str = "") -> dict[str, Any]:
    """`text` of a public key always, of a secret one with the answer that makes it."""
    return {
        "keyId": key.pk,
        "name": key.name,
        "kind": key.kind,
        "state": key.state,
        "scopes": list(key.scopes),
        "rateEventsPerSecond": key.rate_events_per_second,
        "burstEvents": key.burst_events,
        **render_moments(key, "expires_at", "revoked_at", "last_used_at", "created_at"),
        "text": text or key.text or None,
    }


class KeyListView(AdminView):
    @describe_keys
    def get(self, request: Request, project_id: str) -> Response:
        project = self.actor_of(request).open_project(project_id)
        found, after = self.turn_page(request, ApiKey.objects.filter(project=project))
        return Response({"keys": [render_key(key) for key in found], "after": after})

    @describe_making_key
    def post(self, request: Request, project_id: str) -> Response:
        actor = self.actor_of(request)
        project = actor.open_project(project_id)
        node, body = self.body_of(request)
        once = Once(request, actor, body)
        if (made := find_made(once, project)) is not None:
            return Response(render_key(made), 200, headers={REPLAYED: "true"})
        given = read_fields(node, KINDS_OF_NEW)
        require_limits(actor, given)
        form = NewKeyForm(project, given)
        check_form(form)
        key: ApiKey = form.instance
        text = key.assign_secret(once.reserve(draw_key_id()))
        try:
            save(key)
        except IntegrityError:  # by the same request, at this moment
            made = find_made(once, project)
            if made is None:
                raise
            return Response(render_key(made), 200, headers={REPLAYED: "true"})
        note(actor, project, "added", key)
        headers = {"Location": f"/projects/{project.pk}/keys/{key.pk}"}
        return Response(render_key(key, text), 201, headers=headers)


class KeyView(AdminView):
    @describe_key
    def get(self, request: Request, project_id: str, key_id: str) -> Response:
        self.read_parameters(request, ()).check()
        _, key = self._find(request, project_id, key_id)
        return Response(render_key(key))

    @describe_key_change
    def patch(self, request: Request, project_id: str, key_id: str) -> Response:
        project, key = self._find(request, project_id, key_id)
        node, _ = self.body_of(request)
        given = read_fields(node, KINDS)
        require_limits(self.actor_of(request), given)
        if key.revoked_at:
            raise Conflict("This key was revoked, and stays as it is.", code="key_revoked")
        form = ApiKeyForm(given, instance=key)
        keep_fields(form, given)
        check_form(form)
        if form.changed_data:
            save(key, form.changed_data)
            note(self.actor_of(request), project, "changed", key, form.changed_data)
        return Response(render_key(key))

    @describe_revoking
    def delete(self, request: Request, project_id: str, key_id: str) -> Response:
        """Again is harmless."""
        project, key = self._find(request, project_id, key_id)
        self.read_parameters(request, ()).check()
        if not key.revoked_at:
            with suppress(MirrorDelayed):
                key.revoke()
            note(self.actor_of(request), project, "revoked", key)
        return Response(render_key(key))

    def _find(self, request: Request, project_id: str, key_id: str) -> tuple[Project, ApiKey]:
        """Raises NotFound."""
        project = self.actor_of(request).open_project(project_id)
        key = ApiKey.objects.filter(project=project, pk=key_id).first()
        if key is None:
            raise NotFound("This project has no such key.")
        return project, key


class NewKeyForm(ApiKeyForm):
    """Of a new key; limits that are not given are those of its kind."""

    def __init__(self, project: Project, given: dict[str, Any]) -> None:
        sent = {"kind": SECRET, **dict.fromkeys(LIMITS, ""), **given}
        super().__init__(sent, instance=ApiKey(project=project))
        keep_fields(self, {"kind", *ApiKey.CHANGEABLE})


def keep_fields(form: ApiKeyForm, names: Any) -> None:
    for name in set(form.fields) - set(names):
        del form.fields[name]


def require_limits(actor: Actor, given: dict[str, Any]) -> None:
    """Owners make keys with the limits of their kind, and so does a project's key: more would be
    the load of all others. Raises Forbidden."""
    actor.require_service_for([to_camel(name) for name in given if name in LIMITS])


def find_made(once: Once, project: Project) -> ApiKey | None:
    made = once.find()
    return ApiKey.objects.filter(project=project, pk=made).first() if made else None


def save(key: ApiKey, fields: list[str] | None = None) -> None:
    """What Redis does not know yet it hears within the minute."""
    with suppress(MirrorDelayed):
        key.save(update_fields=fields)


def note(
    actor: Actor,
    project: Project,
    verb: Literal["added", "changed", "revoked"],
    key: ApiKey,
    fields: list[str] | None = None,
) -> None:
    told = {"told": f"Changed {', '.join(fields)} by the API."} if fields else {}
    record(actor.name, project.pk, f"apikey.{verb}", str(key), **told)
