"""/projects/<project>/links: share links, whose address is shown once."""

from typing import Any

from django.urls import reverse
from django_mongodb_backend.transaction import atomic
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.audit import record
from analytics.events.moments import parse_moment
from analytics.projects.models import Project
from analytics.web.problems import Conflict, NotFound
from people.shares.links import add_link, draw_token, id_of_token, revoke_link
from people.shares.models import ShareLink
from people.shares.passwords import MAX_PASSWORD_CHARS, set_password
from people.shares.restriction import write_restriction
from people.web.actors import Actor
from people.web.forms import MAX_ITEMS, check_model, render_moments, to_camel
from people.web.idempotency import REPLAYED, Once
from people.web.link_schema import (
    describe_ending,
    describe_link,
    describe_link_change,
    describe_links,
    describe_making_link,
)
from people.web.views import AdminView
from reporting.questions.language.json_body import Node

TEXTS = ("name", "period", "start", "end")
LISTS = ("panels", "origins")
FIELDS = (*map(to_camel, (*TEXTS, *LISTS, "may_choose_window", "expires_at")), "filter", "password")
NOT_JUDGED = ("id", "digest", "project", "password")


def render_link(link: ShareLink, address: str | None = None) -> dict[str, Any]:
    """`address` with the answer that makes it."""
    return {
        "linkId": link.pk,
        "state": link.state,
        **{name: getattr(link, name) for name in TEXTS},
        **{name: list(getattr(link, name)) for name in LISTS},
        "mayChooseWindow": link.may_choose_window,
        "filter": link.restriction or None,
        "hasPassword": bool(link.password),
        "uses": link.uses,
        "createdBy": link.created_by,
        **render_moments(link, "expires_at", "created_at", "last_used_at", "revoked_at"),
        "address": address,
    }


class LinkListView(AdminView):
    @describe_links
    def get(self, request: Request, project_id: str) -> Response:
        project = self.actor_of(request).open_project(project_id)
        found, after = self.turn_page(request, ShareLink.objects.filter(project=project))
        return Response({"links": [render_link(link) for link in found], "after": after})

    @describe_making_link
    def post(self, request: Request, project_id: str) -> Response:
        actor = self.actor_of(request)
        project = actor.open_project(project_id)
        node, body = self.body_of(request)
        once = Once(request, actor, body)
        rows = ShareLink.objects.filter(project=project)
        if (made := once.find()) and (found := rows.filter(pk=made).first()):
            return Response(render_link(found), 200, headers={REPLAYED: "true"})
        link = ShareLink(project=project, created_by=actor.name[:150])
        write(link, node, project)
        token = draw_token()
        once.require_new(id_of_token(token))
        with atomic():
            add_link(link, token)
            note(actor, link, "made")
        path = reverse("share:page", args=[token]).rstrip("/")
        address = request.build_absolute_uri(path)
        return Response(render_link(link, address), 201)


class LinkView(AdminView):
    @describe_link
    def get(self, request: Request, project_id: str, link_id: str) -> Response:
        self.read_parameters(request, ()).check()
        return Response(render_link(self._find(request, project_id, link_id)))

    @describe_link_change
    def patch(self, request: Request, project_id: str, link_id: str) -> Response:
        link = self._find(request, project_id, link_id)
        node, _ = self.body_of(request)
        if link.revoked_at:
            raise Conflict("This link was revoked, and stays as it is.", code="link_revoked")
        names = write(link, node, link.project)
        if names:
            with atomic():
                link.save(update_fields=names)
                note(self.actor_of(request), link, "changed", fields=", ".join(sorted(names)))
        return Response(render_link(link))

    @describe_ending
    def delete(self, request: Request, project_id: str, link_id: str) -> Response:
        """Again is harmless."""
        link = self._find(request, project_id, link_id)
        self.read_parameters(request, ()).check()
        with atomic():
            if revoke_link(link):
                note(self.actor_of(request), link, "revoked")
        link.refresh_from_db()
        return Response(render_link(link))

    def _find(self, request: Request, project_id: str, link_id: str) -> ShareLink:
        """Raises NotFound."""
        project = self.actor_of(request).open_project(project_id)
        link = ShareLink.objects.filter(project=project, pk=link_id).first()
        if link is None:
            raise NotFound("This project has no such link.")
        link.project = project
        return link


def note(actor: Actor, link: ShareLink, act: str, **details: str) -> None:
    record(actor.name, link.project_id, f"share_link.{act}", f"{link.name} ({link.pk})", **details)


def write(link: ShareLink, body: Node, project: Project) -> set[str]:
    """What of the link a body changes. Raises BadRequest and, for patterns, Unavailable."""
    fields = body.fields(FIELDS)
    names: set[str] = set()
    for name in (*TEXTS, *LISTS, "may_choose_window", "expires_at"):
        if (node := fields.get(to_camel(name))) is not None:
            setattr(link, name, _read(node, name))
            names.add(name)
    if {"start", "end"} & names and "period" not in names:
        link.period = ""  # days of its own take the place of a period
        names.add("period")
    if (node := fields.get("password")) is not None:
        password = "" if node.value is None else node.text() or ""
        if len(password) > MAX_PASSWORD_CHARS:
            node.refuse("bad_value", f"has more than {MAX_PASSWORD_CHARS} characters")
        set_password(link, password)
        names.add("password")
    body.mistakes.check()
    if (node := fields.get("filter")) is not None:
        empty = node.value is None
        link.restriction = "" if empty else write_restriction(node.value, project.id_bytes)
        names.add("restriction")
    check_model(link, NOT_JUDGED)
    return names


def _read(node: Node, name: str) -> Any:
    if name in LISTS:
        return [item.text() or "" for item in node.items("bad_value", 0, MAX_ITEMS)]
    if name == "may_choose_window":
        if not isinstance(node.value, bool):
            node.refuse("wrong_type", "is neither true nor false")
        return node.value is True
    if name == "expires_at":
        return None if node.value is None else node.parse("bad_timestamp", parse_moment)
    return node.text() or ""
