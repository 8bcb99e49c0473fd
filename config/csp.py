"""What a browser may do with our answers: a page may use our own files, anything else is data and may do nothing."""

from __future__ import annotations

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_NOTHING = {"default-src": [NONE], "base-uri": [NONE], "form-action": [NONE], "frame-ancestors": [NONE]}

PAGES: dict[str, Any] = {
    "DIRECTIVES": _NOTHING
    | {
        "script-src": [SELF, UNSAFE_EVAL],  # Alpine reads its attributes with `new Function`
        "style-src": [SELF, UNSAFE_INLINE],  # unfold: its colours are a <style>, and its scripts set styles
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "object-src": [NONE],
        "form-action": [SELF],
    }
}


class ContentSecurityPolicy(CSPMiddleware):
    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts: PolicyParts = super().get_policy_parts(request, response, report_only)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if not report_only and parts.config is None and not is_page:
            parts.config = _NOTHING
        return parts
