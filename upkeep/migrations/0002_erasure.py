from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("upkeep", "0001_build_rollups")]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        max_length=36,
                        primary_key=True,
                        serialize=False,
                        verbose_name="erasure",
                    ),
                ),
                ("project", models.BinaryField(max_length=8)),
                (
                    "requested_at",
                    models.DateTimeField(db_column="requestedAt", verbose_name="asked for at"),
                ),
                (
                    "requested_by",
                    models.CharField(db_column="requestedBy", max_length=200, verbose_name="by"),
                ),
                ("finished_at", models.DateTimeField(db_column="finishedAt", null=True)),
                ("step", models.CharField(max_length=16)),
                ("counts", models.JSONField()),
            ],
            options={"db_table": "erasures", "ordering": ("-requested_at",), "managed": False},
        ),
    ]
