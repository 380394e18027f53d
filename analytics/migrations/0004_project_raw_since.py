from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0003_project_deleted_at")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="raw_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
