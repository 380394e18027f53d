from django.db import migrations

import ingestion.models


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0005_deadletter"),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerLine",
            fields=[
                (
                    "id",
                    ingestion.models.HexField(
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
