from django.db import migrations, models


class Migration(migrations.Migration):
    """Declares a field that rows have already, or lack: nothing is written to them."""

    dependencies = [("analytics", "0005_project_name_key")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="project",
                    name="retention_applied_days",
                    field=models.PositiveIntegerField(editable=False, null=True),
                ),
            ],
        ),
    ]
