"""Take over the pages that were of `ingestion`, with the permissions and the history of each."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TAKEN_OVER = ("erasure", "projectdeletion", "ledgerline")


def take_over(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Before Django makes content types for models that it takes for new."""
    content_types = apps.get_model("contenttypes", "ContentType").objects
    ours = set(content_types.filter(app_label="upkeep").values_list("model", flat=True))
    for model in set(TAKEN_OVER) - ours:
        content_types.filter(app_label="ingestion", model=model).update(app_label="upkeep")


class Migration(migrations.Migration):
    dependencies = [("upkeep", "0005_ledgerline"), ("contenttypes", "0001_initial")]
    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
