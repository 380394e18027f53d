import django_mongodb_backend.fields
from django.db import migrations, models

from analytics.keys import origins


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="allowed_origins",
            field=django_mongodb_backend.fields.ArrayField(
                base_field=models.CharField(max_length=255, validators=[origins.validate_origin]),
                blank=True,
                default=list,
                help_text="Web pages that may send events, one origin a line: "
                "https://www.example.com, https://*.example.com, or * for any. Empty: browsers "
                "let no page of another site send.",
                max_size=100,
            ),
        ),
    ]
