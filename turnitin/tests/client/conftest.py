"""The client, and a Turnitin that is played at the other side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from turnitin.core_api.client import CoreApi
from turnitin.stage import TurnitinStage
from turnitin.tests.client.calls import KEY


@pytest.fixture
def stage() -> Iterator[TurnitinStage]:
    with TurnitinStage(key=KEY, similarities=[0.31, 0.09]) as stage:
        yield stage


@pytest.fixture
def api(stage: TurnitinStage) -> CoreApi:
    return CoreApi(stage.base_url, KEY, "Autonomy")
