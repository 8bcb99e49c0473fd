"""Who asks the stage, and who is told its events."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from autonomy.tests.local_server import Asked, LocalServer
from turnitin.stage import TurnitinStage

KEY = "tca-sample-key"
SECRET = b"a secret of 20 bytes"
OWNER = "writer-7"
ASKED = {"generation_settings": {"search_repositories": ["INTERNET", "PUBLICATION"]}}
ALL_EVENTS = ["SUBMISSION_COMPLETE", "SIMILARITY_COMPLETE", "SIMILARITY_UPDATED", "PDF_STATUS"]


class Client:
    """Asks as Turnitin wants to be asked."""

    def __init__(self, stage: TurnitinStage, **headers: str) -> None:
        self._http = httpx.Client(
            base_url=stage.base_url,
            headers={
                "Authorization": f"Bearer {KEY}",
                "X-Turnitin-Integration-Name": "Autonomy",
                "X-Turnitin-Integration-Version": "1.0",
                **headers,
            },
            timeout=5,
        )
        self.get, self.put, self.delete, self.close = (
            self._http.get,
            self._http.put,
            self._http.delete,
            self._http.close,
        )

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self._http.post(path, json=body)

    def create(self, **changed: Any) -> httpx.Response:
        return self.post("/submissions", **{"owner": OWNER, "title": "Sea walls", **changed})

    def upload(self, submission: str, content: bytes = b"text", **headers: str) -> httpx.Response:
        usual = {"Content-Type": "binary/octet-stream", "Content-Disposition": 'inline; filename="draft.docx"'}
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.put(f"/submissions/{submission}/original", content=content, headers=usual | headers)

    def ask(self, submission: str, **settings: Any) -> httpx.Response:
        return self.put(f"/submissions/{submission}/similarity", json=ASKED | settings)

    def status(self, submission: str) -> str:
        return self.get(f"/submissions/{submission}").json()["status"]

    def report(self, submission: str) -> dict[str, Any]:
        return self.get(f"/submissions/{submission}/similarity").json()

    def uploaded(self, **changed: Any) -> str:
        submission = self.create(**changed).json()["id"]
        assert self.upload(submission).status_code == 202
        return submission

    def scanned(self, **changed: Any) -> str:
        submission = self.uploaded(**changed)
        assert self.ask(submission).status_code == 202
        return submission

    def listen(self, at: str, events: list[str] = ALL_EVENTS, **changed: Any) -> httpx.Response:
        secret = base64.b64encode(SECRET).decode()
        return self.post("/webhooks", **{"signing_secret": secret, "url": at, "event_types": events, **changed})


class Receiver:
    """Takes events, and answers with `statuses` in turn, then with 200."""

    def __init__(self) -> None:
        self.taken: list[Asked] = []
        self.statuses: list[int] = []
        self._server = LocalServer(self._answer)
        self.url = f"{self._server.url}/hook?tenant=1"
        self.close = self._server.close

    def _answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        self.taken.append(asked)
        return self.statuses.pop(0) if self.statuses else 200, {}, b"seen"

    @property
    def types(self) -> list[str]:
        return [one.headers["x-turnitin-eventtype"] for one in self.taken]


def eventually(holds: Callable[[], Any], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def names() -> list[str]:
    """Of the threads that run."""
    return [thread.name for thread in threading.enumerate()]


def refused(answer: httpx.Response, status: int, naming: str = "") -> bool:
    said = answer.json()
    assert answer.status_code == said["status"] == status
    assert sorted(said) == ["message", "status"]
    assert naming in said["message"]
    return True
