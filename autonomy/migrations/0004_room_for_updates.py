from django.db import migrations


class Migration(migrations.Migration):
    """Jobs and runs are updated all the time. Room in their pages keeps an update from touching every index, and dead
    rows are cleared by their number: a share of a table of a million finished jobs would be far too many.
    """

    dependencies = [
        ('autonomy', '0003_retention'),
    ]

    operations = [
        migrations.RunSQL(
            f"""
            ALTER TABLE {table} SET (
              fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000
            )
            """,
            f"ALTER TABLE {table} RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)",
        )
        for table in ("autonomy_job_queue", "autonomy_runs")
    ]
