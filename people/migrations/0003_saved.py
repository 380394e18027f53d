import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import people.saved.ids


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0009_excluded"),
        ("people", "0002_shares"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ServiceKey",
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
                (
                    "name",
                    models.CharField(
                        help_text="What uses this key.",
                        max_length=100,
                        validators=[people.saved.ids.validate_name],
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=64)),
                ("created_by", models.CharField(editable=False, max_length=150)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, help_text="Empty: never.", null=True),
                ),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "verbose_name": "service key",
                "db_table": "service_keys",
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="Goal",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        default=people.saved.ids.draw_id,
                        editable=False,
                        max_length=8,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "name",
                    models.CharField(max_length=100, validators=[people.saved.ids.validate_name]),
                ),
                ("created_by", models.CharField(blank=True, editable=False, max_length=150)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("deleted_at", models.DateTimeField(editable=False, null=True)),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("event", "An event"),
                            ("page", "A page"),
                            ("under", "Pages that begin with"),
                        ],
                        default="event",
                        max_length=8,
                    ),
                ),
                ("value", models.CharField(max_length=2047, verbose_name="event or path")),
                ("conditions", models.JSONField(blank=True, default=list)),
                (
                    "amount_key",
                    models.CharField(
                        blank=True,
                        help_text="A number that its events have, as amount. Empty: no revenue.",
                        max_length=256,
                        verbose_name="property with the revenue",
                    ),
                ),
                (
                    "currency_key",
                    models.CharField(
                        blank=True,
                        default="currency",
                        help_text="A text like EUR. Sums of different currencies are never added.",
                        max_length=256,
                        verbose_name="property with the currency",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analytics.project",
                    ),
                ),
            ],
            options={
                "db_table": "goals",
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        editable=False,
                        max_length=96,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("day", models.CharField(blank=True, max_length=10)),
                (
                    "text",
                    models.CharField(max_length=500, validators=[people.saved.ids.validate_name]),
                ),
                ("author", models.CharField(blank=True, editable=False, max_length=200)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("changed_at", models.DateTimeField(editable=False, null=True)),
                (
                    "project",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analytics.project",
                    ),
                ),
            ],
            options={
                "db_table": "notes",
            },
        ),
        migrations.CreateModel(
            name="Pin",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "project",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analytics.project",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "pins",
                "ordering": ("created_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="SavedFunnel",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        default=people.saved.ids.draw_id,
                        editable=False,
                        max_length=8,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "name",
                    models.CharField(max_length=100, validators=[people.saved.ids.validate_name]),
                ),
                ("created_by", models.CharField(blank=True, editable=False, max_length=150)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("deleted_at", models.DateTimeField(editable=False, null=True)),
                ("question", models.TextField(max_length=8000)),
                (
                    "owner",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analytics.project",
                    ),
                ),
            ],
            options={
                "db_table": "saved_funnels",
            },
        ),
        migrations.CreateModel(
            name="Segment",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        default=people.saved.ids.draw_id,
                        editable=False,
                        max_length=8,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "name",
                    models.CharField(max_length=100, validators=[people.saved.ids.validate_name]),
                ),
                ("created_by", models.CharField(blank=True, editable=False, max_length=150)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("deleted_at", models.DateTimeField(editable=False, null=True)),
                ("filters", models.JSONField(default=list)),
                (
                    "owner",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analytics.project",
                    ),
                ),
            ],
            options={
                "db_table": "saved_segments",
            },
        ),
    ]
