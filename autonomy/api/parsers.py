"""JSON from outside: bounded in size and depth, and only what can be stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.utils import json as strict_json


class BoundedJSONParser(JSONParser):
    """JSON no longer than DATA_UPLOAD_MAX_MEMORY_SIZE. Django checks that where it reads the body itself; DRF's own
    parser reads past the check.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return json_of(parser_context["request"].body if parser_context else stream.read())


def json_of(body: bytes | str) -> Any:
    """The value of a JSON text. Raises ParseError, also for NaN, for endless nesting, for half a surrogate pair, and
    for a name that stands twice in one object: only one of the two could have been meant."""
    try:
        text = body.decode("utf-8-sig") if isinstance(body, bytes) else body.removeprefix("\ufeff")
        value = json.loads(text, parse_constant=strict_json.strict_constant, object_pairs_hook=_each_name_once)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ParseError("JSON parse error - it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ParseError("JSON parse error - it holds half of a surrogate pair, which is no character") from None
    except ValueError as error:
        raise ParseError(f"JSON parse error - {error}") from None
    return value


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
