"""Getting an installation ready for the Core API: what `manage.py turnitin_setup` does.

Each step looks first and changes only what is missing, so that it can be run again at any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from django.conf import settings

from autonomy.providers import retry
from autonomy.providers.attempt import AttemptFailed, Fault
from turnitin.core_api import licences
from turnitin.core_api.client import CoreApi, Features, LicenceText, Webhook

T = TypeVar("T")

EVENT_TYPES = ("SUBMISSION_COMPLETE", "SIMILARITY_COMPLETE", "SIMILARITY_UPDATED", "PDF_STATUS")
LANGUAGE = "en-US"
COMMAND = "manage.py turnitin_setup"


class InTheWay(Exception):
    """Something keeps documents from being handed in; the message says how to mend it."""


@dataclass
class Setup:
    """`tell` is given each line a person reads, `obstacles` what stands in the way after all."""

    api: CoreApi
    tell: Callable[[str], None]
    obstacles: list[str] = field(default_factory=list)

    def run(self, *, accept: str, accepted_by: str, renew_webhook: bool) -> None:
        """`accept`: the version of the licence that `accepted_by` has read and accepts; empty: none."""
        try:
            features = self._features()
        except InTheWay as obstacle:
            self.obstacles.append(str(obstacle))  # without the key there is nothing else to ask for
            return
        steps: tuple[Callable[[], None], ...] = (
            lambda: self._repositories(features),
            lambda: self._licence(features, accept, accepted_by),
            lambda: self._webhook(renew_webhook),
        )
        for step in steps:
            try:
                step()
            except InTheWay as obstacle:
                self.obstacles.append(str(obstacle))

    # --- the key, and what it opens ---

    def _features(self) -> Features:
        features = self._call("the features", lambda timeout: self.api.features(timeout=timeout))
        self.tell(f"Key: accepted at {settings.ENV.turnitin_base_url}.")
        return features

    def _repositories(self, features: Features) -> None:
        wanted = settings.ENV.turnitin_repositories
        used = [one for one in wanted if one in features.repositories]
        if missing := [one for one in wanted if one not in features.repositories]:
            self.tell(f"Repositories: this tenant does not have {', '.join(missing)}; left out.")
        if not used:
            has = ", ".join(features.repositories) or "none at all"
            raise InTheWay(f"TURNITIN_REPOSITORIES: the tenant has none of those that are named. It has {has}.")
        self.tell(f"Repositories: documents are compared with {', '.join(used)}.")
        if more := [one for one in features.repositories if one not in wanted]:
            self.tell(f"Repositories: not used are {', '.join(more)}, which the tenant has too.")

    # --- the licence ---

    def _licence(self, features: Features, accept: str, accepted_by: str) -> None:
        if not features.requires_licence:
            self.tell("Licence: this tenant requires none to be accepted.")
            return
        newest = self._call("the licence", lambda timeout: self.api.newest_licence(timeout=timeout, language=LANGUAGE))
        self.tell(f"Licence: the newest version is {newest.version}, to be read at {newest.url}")
        if accept and accept != newest.version:
            raise InTheWay(
                f"--accept-licence: {accept[:64]!r} is not the newest version. Read {newest.version}, which is, and "
                "accept that."
            )
        if accept:
            licences.accept(newest.version, LANGUAGE, accepted_by)
        self._tell_of_acceptance(newest)

    def _tell_of_acceptance(self, newest: LicenceText) -> None:
        licence = licences.accepted()
        if licence is None or licence.version != newest.version:
            before = f" ({licence.version} was, by {licence.accepted_by})" if licence else ""
            raise InTheWay(
                f"Licence: version {newest.version} is not accepted here{before}. Read it, then: "
                f'{COMMAND} --accept-licence {newest.version} --as "your name"'
            )
        self.tell(f"Licence: accepted on {licence.accepted_at:%Y-%m-%d} by {licence.accepted_by}.")

    # --- the webhook ---

    def _webhook(self, renew: bool) -> None:
        url = settings.ENV.turnitin_webhook_url
        if not url:
            seconds = settings.ENV.turnitin_poll_seconds
            self.tell(
                f"Webhook: TURNITIN_WEBHOOK_URL is not set, so Turnitin is only asked, every {seconds:g} seconds."
            )
            return
        found = self._registered(url)
        if found and not renew:
            self._tell_of_webhook(found[0])
            return
        for webhook in found:
            self._delete(webhook)
        self._register(url, renew=renew)

    def _registered(self, url: str) -> list[Webhook]:
        webhooks = self._call("the webhooks", lambda timeout: self.api.webhooks(timeout=timeout))
        return [webhook for webhook in webhooks if webhook.url == url]

    def _tell_of_webhook(self, webhook: Webhook) -> None:
        if missing := [one for one in EVENT_TYPES if one not in webhook.event_types]:
            raise InTheWay(
                f"Webhook: {webhook.id} is registered, but not for {', '.join(missing)}. Mend it: "
                f"{COMMAND} --renew-webhook"
            )
        self.tell(f"Webhook: registered already, its id is {webhook.id}.")

    def _delete(self, webhook: Webhook) -> None:
        self._call("the webhook", lambda timeout: self.api.delete_webhook(webhook.id, timeout=timeout))
        self.tell(f"Webhook: {webhook.id} is deleted.")

    def _register(self, url: str, *, renew: bool) -> None:
        secret = settings.ENV.turnitin_webhook_secret
        given = secret.get_secret_value() if secret else ""
        new = self._call(
            "the webhook", lambda timeout: self.api.register_webhook(url, given, EVENT_TYPES, timeout=timeout)
        )
        if new:
            self.tell(f"Webhook: {url} is registered, its id is {new}.")
        elif found := self._registered(url):
            self._tell_of_webhook(found[0])
        elif renew:
            raise InTheWay(
                f"Webhook: {url} is registered under an id that Turnitin does not list, and cannot be renewed. "
                "Ask its support to delete it."
            )
        else:
            self.tell(f"Webhook: {url} is registered already, under an id that Turnitin does not list.")

    # --- asking ---

    def _call(self, what: str, attempt: Callable[[float], T]) -> T:
        """Raises InTheWay where it failed for good."""
        env = settings.ENV
        deadline = time.monotonic() + env.autonomy_provider_deadline

        def before_retry(error: AttemptFailed, wait: float) -> None:
            self.tell(f"({what}: {error.reason}; once more in {wait:.1f} seconds)")
            time.sleep(wait)

        try:
            return retry.call(
                lambda: attempt(min(env.autonomy_provider_timeout, max(1.0, deadline - time.monotonic()))),
                attempts=env.autonomy_provider_attempts,
                deadline=deadline,
                before_retry=before_retry,
            )
        except AttemptFailed as error:
            raise InTheWay(_in_words(what, error)) from None


def _in_words(what: str, error: AttemptFailed) -> str:
    if error.fault is Fault.KEY:
        return "TURNITIN_API_KEY: Turnitin refuses it. Is it the key of this tenant (TURNITIN_BASE_URL)?"
    advice = " Is TURNITIN_BASE_URL right?" if error.http_status is None else ""
    return f"Turnitin: {what} could not be had ({error.reason}).{advice}" + (
        " Try again later." if error.retryable else ""
    )
