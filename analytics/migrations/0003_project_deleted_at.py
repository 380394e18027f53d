from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_project_allowed_origins")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="deleted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
