import django.db.models.deletion
import django.utils.timezone
import django_mongodb_backend.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0009_excluded"),
        ("people", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ShareLink",
            fields=[
                (
                    "id",
                    models.CharField(
                        db_column="_id",
                        editable=False,
                        max_length=16,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=64)),
                ("name", models.CharField(max_length=100)),
                (
                    "panels",
                    django_mongodb_backend.fields.ArrayField(
                        base_field=models.CharField(max_length=16), blank=True, default=list
                    ),
                ),
                ("restriction", models.TextField(blank=True, default="")),
                ("period", models.CharField(blank=True, default="28d", max_length=16)),
                ("start", models.CharField(blank=True, default="", max_length=10)),
                ("end", models.CharField(blank=True, default="", max_length=10)),
                ("may_choose_window", models.BooleanField(default=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "password",
                    models.CharField(blank=True, default="", editable=False, max_length=256),
                ),
                (
                    "origins",
                    django_mongodb_backend.fields.ArrayField(
                        base_field=models.CharField(max_length=255), blank=True, default=list
                    ),
                ),
                ("uses", models.PositiveBigIntegerField(default=0, editable=False)),
                ("last_used_at", models.DateTimeField(editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("created_by", models.CharField(default="", editable=False, max_length=150)),
                ("revoked_at", models.DateTimeField(editable=False, null=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="share_links",
                        to="analytics.project",
                    ),
                ),
            ],
            options={
                "db_table": "share_links",
                "ordering": ("-created_at", "id"),
            },
        ),
    ]
