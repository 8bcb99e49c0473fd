"""What can stand in the way of a report, in our own words: Turnitin's text is never told."""

from __future__ import annotations

from collections.abc import Sequence

from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.operation import Passed
from turnitin.core_api.patience import HOUR, KEY_REFUSED

AGAIN = "It is tried again by itself."
BY_HAND = "The report can still be delivered by hand."
KEY = "Turnitin refuses TURNITIN_API_KEY. Set the right key, run manage.py turnitin_setup, and restart the workers."
QUOTA = "Turnitin says that the quota of this account is used up."
RESTS = "Turnitin failed at other calls just now. It is left alone for a while."
TOO_LARGE = "Turnitin says that the document is too large."
DELETED = (
    "The document is not at Turnitin any more: somebody has deleted it there, or TURNITIN_BASE_URL leads to another "
    "tenant now."
)
NO_DOCUMENT = "The Word document of this hand-off is not in the store any more."
OUR_OWN = "Autonomy met an error of its own while it dealt with Turnitin; it is in the log."
GAVE_UP = "Turnitin has given no report in 7 days; it is not asked any more."

# error_code of a submission, Turnitin Core API 1.0.
PROCESSING = {
    "UNSUPPORTED_FILETYPE": "Turnitin does not read files of this type.",
    "PROCESSING_ERROR": "Turnitin met an error of its own while reading the document.",
    "CANNOT_EXTRACT_TEXT": "Turnitin finds no text in the document.",
    "TOO_LITTLE_TEXT": "The document has too little text for Turnitin, which wants 20 words or more.",
    "TOO_MUCH_TEXT": "The document has too much text for Turnitin.",
    "TOO_MANY_PAGES": "The document has too many pages for Turnitin.",
    "FILE_LOCKED": "Turnitin says that the document is locked by a password.",
    "CORRUPT_FILE": "Turnitin says that the document is damaged.",
}


class Trouble(Exception):
    """Something stands in the way that may pass. `wait`: seconds until it is worth trying again; None: back off.

    `resting`: Turnitin was not asked at all, because it is known to be down.
    """

    def __init__(self, text: str, *, wait: float | None = None, at_least: float = 0.0, resting: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.wait = wait
        self.at_least = at_least
        self.resting = resting


class Hopeless(Exception):
    """Turnitin will give no report for this document."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def of_passed(passed: Passed) -> Trouble | Hopeless:
    """Turnitin does not help now: why, and when it may."""
    if passed.fault is Fault.KEY:
        return Trouble(KEY, wait=KEY_REFUSED)
    if passed.fault is Fault.QUOTA:
        return Trouble(QUOTA, wait=HOUR)
    if passed.fault is Fault.OVERFLOW:
        return Hopeless(TOO_LARGE)
    text = RESTS if passed.resting else f"Turnitin does not help at the moment ({passed.reason})."
    return Trouble(text, at_least=passed.retry_after or 0.0, resting=passed.resting)


def of_malformed(error: AttemptFailed) -> Trouble:
    return Trouble(f"Turnitin's answer cannot be understood ({error.reason}).")


def of_refused(reason: str) -> Hopeless:
    return Hopeless(f"Turnitin refuses the request ({reason}).")


def of_error_code(code: str) -> Hopeless:
    """A code that is not documented is not told: it is a text of Turnitin's."""
    return Hopeless(PROCESSING.get(code, "Turnitin could not read the document and gives no reason that we know."))


def of_repositories(has: Sequence[str]) -> Trouble:
    """`has`: those of the tenant, of the names that are documented."""
    return Trouble(
        f"TURNITIN_REPOSITORIES: the tenant has none of those that are named; it has {', '.join(has) or 'none'}. "
        "Change the setting and restart the workers.",
        wait=HOUR,
    )


def of_licence(version: str) -> Trouble:
    return Trouble(
        f"Turnitin's licence {version} must be accepted: manage.py turnitin_setup --accept-licence {version} --as …, "
        "or deliver the report by hand.",
        wait=HOUR,
    )
