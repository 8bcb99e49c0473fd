"""The signature of Turnitin's webhooks, in the header X-Turnitin-Signature.

Lower-case hex of the HMAC-SHA256 of the body as it came, byte for byte; JSON that was parsed and written again has
another one. The key is the registered secret, decoded from base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def sign(secret_base64: str, body: bytes) -> str:
    """Raises ValueError for a secret that is not base64; the settings let none such through."""
    return hmac.new(base64.b64decode(secret_base64, validate=True), body, hashlib.sha256).hexdigest()


def is_right(secret_base64: str, body: bytes, given: str) -> bool:
    """In a time that says nothing of where a wrong one differs."""
    return hmac.compare_digest(sign(secret_base64, body).encode(), given.encode("utf-8", "replace"))
