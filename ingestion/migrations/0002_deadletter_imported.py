from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0001_deadletter")]

    operations = [
        migrations.AddField(
            model_name="deadletter", name="imported", field=models.BooleanField(null=True)
        ),
    ]
