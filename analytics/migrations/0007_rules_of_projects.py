import django.core.validators
import django_mongodb_backend.fields
from django.db import migrations, models

import analytics.keys.origins
import analytics.projects.hostnames
import analytics.projects.zones


class Migration(migrations.Migration):
    """What public keys may send, and what counts; the switches are off in projects there are."""

    dependencies = [
        ("analytics", "0006_project_retention_applied_days"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="is_public",
            field=models.BooleanField(default=False, editable=False, verbose_name="public"),
        ),
        migrations.AddField(
            model_name="apikey",
            name="text",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="project",
            name="allowed_events",
            field=django_mongodb_backend.fields.ArrayField(
                base_field=models.CharField(max_length=128),
                blank=True,
                default=list,
                help_text=(
                    "Names of events that public keys may send, one a line; pageview and "
                    "names that begin with $ always may. Empty: any."
                ),
                max_size=500,
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="allowed_properties",
            field=django_mongodb_backend.fields.ArrayField(
                base_field=models.CharField(max_length=256),
                blank=True,
                default=list,
                help_text=(
                    "Properties that public keys may send, one a line; others are left out."
                    " Empty: any."
                ),
                max_size=500,
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="honours_do_not_track",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="project",
            name="hostnames",
            field=django_mongodb_backend.fields.ArrayField(
                base_field=models.CharField(
                    max_length=256, validators=[analytics.projects.hostnames.validate_hostname]
                ),
                blank=True,
                default=list,
                help_text=(
                    "The project's own, one a line. Events that name another are kept as "
                    "those of bots are. Empty: any."
                ),
                max_size=100,
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="leaves_out_bots",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="project",
            name="public_max_age_hours",
            field=models.PositiveIntegerField(
                default=24,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(720),
                ],
                verbose_name="oldest timestamp by public keys (hours)",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="public_quota_events_per_month",
            field=models.PositiveBigIntegerField(
                blank=True,
                help_text="Empty: 80 % of the project's quota.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="quota of public keys (events per month)",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="tidies_addresses",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="project",
            name="time_zone",
            field=models.CharField(
                default="UTC",
                help_text=(
                    "Whose days anonymous visitors are counted by: Europe/Berlin. A change "
                    "takes effect at the next midnight there."
                ),
                max_length=64,
                validators=[analytics.projects.zones.validate_zone],
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="zones",
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AlterField(
            model_name="project",
            name="allowed_origins",
            field=django_mongodb_backend.fields.ArrayField(
                base_field=models.CharField(
                    max_length=255, validators=[analytics.keys.origins.validate_origin]
                ),
                blank=True,
                default=list,
                help_text=(
                    "Web pages that may send events, one origin a line: "
                    "https://www.example.com, https://*.example.com, or * for any. Empty: "
                    "browsers let no page of another site send, and with a public key none "
                    "may."
                ),
                max_size=100,
            ),
        ),
        migrations.AlterField(
            model_name="project",
            name="honours_do_not_track",
            field=models.BooleanField(
                default=True,
                help_text="Events of browsers that send DNT or GPC name nobody.",
                verbose_name="honour Do Not Track",
            ),
        ),
        migrations.AlterField(
            model_name="project",
            name="leaves_out_bots",
            field=models.BooleanField(
                default=True,
                help_text=(
                    "Of views, events and visitors; they are kept, and reported by themselves."
                ),
                verbose_name="leave bots out",
            ),
        ),
        migrations.AlterField(
            model_name="project",
            name="tidies_addresses",
            field=models.BooleanField(
                default=True,
                help_text=(
                    "Paths without query and fragment, in one spelling; campaigns are read before."
                ),
                verbose_name="tidy addresses",
            ),
        ),
    ]
