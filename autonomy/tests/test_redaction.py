"""What is told holds no secret: not in an event, not in a key, not in a traceback, in whatever form it stands there."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Callable, Iterator
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID

import pytest
import structlog
from pydantic import SecretStr

from autonomy.telemetry import redaction
from autonomy.telemetry.redaction import REDACTED, redact, redacted, says_secret
from config import logs
from config.env import Environment
from config.environ import read
from config.redaction import Stream, redact_event

SECRET = 'sk/plänt"ed+1\\2 & <3>'
OTHER = "another-planted-key"


@pytest.fixture(autouse=True)
def _planted(settings) -> Iterator[None]:
    redaction.configure([SECRET, OTHER, "short", ""])
    yield
    redaction.configure(settings.ENV.secrets() | {settings.SECRET_KEY})


@pytest.fixture(params=["json", "console"])
def written(request, settings, monkeypatch) -> Iterator[Callable[[], str]]:
    """What the log holds so far, in both forms; afterwards it is as it was."""
    level = logging.getLevelName(logging.root.level)
    logs.configure(request.param, "INFO")
    told = io.StringIO()
    [handler] = [one for one in logging.root.handlers if isinstance(one, Stream)]
    monkeypatch.setattr(handler, "stream", told)
    yield told.getvalue
    logs.configure(settings.ENV.autonomy_log_format, level)


def assert_told_without_secret(told: str) -> None:
    assert REDACTED in told
    for piece in ("plänt", "pl\\u00e4nt", "pl\\xe4nt", "pl%C3%A4nt", "another-planted"):
        assert piece not in told


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        "sk/plänt&quot;ed+1\\2 &amp; &lt;3&gt;",
    ],
)
def test_a_secret_goes_in_every_form_it_may_take(form):
    assert "nt" not in redact(f"before {form} after").replace("redacted", "")


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_goes_in_base64_wherever_it_begins(before, encode):
    encoded = encode(f"{before}{OTHER}".encode()).decode()
    left = redact(f"Basic {encoded}").removeprefix("Basic ").replace(REDACTED, "")
    assert len(left) <= 6 + len(before)


def test_what_is_too_short_to_be_told_from_words_stays():
    assert redact("a short note") == "a short note"


@pytest.mark.parametrize(
    "name",
    ["authorization", "Authorization", "api_key", "x-api-key", "X-Goog-Api-Key", "apiKey", "token", "lease_token",
     "password", "clientSecret", "cookie", "Set-Cookie", "signature", "HTTP_AUTHORIZATION", "DJANGO_SECRET_KEY"],
)  # fmt: skip
def test_a_name_says_secret(name):
    assert says_secret(name)
    assert redacted({"headers": [{name: "anything"}]}) == {"headers": [{name: REDACTED}]}


@pytest.mark.parametrize(
    "name",
    ["tokens", "tokens_in", "tokens_out", "limit_tokens", "max_tokens", "token_count", "key_env", "key"],
)
def test_a_name_that_only_sounds_like_it_does_not(name):
    assert redacted({name: 480}) == {name: 480}


def test_structures_are_searched_at_any_depth_and_in_their_keys():
    told = redacted({"a": [{"b": (f"x{OTHER}y", {OTHER: 1})}], ("no", OTHER): {OTHER}})
    assert OTHER not in json.dumps(told)
    assert told["a"][0]["b"] == [f"x{REDACTED}y", {REDACTED: 1}]


def test_what_is_neither_text_nor_container_is_told_as_python_would():
    run_id = UUID(int=7)
    assert redacted([run_id, Decimal("0.5"), 1.5, None, True]) == [repr(run_id), "Decimal('0.5')", 1.5, None, True]
    assert OTHER not in redacted(ValueError(f"refused: {OTHER}"))


def test_nothing_makes_it_raise():
    class Sullen:
        def __repr__(self) -> str:
            raise RuntimeError(SECRET)

    ring: dict[str, object] = {"sullen": Sullen(), 3: b"\xff" + OTHER.encode()}
    ring["self"] = ring
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    told = redacted([ring, deep])
    assert told[0]["sullen"] == "<Sullen>"
    assert OTHER not in json.dumps(told)
    redaction.configure(["lone-\udcff-surrogate"])
    assert redact("a lone-\udcff-surrogate") == f"a {REDACTED}"


def test_a_line_of_ours_and_one_of_a_library_hold_no_secret(written):
    structlog.get_logger("ours").info(f"asked with {SECRET}", **{OTHER: 1}, url=f"https://x/?key={quote(SECRET)}")
    logging.getLogger("celery.worker").warning("Task %s got %r", OTHER, {"args": [SECRET], "password": "hunter2"})
    assert len(written().splitlines()) == 2
    assert_told_without_secret(written())


def test_a_traceback_holds_no_secret(written):
    try:
        raise ValueError(f"401 for {SECRET}") from RuntimeError(OTHER)
    except ValueError:
        structlog.get_logger("ours").exception("step_failed")
        logging.getLogger("django.request").error("Internal Server Error: /%s", OTHER, exc_info=True)
    assert written().count("Traceback") >= 2
    assert_told_without_secret(written())


def test_a_line_that_cannot_be_written_repeats_nothing_of_itself(written, capfd):
    careless = logging.makeLogRecord({"name": "careless", "msg": "%d tokens", "args": (OTHER,), "levelname": "INFO"})
    [handler] = [one for one in logging.root.handlers if isinstance(one, Stream)]
    handler.handle(careless)
    assert "could not be written" in written()
    assert "planted" not in written() + "".join(capfd.readouterr())


def test_numbers_stay_numbers_where_a_password_is_one(monkeypatch):
    redaction.configure(["123456"])
    told = logs_line(event="x", duration_ms=123456, note="no. 123456")
    assert told == {"event": "x", "duration_ms": 123456, "note": f"no. {REDACTED}"}


def logs_line(**event: object) -> dict[str, object]:
    line: dict[str, object] = json.loads(structlog.processors.JSONRenderer()(None, "", redact_event(None, "", event)))
    return line


def test_the_secrets_of_the_environment_are_all_found():
    found = read(
        {
            "DATABASE_URL": "postgresql://me:p%40ssw0rd@db/books?sslmode=require&sslpassword=in-query",
            "REDIS_URL": "rediss://:redis-pass@r:6379/0",
            "DJANGO_SECRET_KEY": "k" * 50,
            "OPENAI_API_KEY": "sk-1234567",
            "AUTONOMY_METRICS_TOKEN": "scrape-me",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20otlp-secret,x-team=writers",
        }
    ).secrets()
    assert {"p%40ssw0rd", "p@ssw0rd", "redis-pass", "k" * 50, "sk-1234567", "scrape-me"} <= found
    assert {"in-query", "otlp-secret", "Bearer otlp-secret"} <= found
    assert not any("require" in one or "example.org" in one for one in found)


def test_secrets_are_found_in_lists_of_models_too():
    class Model(Environment):
        models: list[object] = []

    nested = Model(
        models=[{"name": "one", "api_key": SecretStr("sk-in-a-list")}, Environment(openai_api_key="sk-deep")]
    )
    assert {"sk-in-a-list", "sk-deep"} <= nested.secrets()
