from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


def handoff_class() -> Any:
    """The class named by AUTONOMY_HANDOFF: how autonomy reaches Turnitin without importing it."""
    return import_string(settings.AUTONOMY_HANDOFF)
