from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django_eventstream.channelmanager import DefaultChannelManager

from autonomy.episodes.storage import run_id_of
from autonomy.models import Run


class RunChannels(DefaultChannelManager):  # type: ignore[misc]
    """Who may read a run's stream: its owner and staff. The library's default lets everybody in."""

    def can_read_channel(self, user: Any, channel: str) -> bool:
        try:
            run_id = run_id_of(channel)
        except ValueError:
            return False
        # Asked anew at every read: a stream lives long, and an account may be closed meanwhile.
        account = get_user_model().objects.filter(pk=user.pk, is_active=True).first() if user else None
        return account is not None and (account.is_staff or Run.objects.filter(pk=run_id, user=account).exists())
