import django_mongodb_backend.fields
from django.db import migrations, models

import analytics.projects.excluded


class Migration(migrations.Migration):
    """What a project leaves out; nothing in projects there are."""

    dependencies = [
        ("analytics", "0008_alias"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="excluded_addresses",
            field=django_mongodb_backend.fields.ArrayField(
                base_field=models.CharField(
                    max_length=43, validators=[analytics.projects.excluded.validate_network]
                ),
                blank=True,
                default=list,
                help_text=(
                    "Events from these addresses and networks are not counted, one a line: "
                    "203.0.113.7, 198.51.100.0/24, 2001:db8::/32. Those of your own office, for "
                    "instance."
                ),
                max_size=100,
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="excluded_paths",
            field=django_mongodb_backend.fields.ArrayField(
                base_field=models.CharField(
                    max_length=2047, validators=[analytics.projects.excluded.validate_path]
                ),
                blank=True,
                default=list,
                help_text=(
                    "Events of these pages are not counted, one path a line, without query; * "
                    "stands for anything: /admin/*, *.php."
                ),
                max_size=100,
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="excluded_hostnames",
            field=django_mongodb_backend.fields.ArrayField(
                base_field=models.CharField(
                    max_length=256, validators=[analytics.projects.excluded.validate_host_pattern]
                ),
                blank=True,
                default=list,
                help_text=(
                    "Events of pages at these hostnames are not counted, one a line: "
                    "staging.example.com, *.test.example.com."
                ),
                max_size=100,
            ),
        ),
    ]
