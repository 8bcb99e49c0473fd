"""What the Core API answers, read without trust: every part may be missing or of another type.

A reader raises WrongForm where it cannot go on. No text of Turnitin's is in that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, cast, get_args
from urllib.parse import urlsplit

from autonomy.telemetry.redaction import redact_content
from config.turnitin_settings import LOOPBACK

MOST_MATCHES = 10
LONGEST_NAME = 200
LONGEST_ADDRESS = 4000
MOST_WORDS = 10_000_000  # more than any document has: a larger count is a mistake
ID = re.compile(r"[A-Za-z0-9-]{1,64}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WORD = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_JOINERS = "\u200c\u200d"  # scripts need them

Status = Literal["CREATED", "PROCESSING", "COMPLETE", "DELETED", "ERROR"]
PdfStatus = Literal["SUCCESS", "PENDING", "FAILED"]


class WrongForm(ValueError):
    """An answer is not in the form that is documented; the message says what of it."""


@dataclass(frozen=True)
class Features:
    """What a tenant has."""

    repositories: tuple[str, ...]
    requires_licence: bool


@dataclass(frozen=True)
class LicenceText:
    version: str
    url: str


@dataclass(frozen=True)
class SubmissionStatus:
    """`error_code` says why it could not be read, where the status is ERROR; else it is empty."""

    status: Status
    error_code: str = ""


@dataclass(frozen=True)
class Similarity:
    """`fraction` is there once it is `complete`. `top_matches`: [{name, similarity, source_type, words}].

    `asked`: Turnitin knows that it was asked for.
    """

    complete: bool
    fraction: float | None = None
    top_matches: list[dict[str, Any]] = field(default_factory=list)
    asked: bool = True


@dataclass(frozen=True)
class Webhook:
    id: str
    url: str
    event_types: tuple[str, ...]


def features(answer: object) -> Features:
    similarity = _group(_object(answer).get("similarity"))
    repositories = _group(similarity.get("generation_settings")).get("search_repositories")
    if not isinstance(repositories, list):
        raise WrongForm("its features name no search_repositories")
    requires = _group(_object(answer).get("tenant")).get("require_eula", False)
    if not isinstance(requires, bool):
        raise WrongForm("require_eula is neither true nor false")
    return Features(_words(repositories), requires)


def licence(answer: object) -> LicenceText:
    given = _object(answer)
    version = given.get("version")
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise WrongForm("the licence has no version that can be used")
    return LicenceText(version, address(given.get("url")))


def id_of(answer: object) -> str:
    return _id(_object(answer).get("id"))


def submission(answer: object) -> SubmissionStatus:
    given = _object(answer)
    status = given.get("status")
    if status not in get_args(Status):
        raise WrongForm("the submission has no known status")
    return SubmissionStatus(cast(Status, status), _word(given.get("error_code")) if status == "ERROR" else "")


def similarity(answer: object) -> Similarity:
    given = _object(answer)
    status = given.get("status")
    if status in ("PENDING", "PROCESSING"):
        return Similarity(complete=False)
    if status != "COMPLETE":
        raise WrongForm("the similarity has no known status")
    percent = given.get("overall_match_percentage")
    if type(percent) is not int or not 0 <= percent <= 100:
        raise WrongForm("overall_match_percentage is no whole number from 0 to 100")
    return Similarity(complete=True, fraction=percent / 100, top_matches=_matches(given.get("top_matches")))


def pdf_status(answer: object) -> PdfStatus:
    status = _object(answer).get("status")
    if status not in get_args(PdfStatus):
        raise WrongForm("the PDF has no known status")
    return cast(PdfStatus, status)


def viewer_url(answer: object) -> str:
    return address(_object(answer).get("viewer_url"))


def webhooks(answer: object) -> list[Webhook]:
    """Those that can be read: what others have registered is no business of ours."""
    if not isinstance(answer, list):
        raise WrongForm("the webhooks are no list")
    return [
        Webhook(row["id"], row["url"], _words(row.get("event_types")))
        for row in answer
        if isinstance(row, dict) and _is_id(row.get("id")) and isinstance(row.get("url"), str)
    ]


def address(value: object) -> str:
    """A page that a person may be sent to: https, or on this machine, and without a secret."""
    if not isinstance(value, str) or len(value) > LONGEST_ADDRESS or not re.fullmatch(r"[!#-;=?-\[\]-~]+", value):
        raise WrongForm("an address cannot be used")
    try:
        parts = urlsplit(value)
        good = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        good = False
    safe = good and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))
    if not safe or redact_content(value) != value:
        raise WrongForm("an address cannot be used")
    return value


def line(value: object, longest: int = LONGEST_NAME) -> str:
    """Text on one line: no control characters, and none that turn the direction of what follows. Empty if none."""
    if not isinstance(value, str):
        return ""
    # Cut before the work is done, and generously: what is dropped does not count.
    text = " ".join(value[: longest * 20].split())
    kept = "".join(sign for sign in text if sign in _JOINERS or unicodedata.category(sign)[0] != "C")
    return " ".join(redact_content(kept).split())[:longest]


def _matches(rows: object) -> list[dict[str, Any]]:
    """They only explain the figure: one that cannot be read is left out."""
    found = (_match(row) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else iter(())
    return list(islice((match for match in found if match), MOST_MATCHES))


def _match(row: dict[str, Any]) -> dict[str, Any] | None:
    percent, words = row.get("percentage"), row.get("matched_word_count_total")
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        return None
    return {
        "name": line(row.get("name")),
        "similarity": round(percent / 100, 4),
        "source_type": _word(row.get("source_type")),
        "words": words if type(words) is int and 0 <= words <= MOST_WORDS else None,
    }


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongForm("the answer is no JSON object")
    return value


def _group(value: object) -> Mapping[str, Any]:
    """An object within another; empty where there is none."""
    return value if isinstance(value, dict) else {}


def _words(value: object) -> tuple[str, ...]:
    """Words in capitals; whatever else stands among them is left out."""
    found = (_word(one) for one in value[:100]) if isinstance(value, list) else ()
    return tuple(dict.fromkeys(word for word in found if word))


def _word(value: object) -> str:
    return redact_content(value) if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(ID.fullmatch(value))


def _id(value: object) -> str:
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise WrongForm("an id is not of letters, digits and hyphens")
    return value
