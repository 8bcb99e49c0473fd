"""What the groups of autonomy's 0009 may do to hand-offs. Backwards nothing is taken, as there."""

from django.db import migrations

from autonomy.groups import ADMINISTRATOR, OPERATOR, UPLOADER, VIEWER, give

VIEW = [f"turnitin.view_{name}" for name in ("cycle", "report", "submission")]
DELIVER = "turnitin.deliver_report"
PERMISSIONS = {
    VIEWER: VIEW,
    OPERATOR: VIEW,
    UPLOADER: ["turnitin.view_cycle", DELIVER],
    ADMINISTRATOR: [*VIEW, DELIVER],
}


def forwards(apps, schema_editor):
    give(apps, schema_editor.connection.alias, PERMISSIONS)


class Migration(migrations.Migration):

    dependencies = [
        ('autonomy', '0009_groups'),
        ('turnitin', '0003_strict_cycles'),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
