"""The web server's entry: `uvicorn config.asgi:application`."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
settings.EMBEDDED.ensure()
application = get_asgi_application()
