from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("autonomy", "0010_run_list_indexes")]

    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(condition=models.Q(("status", "waiting_human")), fields=["id"], name="run_that_waits"),
        ),
    ]
