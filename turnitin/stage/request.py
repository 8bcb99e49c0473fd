"""What Turnitin was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from turnitin.stage.refusal import Refusal


@dataclass(frozen=True)
class Request:
    """`path` is what follows /api/v1, without the query; `headers` have names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Refusal."""
        try:
            content = json.loads(self.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Refusal(400, "The body must be a JSON object.")
        return content
