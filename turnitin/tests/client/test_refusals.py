"""However a call of Turnitin's Core API fails, it is said in our own words what that means, and the key in none."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autonomy.providers.attempt import AttemptFailed, Fault, TimedOut
from autonomy.tests.planted import Secrets
from turnitin.core_api.client import (
    CoreApi,
)
from turnitin.stage import Reply
from turnitin.tests.client.calls import (
    CALLS,
    KEY,
    TELLING,
    failed,
)

MEANT = {  # what is no failure
    ("GET /submissions/{id}", 404),
    ("GET /submissions/{id}/similarity", 404),
    ("DELETE /webhooks/{id}", 404),
    ("PUT /submissions/{id}/original", 409),
    ("PUT /submissions/{id}/similarity", 409),
    ("POST /webhooks", 409),
}


FAILURES = [
    (400, Fault.REFUSED, "takes the request for wrong"),
    (401, Fault.KEY, "the key was refused"),
    (402, Fault.QUOTA, "quota"),
    (403, Fault.KEY, "the key was refused"),
    (404, Fault.REFUSED, "knows of no such thing"),
    (409, Fault.REFUSED, "what Turnitin has already"),
    (413, Fault.REFUSED, "larger than Turnitin takes"),
    (422, Fault.REFUSED, "takes the request for wrong"),
    (429, Fault.TRANSIENT, "too many requests"),
    (451, Fault.REFUSED, "licence"),
    (500, Fault.TRANSIENT, "internal server error"),
    (503, Fault.TRANSIENT, "service unavailable"),
    (302, Fault.REFUSED, "moved"),
]


@pytest.mark.parametrize(
    ("call", "status", "fault", "said"),
    [(call, *failure) for call in CALLS for failure in FAILURES if (call, failure[0]) not in MEANT],
)
def test_a_status_means_the_same_with_every_call(stage, api, call, status, fault, said):
    echo = {"status": status, "message": f"Bearer {KEY} insufficient_quota", "code": "insufficient_quota"}
    stage.fail(call, Reply.json(status, echo, {"Location": "http://127.0.0.1:1/"}))
    error = failed(api, call)
    assert (error.fault, error.http_status) == (fault, status)
    assert said in error.reason
    assert KEY not in error.reason
    assert len(stage.requests) == 1


@pytest.mark.parametrize(("call", "status"), sorted(MEANT))
def test_a_status_that_says_it_is_so_already_is_no_failure(stage, api, call, status):
    stage.fail(call, status)
    CALLS[call](api)


@pytest.mark.parametrize("call", CALLS)
def test_what_turnitin_asks_to_be_waited_is_kept(stage, api, call):
    stage.fail(call, Reply.json(429, {"message": "slow"}, {"Retry-After": "17"}))
    error = failed(api, call)
    assert (error.retryable, error.retry_after) == (True, 17.0)


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_over_in_its_time(stage, api, call):
    stage.fail(call, "timeout")
    assert isinstance(failed(api, call, timeout=0.15), TimedOut)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", ["reset", "drop"])
def test_a_connection_that_breaks_may_be_tried_again(stage, api, call, fault):
    stage.fail(call, fault)
    assert failed(api, call).retryable


@pytest.mark.parametrize("call", TELLING)
def test_an_answer_that_is_cut_off_may_be_asked_for_again(call):
    with cut_off(b'{"id": "a1", "status": "COMPLETE", "overall') as url:
        assert failed(CoreApi(url, KEY, "Autonomy"), call).retryable


@pytest.mark.parametrize("call", CALLS)
def test_the_key_is_in_no_error_and_in_no_log(stage, caplog, call):
    secrets = Secrets()
    key = secrets["turnitin"]
    stage.key = key
    api = CoreApi(stage.base_url, key, "Autonomy")
    caplog.set_level(logging.DEBUG)
    told: list[str] = [repr(api), repr(vars(api))]
    echo = {"status": key, "message": secrets.told(), "error": {"message": key, "code": key}}
    for fault in (*(Reply.json(status, echo) for status in (200, 400, 403, 404, 409, 429, 451, 500)), "reset", "drop"):
        stage.fail(call, fault)
        try:
            told.append(repr(CALLS[call](api)))
        except AttemptFailed as error:
            told += [error.reason, repr(error), "".join(traceback.format_exception(error))]
    told += [record.getMessage() for record in caplog.records]
    assert stage.requests[-1].headers["authorization"] == f"Bearer {key}"
    assert secrets.among("\n".join(told)) == set()


@contextmanager
def cut_off(body: bytes) -> Iterator[str]:
    """A server that promises more than it sends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
    thread.join(5)
    listener.close()
