import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """How long columns are kept; in projects there are, as long as raw events."""

    dependencies = [
        ("analytics", "0009_excluded"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="columns_retention_days",
            field=models.PositiveIntegerField(
                blank=True,
                help_text=(
                    "How long their copy is kept that answers questions, without addresses and "
                    "user agents; at least as long. Empty: as long. Beyond the raw events it is "
                    "all there is."
                ),
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(2),
                    django.core.validators.MaxValueValidator(36500),
                ],
                verbose_name="retention in columns (days)",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="columns_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
