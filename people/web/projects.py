"""/projects: what the settings of projects are, made, changed, and asked to be deleted."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.admin.project_form import ProjectForm
from analytics.audit import record
from analytics.events.moments import format_moment
from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import Project, make_project_id
from analytics.projects.names import NameTaken
from analytics.web.problems import Conflict, NotFound
from people.web.forms import Kinds, check_form, read_fields, to_camel
from people.web.idempotency import REPLAYED, Once
from people.web.project_schema import (
    describe_deleting,
    describe_deletion,
    describe_making_project,
    describe_project,
    describe_project_change,
    describe_projects,
)
from people.web.views import AdminView
from upkeep.deletion.job import Deletion, ask_deletion, find_deletion

# What the settings page changes, too.
OF_OWNERS: Kinds = {
    "name": "text",
    "time_zone": "text",
    "hostnames": "lines",
    "allowed_origins": "lines",
    "leaves_out_bots": "flag",
    "honours_do_not_track": "flag",
    "tidies_addresses": "flag",
    "excluded_addresses": "lines",
    "excluded_paths": "lines",
    "excluded_hostnames": "lines",
    "retention_days": "number",
    "columns_retention_days": "number",
}
# What is for who runs the service.
OF_SERVICE: Kinds = {
    "is_active": "flag",
    "quota_events_per_month": "number",
    "public_quota_events_per_month": "number",
    "public_max_age_hours": "number",
    "allowed_events": "lines",
    "allowed_properties": "lines",
    "ip_rule": "text",
}
KINDS: Kinds = {**OF_OWNERS, **OF_SERVICE}


def render_project(project: Project) -> dict[str, Any]:
    settings = {to_camel(name): getattr(project, name) for name in KINDS}
    return {"projectId": project.pk, **settings, "createdAt": format_moment(project.created_at)}


def render_deletion(job: Any) -> dict[str, Any]:
    body = {
        "projectId": job["_id"],
        "state": Deletion.STATES[job["step"]],
        "requestedAt": format_moment(job["requestedAt"]),
    }
    if "finishedAt" in job:
        body["finishedAt"] = format_moment(job["finishedAt"])
    return body


class ProjectListView(AdminView):
    @describe_projects
    def get(self, request: Request) -> Response:
        actor = self.actor_of(request)
        rows = Project.objects.filter(deleted_at=None)
        if actor.project_id:
            rows = rows.filter(pk=actor.project_id)
        found, after = self.turn_page(request, rows)
        return Response({"projects": [render_project(row) for row in found], "after": after})

    @describe_making_project
    def post(self, request: Request) -> Response:
        actor = self.actor_of(request)
        actor.require_service()
        node, body = self.body_of(request)
        once = Once(request, actor, body)
        if (made := find_made(once)) is not None:
            return Response(render_project(made), 200, headers={REPLAYED: "true"})
        given = read_fields(node, KINDS)
        require_free_name(given)
        project = judge(Project(), {"name": "", **given}).instance
        project.pk = once.reserve(make_project_id())
        try:
            save(project)
        except Conflict:
            if (made := find_made(once)) is None:
                raise
            return Response(render_project(made), 200, headers={REPLAYED: "true"})
        record(actor.name, project.pk, "project.added", str(project))
        headers = {"Location": f"/projects/{project.pk}"}
        return Response(render_project(project), 201, headers=headers)


class ProjectView(AdminView):
    @describe_project
    def get(self, request: Request, project_id: str) -> Response:
        self.read_parameters(request, ()).check()
        return Response(render_project(self.actor_of(request).open_project(project_id)))

    @describe_project_change
    def patch(self, request: Request, project_id: str) -> Response:
        actor = self.actor_of(request)
        project = actor.open_project(project_id)
        node, _ = self.body_of(request)
        given = read_fields(node, KINDS)
        actor.require_service_for([to_camel(name) for name in given if name in OF_SERVICE])
        require_free_name(given, project.pk)
        form = judge(project, given)
        if form.changed_data:
            save(project, form.changed_data)
            told = f"Changed {', '.join(form.changed_data)} by the API."
            record(actor.name, project.pk, "project.changed", str(project), told=told)
        return Response(render_project(project))

    @describe_deleting
    def delete(self, request: Request, project_id: str) -> Response:
        actor = self.actor_of(request)
        project = actor.open_project(project_id)
        given = self.read_parameters(request, ("name",))
        name = given.take("name", required=True)
        if name is not None and " ".join(name.split()) != " ".join(project.name.split()):
            given.refuse("name", "bad_value", "is not the name of this project")
        given.check()
        job = ask_deletion(project, actor.name)
        headers = {"Location": f"/projects/{project.pk}/deletion"}
        return Response(render_deletion(job), 202, headers=headers)


class DeletionView(AdminView):
    @describe_deletion
    def get(self, request: Request, project_id: str) -> Response:
        """A deleted project has no keys any more: only one of the service can ask."""
        self.actor_of(request).require_service()
        self.read_parameters(request, ()).check()
        job = find_deletion(project_id)
        if job is None:
            raise NotFound("Nobody asked for the deletion of such a project.")
        return Response(render_deletion(job))


def find_made(once: Once) -> Project | None:
    made = once.find()
    return Project.objects.filter(pk=made).first() if made else None


class SettingsForm(ProjectForm):
    class Meta:
        model = Project
        fields = tuple(KINDS)

    def add_error(self, field: str | None, error: Any) -> None:
        """A rule over several may name one that was not given: then it is of one that was."""
        if field is None and hasattr(error, "error_dict"):
            given = next(iter(self.fields))
            told: dict[str, list[Any]] = {}
            for name, found in error.error_dict.items():
                told.setdefault(name if name in self.fields else given, []).extend(found)
            error = ValidationError(told)
        super().add_error(field, error)


def judge(project: Project, given: dict[str, Any]) -> SettingsForm:
    """The form of the admin, with these fields alone. Raises BadRequest."""
    sent = {**given, "initial-time_zone": project.time_zone}
    form = SettingsForm(sent, instance=project)
    for name in set(form.fields) - set(given):
        del form.fields[name]
    check_form(form)
    return form


def require_free_name(given: dict[str, Any], project_id: str = "") -> None:
    """Raises Conflict."""
    if any(row.pk != project_id for row in Project.find_named(given.get("name", ""))):
        raise Conflict("; ".join(NameTaken().messages), code="name_taken")


def save(project: Project, fields: list[str] | None = None) -> None:
    """All of a new one, or these fields; what Redis does not know yet it hears within the minute.

    Raises Conflict.
    """
    try:
        if fields is None:
            project.save(force_insert=True)
        else:
            project.save(update_fields=fields)
    except NameTaken as taken:
        raise Conflict("; ".join(taken.messages), code="name_taken") from None
    except MirrorDelayed:
        pass
