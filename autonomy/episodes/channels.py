from __future__ import annotations

from typing import Any

from django_eventstream.channelmanager import DefaultChannelManager

from autonomy.episodes.storage import run_id_of
from autonomy.models import Run


class RunChannels(DefaultChannelManager):  # type: ignore[misc]
    """Who may read a run's stream: its owner and staff. The library's default lets everybody in."""

    def can_read_channel(self, user: Any, channel: str) -> bool:
        if user is None or not user.is_active:
            return False
        try:
            run_id = run_id_of(channel)
        except ValueError:
            return False
        return bool(user.is_staff) or Run.objects.filter(pk=run_id, user=user).exists()
