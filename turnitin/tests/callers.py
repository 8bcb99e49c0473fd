"""Who delivers reports over the API in tests: an account that may, and whoever has the secret."""

from __future__ import annotations

import json
import time
from typing import Any

from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from autonomy.tests.clients import client_of
from autonomy.tests.factories import UserFactory
from turnitin.api.signed_delivery import signature_of
from turnitin.models import Cycle
from turnitin.tests.moves import ADDRESS

SECRET = "tide-and-shingle-and-a-wall-of-stone"


def uploader() -> Any:
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="deliver_report"))
    return user


def uploading() -> APIClient:
    return client_of(uploader())


def body_for(cycle: Cycle, **changes: Any) -> dict[str, Any]:
    return {"cycle_id": str(cycle.pk), "report_url": ADDRESS, "observed_similarity": 0.1} | changes


def address_of(cycle: Cycle) -> str:
    return f"/api/v2/turnitin/{cycle.run_id}/report"


def deliver(client: APIClient, cycle: Cycle, **changes: Any) -> Any:
    return client.post(address_of(cycle), body_for(cycle, **changes), format="json")


def signed(body: bytes, *, secret: str = SECRET, timestamp: object = None) -> dict[str, str]:
    """The headers of a signed delivery."""
    at = str(int(time.time()) if timestamp is None else timestamp)
    return {"X-Autonomy-Timestamp": at, "X-Autonomy-Signature": signature_of(secret, at, body)}


def deliver_signed(cycle: Cycle, *, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    """Signed rightly unless other headers are given. The secret of the settings must be SECRET."""
    body = json.dumps(body_for(cycle, **changes)).encode()
    return send(cycle, body, signed(body) if headers is None else headers)


def send(cycle: Cycle, body: bytes, headers: dict[str, str], content_type: str = "application/json") -> Any:
    return APIClient().post(address_of(cycle), body, content_type=content_type, headers=headers)
