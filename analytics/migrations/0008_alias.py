import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import analytics.events.ids
import analytics.keys.key_text


class Migration(migrations.Migration):
    """Aliases of projects: what clients of other vendors send in the place of a key."""

    dependencies = [
        ("analytics", "0007_rules_of_projects"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alias",
            fields=[
                (
                    "name",
                    models.CharField(
                        db_column="_id",
                        editable=False,
                        max_length=273,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "key_id",
                    models.CharField(
                        default=analytics.keys.key_text.generate_alias_id,
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                ("value", models.CharField(max_length=256)),
                (
                    "rate_events_per_second",
                    models.PositiveIntegerField(
                        default=200,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000000),
                        ],
                        verbose_name="rate (events per second)",
                    ),
                ),
                (
                    "burst_events",
                    models.PositiveIntegerField(
                        default=1000,
                        help_text="How many events may come at once.",
                        validators=[
                            django.core.validators.MinValueValidator(1000),
                            django.core.validators.MaxValueValidator(1000000),
                        ],
                        verbose_name="burst (events)",
                    ),
                ),
                (
                    "revision",
                    models.PositiveBigIntegerField(
                        default=analytics.events.ids.now_ms, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="aliases",
                        to="analytics.project",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "aliases",
                "db_table": "aliases",
                "ordering": ("name",),
            },
        ),
    ]
