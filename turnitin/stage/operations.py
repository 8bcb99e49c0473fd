"""The calls Turnitin answers. What is marked as undocumented is our choice."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from autonomy.demo.stage.reply import Reply
from turnitin.stage import fields
from turnitin.stage.pdf import pdf
from turnitin.stage.refusal import Refusal
from turnitin.stage.request import Request
from turnitin.stage.similarity_settings import VIEW_SETTINGS, check_settings
from turnitin.stage.submission import Submission
from turnitin.stage.tenant import Tenant
from turnitin.stage.webhook import Webhook

FILENAME = re.compile(r'filename="([^"]+)"')


@dataclass(frozen=True)
class Operation:
    """`name` is a method and a path, as in `GET /submissions/{id}`; what is in braces is given to `answer`."""

    name: str
    answer: Callable[..., Reply]

    @cached_property
    def _address(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{\w+\}", "([^/]+)", self.name))

    def serves(self, request: Request) -> tuple[str, ...] | None:
        """What stands for the braces; None: it is another call."""
        match = self._address.fullmatch(f"{request.method} {request.path}")
        return match.groups() if match else None


def features_enabled(tenant: Tenant, request: Request) -> Reply:
    return Reply.json(
        200,
        {
            "similarity": {
                "viewer_modes": {"match_overview": True, "all_sources": True},
                "generation_settings": {
                    "search_repositories": list(tenant.repositories),
                    "submission_auto_excludes": True,
                },
                "view_settings": dict.fromkeys(VIEW_SETTINGS, True),
            },
            "tenant": {"require_eula": tenant.eula_required},
        },
    )


def eula_latest(tenant: Tenant, request: Request) -> Reply:
    language = request.query.get("lang", "en-US")
    version = tenant.eula_version
    return Reply.json(
        200,
        {
            "version": version,
            "valid_from": "2018-04-30T00:00:00Z",
            "valid_until": None,
            "url": f"https://static.example.org/eula/{version}/{language}/eula.html",
            "available_languages": ["en-US", "de-DE"],
        },
    )


def accept_eula(tenant: Tenant, request: Request, version: str) -> Reply:
    accepted = request.json
    user = fields.text(accepted, "user_id")
    for name in ("accepted_timestamp", "language"):
        fields.text(accepted, name)
    if version != tenant.eula_version:
        raise Refusal(404, f"There is no version {version} of the EULA; the latest is {tenant.eula_version}.")
    if accepted.get("version", version) != version:
        raise Refusal(400, "version is not that of the address.")
    tenant.eulas_accepted.add((version, user))
    return Reply.json(200, {**accepted, "version": version})


def create_submission(tenant: Tenant, request: Request) -> Reply:
    given = request.json
    metadata = fields.group(given, "metadata")
    fields.text(metadata, "custom", required=False)
    submission = Submission(
        owner=fields.text(given, "owner", longest=132),
        title=fields.text(given, "title", longest=500),
        submitter=fields.text(given, "submitter", required=False),
        eula=fields.group(given, "eula") or None,
        metadata=metadata,
    )
    tenant.create(submission)
    return Reply.json(201, submission.created())


def upload_original(tenant: Tenant, request: Request, submission_id: str) -> Reply:
    submission = tenant.living(submission_id)
    filename = FILENAME.search(request.headers.get("content-disposition", ""))
    if request.headers.get("content-type") != "binary/octet-stream":
        raise Refusal(400, "Content-Type must be binary/octet-stream.")  # the status is undocumented
    if filename is None:
        raise Refusal(400, 'Content-Disposition must be as in: inline; filename="x.docx".')  # likewise
    if not request.body:
        raise Refusal(400, "The file is empty.")  # likewise
    if len(request.body) > tenant.largest_original:
        raise Refusal(413, f"The file is larger than {tenant.largest_original} bytes.")  # likewise
    if submission.status != "CREATED":
        raise Refusal(409, "The submission has its file already.")  # likewise
    tenant.upload(submission, request.body, filename[1])
    return Reply.json(202, {"message": "The file was taken."})


def get_submission(tenant: Tenant, request: Request, submission_id: str) -> Reply:
    return Reply.json(200, tenant.find(submission_id).told())


def ask_similarity(tenant: Tenant, request: Request, submission_id: str) -> Reply:
    settings = request.json
    check_settings(settings, tenant.repositories)
    tenant.scan(tenant.living(submission_id), settings)
    return Reply.json(202, {"message": "The similarity report will be generated."})


def get_similarity(tenant: Tenant, request: Request, submission_id: str) -> Reply:
    submission = tenant.living(submission_id)
    if not submission.report_status:
        raise Refusal(404, "No similarity report was asked for.")
    return Reply.json(200, submission.report())


def viewer_url(tenant: Tenant, request: Request, submission_id: str) -> Reply:
    submission = tenant.living(submission_id)
    fields.text(request.json, "viewer_user_id")
    tenant.reported(submission)
    token = tenant.viewer(submission)
    return Reply.json(200, {"viewer_url": f"http://{request.headers.get('host', '127.0.0.1')}/viewer/{token}"})


def ask_pdf(tenant: Tenant, request: Request, submission_id: str) -> Reply:
    submission = tenant.living(submission_id)
    fields.text(request.json, "locale", required=False)
    tenant.reported(submission)
    return Reply.json(202, {"id": tenant.make_pdf(submission).id})  # the status is undocumented


def pdf_status(tenant: Tenant, request: Request, submission_id: str, pdf_id: str) -> Reply:
    made = tenant.living(submission_id).pdfs.get(pdf_id)
    if made is None:
        raise Refusal(404, "There is no such PDF.")
    return Reply.json(200, {"id": made.id, "status": made.status})


def get_pdf(tenant: Tenant, request: Request, submission_id: str, pdf_id: str) -> Reply:
    submission = tenant.living(submission_id)
    made = submission.pdfs.get(pdf_id)
    if made is None or made.status != "SUCCESS":
        raise Refusal(404, "There is no such PDF, or it is not ready.")  # the latter is undocumented
    line = f"Sample report: similarity {submission.similarity or 0:.0%}, {submission.title}"
    return Reply(200, pdf(line), {"Content-Type": "application/pdf"})


def list_webhooks(tenant: Tenant, request: Request) -> Reply:
    return Reply.json(200, [webhook.told() for webhook in tenant.webhooks.registered.values()])


def create_webhook(tenant: Tenant, request: Request) -> Reply:
    given = request.json
    url = fields.address(given, "url")
    webhook = Webhook(
        url=url,
        event_types=fields.event_types(given),
        signing_secret=fields.secret(given, "signing_secret"),
        description=fields.text(given, "description", required=False),
    )
    if tenant.webhooks.https_only and url.startswith("http:") and given.get("allow_insecure") is not True:
        raise Refusal(400, "url must be https, unless allow_insecure is true.")
    if any(one.url == url for one in tenant.webhooks.registered.values()):
        raise Refusal(409, "This URL is registered already.")
    tenant.webhooks.registered[webhook.id] = webhook
    return Reply.json(201, webhook.told())


def delete_webhook(tenant: Tenant, request: Request, webhook_id: str) -> Reply:
    if tenant.webhooks.registered.pop(webhook_id, None) is None:
        raise Refusal(404, "There is no such webhook.")
    return Reply(204, b"")


OPERATIONS = (
    Operation("GET /features-enabled", features_enabled),
    Operation("GET /eula/latest", eula_latest),
    Operation("POST /eula/{version}/accept", accept_eula),
    Operation("POST /submissions", create_submission),
    Operation("GET /submissions/{id}", get_submission),
    Operation("PUT /submissions/{id}/original", upload_original),
    Operation("PUT /submissions/{id}/similarity", ask_similarity),
    Operation("GET /submissions/{id}/similarity", get_similarity),
    Operation("POST /submissions/{id}/viewer-url", viewer_url),
    Operation("POST /submissions/{id}/similarity/pdf", ask_pdf),
    Operation("GET /submissions/{id}/similarity/pdf/{pdf_id}/status", pdf_status),
    Operation("GET /submissions/{id}/similarity/pdf/{pdf_id}", get_pdf),
    Operation("GET /webhooks", list_webhooks),
    Operation("POST /webhooks", create_webhook),
    Operation("DELETE /webhooks/{id}", delete_webhook),
)
