"""The four groups, with what they may do to autonomy's tables and to accounts; turnitin's 0004 gives its part.

Backwards nothing is taken: what is in a group may be there because somebody put it there.
"""

from django.conf import settings
from django.db import migrations

from autonomy.groups import ADMINISTRATOR, OPERATOR, UPLOADER, VIEWER, give

VIEW = [f"autonomy.view_{name}" for name in ("run", "job", "episode", "checkpoint", "source", "passage", "providercall")]
OPERATE = [
    *(f"autonomy.{name}" for name in ("add_run", "cancel_run", "retry_run", "raise_budget", "fork_run", "schedule_run")),
    "autonomy.change_providercall",  # to have a provider asked again
]
PEOPLE = [
    *(f"auth.{may}_{what}" for what in ("user", "group") for may in ("add", "change", "delete", "view")),
    *(f"authtoken.{may}_tokenproxy" for may in ("add", "delete", "view")),
]
PERMISSIONS = {
    VIEWER: VIEW,
    OPERATOR: [*VIEW, *OPERATE],
    UPLOADER: ["autonomy.view_run"],
    ADMINISTRATOR: [*VIEW, *OPERATE, *PEOPLE],
}


def forwards(apps, schema_editor):
    give(apps, schema_editor.connection.alias, PERMISSIONS)


class Migration(migrations.Migration):

    dependencies = [
        ('autonomy', '0008_home_page_indexes'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('authtoken', '0004_alter_tokenproxy_options'),
        ('contenttypes', '0002_remove_content_type_name'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
