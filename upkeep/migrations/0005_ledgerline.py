from django.db import migrations

from analytics.databases.fields import HexField


class Migration(migrations.Migration):
    dependencies = [
        ("upkeep", "0004_projectdeletion"),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerLine",
            fields=[
                (
                    "id",
                    HexField(
                        db_column="_id",
                        max_length=24,
                        primary_key=True,
                        serialize=False,
                        verbose_name="line",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "ledger",
                "db_table": "ledger",
                "managed": False,
            },
        ),
    ]
