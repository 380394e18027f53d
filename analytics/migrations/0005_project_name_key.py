from typing import Any

from django.db import IntegrityError, migrations, models

from analytics.projects.names import normalise_name


def claim_names(apps: Any, schema_editor: Any) -> None:
    """The oldest project of a name holds it; of those that came later none has a key."""
    projects = apps.get_model("analytics", "Project").objects
    for project in projects.filter(deleted_at=None, name_key=None).order_by("created_at", "pk"):
        try:
            projects.filter(pk=project.pk).update(name_key=normalise_name(project.name))
        except IntegrityError:
            continue


class Migration(migrations.Migration):
    dependencies = [("analytics", "0004_project_raw_since")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="name_key",
            field=models.CharField(editable=False, max_length=2000, null=True, unique=True),
        ),
        migrations.RunPython(claim_names, migrations.RunPython.noop),
    ]
