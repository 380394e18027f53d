import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import django_mongodb_backend.fields
from django.db import migrations, models

from analytics.projects import models as project_models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Project",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        default=project_models.make_project_id,
                        editable=False,
                        max_length=16,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="The keys of an inactive project are refused.",
                        verbose_name="active",
                    ),
                ),
                (
                    "retention_days",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="How long raw events are kept; empty: for ever. Counts stay.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(2),
                            django.core.validators.MaxValueValidator(36500),
                        ],
                        verbose_name="retention (days)",
                    ),
                ),
                (
                    "quota_events_per_month",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="Empty: no limit.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000000000000),
                        ],
                        verbose_name="quota (events per month)",
                    ),
                ),
                (
                    "ip_rule",
                    models.CharField(
                        choices=[
                            ("keep", "Keep"),
                            ("truncate", "Truncate the last octet (IPv4) or 80 bits (IPv6)"),
                            ("drop", "Drop"),
                        ],
                        default="truncate",
                        max_length=8,
                        verbose_name="IP addresses",
                    ),
                ),
                ("partition", models.PositiveIntegerField(editable=False)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
            ],
            options={
                "db_table": "projects",
                "ordering": ("name", "id"),
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        editable=False,
                        max_length=8,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(help_text="What uses this key.", max_length=100)),
                ("digest", models.CharField(editable=False, max_length=64)),
                (
                    "scopes",
                    django_mongodb_backend.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[("ingest", "ingest"), ("read", "read"), ("admin", "admin")],
                            max_length=16,
                        ),
                        validators=[project_models.validate_scopes],
                    ),
                ),
                (
                    "rate_events_per_second",
                    models.PositiveIntegerField(
                        default=10000,
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
                        default=10000,
                        help_text="How many events may come at once.",
                        validators=[
                            django.core.validators.MinValueValidator(1000),
                            django.core.validators.MaxValueValidator(1000000),
                        ],
                        verbose_name="burst (events)",
                    ),
                ),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, help_text="Empty: never.", null=True),
                ),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("revision", models.PositiveBigIntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="keys",
                        to="analytics.project",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "db_table": "api_keys",
                "ordering": ("-created_at",),
            },
        ),
    ]
