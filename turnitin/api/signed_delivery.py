"""Deliveries without an account, signed with TURNITIN_DELIVERY_SECRET.

`X-Autonomy-Timestamp` has the seconds since 1970, `X-Autonomy-Signature` the lower-case hex HMAC-SHA256, keyed with the
secret, of the timestamp, a dot and the raw body. The address needs no signature: the body names the cycle, and a cycle
is of one run. The same call again within the window is a double to the inbox, and changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.utils.crypto import constant_time_compare
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from autonomy.api.raw_body import raw_body
from autonomy.errors import SignatureRefused
from autonomy.telemetry import metrics

TIMESTAMP = "X-Autonomy-Timestamp"
SIGNATURE = "X-Autonomy-Signature"
WINDOW = 300  # seconds that the caller's clock may be before or behind ours
LARGEST = 64 * 2**10  # bytes
_LONGEST_TIMESTAMP = 12


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


class SignedDelivery(BaseAuthentication):
    """A request with either header must have a right signature, whatever else it brings; one with neither is left to
    the other ways of logging in. Nothing of the body is parsed here.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        timestamp, given = request.headers.get(TIMESTAMP), request.headers.get(SIGNATURE)
        if timestamp is None and given is None:
            return None
        if not timestamp or not given:
            _refuse("missing", f"A signed delivery has both headers, {TIMESTAMP} and {SIGNATURE}.")
        secret = settings.ENV.turnitin_delivery_secret
        body = raw_body(request._request, LARGEST)
        # Without a secret of ours the work is the same, and so is what is told.
        expected = signature_of(secret.get_secret_value() if secret else "", timestamp, body)
        if not constant_time_compare(given, expected) or secret is None:
            _refuse("wrong" if secret else "no_secret", None)
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _LONGEST_TIMESTAMP):
            _refuse("stale", f"{TIMESTAMP} is not a number of seconds since 1970.")
        if abs(time.time() - int(timestamp)) > WINDOW:
            _refuse("stale", f"{TIMESTAMP} is more than {WINDOW} seconds away from our clock: sign the delivery anew.")
        return AnonymousUser(), self

    def authenticate_header(self, request: Request) -> str:
        # The first class answers for all of them; a signature that is refused says so itself.
        return "Token"


def _refuse(reason: str, message: str | None) -> NoReturn:
    metrics.signature_refused("report", reason)
    raise SignatureRefused(message)
