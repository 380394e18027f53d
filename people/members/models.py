"""Who is in a project, and who is asked into one."""

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from analytics.databases import mongo
from analytics.projects.models import Project


class Role(models.TextChoices):
    """Each may do all that those before it may."""

    VIEWER = "viewer", "Viewer"
    EDITOR = "editor", "Editor"
    OWNER = "owner", "Owner"


def member_id(project_id: str, user_pk: object) -> str:
    """So that nobody is twice in a project, whoever lets them in at the same moment."""
    return f"{project_id}:{user_pk}"


class Member(models.Model):
    """A user in a project."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=64, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices)
    since = models.DateTimeField(default=timezone.now, editable=False)
    # Counts what happened to the owners of its project: two changes at once meet here.
    revision = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        db_table = mongo.MEMBERS
        ordering = ("since", "id")

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class Invitation(models.Model):
    """Lets whoever has its link into a project, once, until it expires; MongoDB removes it then.

    Its `_id` is the SHA-256 of the link's token, which is not kept.
    """

    digest = models.CharField(primary_key=True, db_column="_id", max_length=64, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="invitations")
    role = models.CharField(max_length=8, choices=Role.choices)
    email = models.EmailField(blank=True, default="")
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(editable=False)

    class Meta:
        db_table = mongo.INVITATIONS
        ordering = ("created_at", "digest")

    def __str__(self) -> str:
        return f"{self.email or 'by link'} ({self.role})"
