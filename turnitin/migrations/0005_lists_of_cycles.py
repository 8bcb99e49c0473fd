from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("turnitin", "0004_groups")]

    operations = [
        migrations.AddIndex(
            model_name="cycle",
            index=models.Index(fields=["-opened_at"], name="cycle_newest"),
        ),
        migrations.AddIndex(
            model_name="cycle",
            index=models.Index(fields=["state", "-opened_at"], name="cycle_newest_of_state"),
        ),
    ]
