"""Runs whose documents go to Turnitin's stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models.functions import Now
from pydantic import SecretStr

from turnitin.core_api import worker
from turnitin.models import Submission
from turnitin.stage import TurnitinStage

WEBHOOK_SECRET = "c2lnbmVkIGJ5IHRoZSBzdGFnZSBhbmQgbm9ib2R5IGVsc2U="


@pytest.fixture
def stage() -> Iterator[TurnitinStage]:
    with TurnitinStage(key="tca-key-of-the-stage", similarities=[0.1]) as played:
        yield played


@pytest.fixture
def at_turnitin(
    env: Callable[..., None], stage: TurnitinStage, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> TurnitinStage:
    """The stage, with the settings of the Core API mode that lead to it."""
    monkeypatch.setattr("autonomy.providers.retry.BASE_SECONDS", 0.01)
    settings.MEDIA_ROOT = tmp_path / "documents"
    env(
        turnitin_mode="core_api",
        turnitin_base_url=stage.base_url,
        turnitin_api_key=SecretStr(stage.key),
        turnitin_webhook_url="http://127.0.0.1:1/api/v2/turnitin/webhook",
        turnitin_webhook_secret=SecretStr(WEBHOOK_SECRET),
        turnitin_poll_seconds=1.0,
    )
    return stage


@pytest.fixture
def poll() -> Callable[..., None]:
    """Let the time of the next poll come, and the lease of a dead worker go, as often as is asked for."""

    def poll_now(times: int = 1) -> None:
        for _ in range(times):
            Submission.objects.filter(due_at__isnull=False).update(due_at=Now())
            Submission.objects.exclude(lease_token=None).update(lease_expires_at=Now())
            worker.work(10)

    return poll_now


@pytest.fixture
def handed_off(at_turnitin: TurnitinStage, model: Any, start: Callable[..., Any], work: Callable[[], int]) -> Any:
    """A run that waits, and whose document is due at Turnitin."""
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    return run
