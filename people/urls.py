"""The admin API, where the pages are."""

from people.note_urls import list_patterns
from people.web.keys import KeyListView, KeyView
from people.web.links import LinkListView, LinkView
from people.web.members import (
    InvitationListView,
    InvitationView,
    MemberListView,
    MemberView,
)
from people.web.projects import DeletionView, ProjectListView, ProjectView
from people.web.views import JsonView

_PROJECT = "projects/<str:project_id>"
ADMIN: dict[str, type[JsonView]] = {
    "projects": ProjectListView,
    _PROJECT: ProjectView,
    f"{_PROJECT}/deletion": DeletionView,
    f"{_PROJECT}/keys": KeyListView,
    f"{_PROJECT}/keys/<str:key_id>": KeyView,
    f"{_PROJECT}/members": MemberListView,
    f"{_PROJECT}/members/<str:user_id>": MemberView,
    f"{_PROJECT}/invitations": InvitationListView,
    f"{_PROJECT}/invitations/<str:invitation_id>": InvitationView,
    f"{_PROJECT}/links": LinkListView,
    f"{_PROJECT}/links/<str:link_id>": LinkView,
}


urlpatterns = list_patterns(ADMIN)
