from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("upkeep", "0003_copy_parts_of_days")]

    operations = [
        migrations.CreateModel(
            name="ProjectDeletion",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        max_length=16,
                        primary_key=True,
                        serialize=False,
                        verbose_name="project",
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "requested_at",
                    models.DateTimeField(db_column="requestedAt", verbose_name="asked for at"),
                ),
                (
                    "requested_by",
                    models.CharField(db_column="requestedBy", max_length=200, verbose_name="by"),
                ),
                ("finished_at", models.DateTimeField(db_column="finishedAt", null=True)),
                ("step", models.CharField(max_length=32)),
                ("counts", models.JSONField()),
            ],
            options={
                "db_table": "project_deletions",
                "ordering": ("-requested_at",),
                "managed": False,
            },
        ),
    ]
