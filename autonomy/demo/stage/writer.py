"""The right answer to a request for a plan or a section, by the offline model: it passes the gates."""

from __future__ import annotations

from typing import Any

from autonomy.ports import ModelRequest
from autonomy.providers.attempt import AttemptFailed
from autonomy.providers.offline import OfflineModel


def write(material: dict[str, Any], most: int) -> dict[str, Any]:
    """The content of an answer to this material within `most` tokens. Raises ValueError where it lacks a part."""
    request = ModelRequest("section" if "passages" in material else "plan", "", material, {}, most)
    try:
        return OfflineModel().answer(request).content
    except AttemptFailed as error:
        raise ValueError(f"The stage cannot answer this: {error.reason}.") from error
