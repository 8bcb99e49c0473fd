"""The stage itself: what tests and demonstrations have in hand."""

from __future__ import annotations

import dataclasses
import html
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Self

from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.wire import Wire
from turnitin.stage.faults import GARBAGE, Fault, Faults
from turnitin.stage.faults import reply as reply_of
from turnitin.stage.listener import Listener, read
from turnitin.stage.operations import OPERATIONS, Operation
from turnitin.stage.refusal import Refusal
from turnitin.stage.request import Request
from turnitin.stage.submission import Submission
from turnitin.stage.tenant import Tenant

BASE = "/api/v1"
VIEWER = "/viewer/"
INTEGRATION_HEADERS = ("X-Turnitin-Integration-Name", "X-Turnitin-Integration-Version")


class TurnitinStage:
    """Listens on 127.0.0.1 from `start` to `close`, on a free port unless one is given. Also a context manager.

    Seconds are how long each thing takes; with 0 it is over at the next look. `similarities` are the fractions of the
    reports, in the order they are asked for; the last is that of all further.
    """

    def __init__(
        self,
        key: str = "tca-key",
        *,
        similarities: Sequence[float] = (0.12,),
        scan_seconds: float = 0.0,
        process_seconds: float = 0.0,
        pdf_seconds: float = 0.0,
        port: int = 0,
    ) -> None:
        self.key = key
        self.requests: list[Request] = []
        self.tenant = Tenant(
            similarities=similarities,
            scan_seconds=scan_seconds,
            process_seconds=process_seconds,
            pdf_seconds=pdf_seconds,
        )
        self.webhooks = self.tenant.webhooks
        self._turn = self.tenant.agenda.turn
        self._faults = Faults(operation.name for operation in OPERATIONS)
        self._closing = threading.Event()
        self._listener = Listener(port, self._answer)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_port}{BASE}"

    @property
    def submissions(self) -> dict[str, Submission]:
        """All there ever were, by their ids, the oldest first. What is due has been done."""
        with self._turn:
            self.tenant.agenda.catch_up()
            return dict(self.tenant.submissions)

    @property
    def scans(self) -> int:
        """How many similarity reports were asked for and not refused. Each costs money."""
        return self.tenant.scans

    def start(self) -> Self:
        self.tenant.agenda.start()
        self.webhooks.start()
        self._listener.start()
        return self

    def close(self) -> None:
        """Answer nothing any more, deliver nothing any more, and leave no thread behind."""
        self._closing.set()
        self._listener.close()
        self.tenant.agenda.close()
        self.webhooks.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- what can be made to happen ---

    def fail(self, operation: str, *faults: Fault) -> None:
        """Answer the next calls of this operation so, one fault each. Raises ValueError for what does not exist."""
        with self._turn:
            self._faults.add(operation, faults)

    def require_eula(self, version: str) -> None:
        """From now on a submission needs its owner's acceptance of exactly this version."""
        with self._turn:
            self.tenant.eula_required = True
            self.tenant.eula_version = version

    def errors_with(self, *error_codes: str) -> None:
        """The next documents that are uploaded end in ERROR, one for each code."""
        with self._turn:
            self.tenant.coming_errors += error_codes

    def fails_pdf(self, count: int = 1) -> None:
        """So many of the next PDFs end in FAILED."""
        with self._turn:
            self.tenant.coming_pdf_failures += count

    def update_similarity(self, submission_id: str, similarity: float) -> None:
        """Somebody saves other filters in the viewer. Raises ValueError before the report is complete."""
        with self._turn:
            self.tenant.update(self.submissions[submission_id], similarity)

    def delete(self, submission_id: str, *, forget: bool = False) -> None:
        """It is deleted at Turnitin: its status is DELETED, or with `forget` there is none (404); all else is 404."""
        with self._turn:
            self.tenant.delete(self.submissions[submission_id], forget=forget)

    # --- answering ---

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        wire = Wire(handler, self._closing)
        request = read(handler)
        if request.path.startswith(VIEWER):
            wire.send(self._page(request.path.removeprefix(VIEWER)))
            return
        if request.path.startswith(f"{BASE}/"):
            request = dataclasses.replace(request, path=request.path.removeprefix(BASE))
            operation, ids = _find(request)
        else:
            operation, ids = None, ()
        with self._turn:
            self.requests.append(request)
            fault = self._faults.take(operation.name) if operation else "ok"
        match fault:
            case "reset":
                wire.reset()
            case "timeout":
                wire.hold(None)
            case "garbage":
                wire.send(Reply.text(200, GARBAGE, "text/html"))
            case "drop":
                self._do(operation, request, ids)
                wire.reset()
            case "ok":
                wire.send(self._do(operation, request, ids))
            case int() | Reply():
                wire.send(reply_of(fault))

    def _do(self, operation: Operation | None, request: Request, ids: tuple[str, ...]) -> Reply:
        try:
            self._admit(request)
            if operation is None:
                raise Refusal(404, f"There is no call {request.method} {request.path}.")
            with self._turn:
                self.tenant.agenda.catch_up()
                return operation.answer(self.tenant, request, *ids)
        except Refusal as refusal:
            return refusal.reply

    def _admit(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refusal(403, "The key is not valid.")
        for name in INTEGRATION_HEADERS:
            if not request.headers.get(name.lower()):
                raise Refusal(400, f"The header {name} is missing.")  # the status is undocumented
        if "transfer-encoding" in request.headers:
            raise Refusal(411, "Content-Length is missing.")  # undocumented

    def _page(self, token: str) -> Reply:
        """What a browser sees in the viewer."""
        submission = self.submissions.get(self.tenant.viewers.get(token, ""))
        if submission is None:
            return Reply.text(404, "This address is not valid.")
        line = f"Similarity {submission.similarity or 0:.0%}: {html.escape(submission.title)}"
        return Reply.text(200, f"<!doctype html><title>Sample report</title><p>{line}</p>", "text/html")


def _find(request: Request) -> tuple[Operation | None, tuple[str, ...]]:
    for operation in OPERATIONS:
        ids = operation.serves(request)
        if ids is not None:
            return operation, ids
    return None, ()
