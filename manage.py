#!/usr/bin/env python3
"""Django's command line, with the embedded services started where a command needs them."""

from __future__ import annotations

import os
import sys

# Commands that never touch a service; --help is answered without one as well.
WITHOUT_SERVICES = {
    *("help", "version", "check", "collectstatic", "makemessages", "compilemessages", "diffsettings"),
    "stack",  # It starts them itself, once it knows that its port is free.
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        from django.conf import settings

        embedded = settings.EMBEDDED
        if len(sys.argv) > 1 and sys.argv[1] not in WITHOUT_SERVICES and "--help" not in sys.argv:
            embedded.ensure()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
