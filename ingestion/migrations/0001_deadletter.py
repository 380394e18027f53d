from django.db import migrations, models

from analytics.databases.fields import HexField


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                (
                    "id",
                    HexField(
                        db_column="_id",
                        max_length=44,
                        primary_key=True,
                        serialize=False,
                        verbose_name="letter",
                    ),
                ),
                ("project", HexField(max_length=16)),
                (
                    "event_id",
                    models.CharField(db_column="eventId", max_length=128, verbose_name="event id"),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("invalid", "invalid"),
                            ("not_encodable", "not_encodable"),
                            ("refused_by_store", "refused_by_store"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("dead", "dead"),
                            ("replayed", "replayed"),
                            ("discarded", "discarded"),
                            ("erased", "erased"),
                        ],
                        max_length=16,
                    ),
                ),
                ("detail", models.TextField(verbose_name="error")),
                ("payload", models.BinaryField()),
                ("original", models.BinaryField(null=True)),
                ("ip", models.CharField(max_length=45, null=True, verbose_name="IP address")),
                ("user_agent", models.TextField(db_column="userAgent", null=True)),
                (
                    "accepted_at",
                    models.DateTimeField(db_column="acceptedAt", verbose_name="accepted"),
                ),
                ("buried_at", models.DateTimeField(db_column="buriedAt", verbose_name="buried")),
            ],
            options={
                "db_table": "dead_letters",
                "ordering": ("-buried_at",),
                "managed": False,
            },
        ),
    ]
