"""What the settings of Turnitin have to fulfil is told in a sentence, at the start, and repeats no value."""

from __future__ import annotations

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environ import read

KEY = "tca-Planted0123456789abcdef"
SECRET = base64.b64encode(b"sample secret of 32 bytes, yes!!").decode()
BASE = "https://sample.turnitin.example.org/api/v1"
HOOK = "https://autonomy.example.org/api/v2/turnitin/webhook"
GOOD = {"TURNITIN_MODE": "core_api", "TURNITIN_BASE_URL": BASE, "TURNITIN_API_KEY": KEY}
HOOKED = GOOD | {"TURNITIN_WEBHOOK_URL": HOOK, "TURNITIN_WEBHOOK_SECRET": SECRET}


def told(environ: dict[str, str]) -> str:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(environ)
    return str(refused.value)


def test_people_hand_documents_in_unless_something_else_is_said():
    env = read({})
    assert env.turnitin_mode == "manual"
    assert (env.turnitin_base_url, env.turnitin_api_key, env.turnitin_webhook_url) == (None, None, None)
    assert env.turnitin_repositories == [
        "INTERNET", "PUBLICATION", "SUBMITTED_WORK", "CROSSREF", "CROSSREF_POSTED_CONTENT",
    ]  # fmt: skip
    assert env.turnitin_exclude == ["bibliography"]


def test_the_core_api_needs_an_address_and_a_key():
    env = read(HOOKED | {"TURNITIN_REPOSITORIES": "INTERNET, CROSSREF", "TURNITIN_EXCLUDE": "quotes,citations"})
    assert (env.turnitin_mode, env.turnitin_base_url, env.turnitin_webhook_url) == ("core_api", BASE, HOOK)
    assert (env.turnitin_repositories, env.turnitin_exclude) == (["INTERNET", "CROSSREF"], ["quotes", "citations"])
    assert read(GOOD | {"TURNITIN_EXCLUDE": "none"}).turnitin_exclude == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"TURNITIN_MODE": "automatic"}, "TURNITIN_MODE: "),
        ({"TURNITIN_BASE_URL": ""}, "TURNITIN_BASE_URL: it is needed because TURNITIN_MODE is core_api."),
        ({"TURNITIN_API_KEY": ""}, "TURNITIN_API_KEY: it is needed because TURNITIN_MODE is core_api."),
        ({"TURNITIN_BASE_URL": BASE.replace("https", "http")}, "TURNITIN_BASE_URL: it must start with https://."),
        ({"TURNITIN_BASE_URL": "ftp://sample.example.org"}, "TURNITIN_BASE_URL: "),
        ({"TURNITIN_WEBHOOK_URL": HOOK.replace("https", "http")}, "TURNITIN_WEBHOOK_URL: it must start with https://."),
        (
            {"TURNITIN_WEBHOOK_URL": "https://autonomy.example.org/webhook"},
            "TURNITIN_WEBHOOK_URL: its path must be /api/v2/turnitin/webhook, where webhooks are taken.",
        ),
        (
            {"TURNITIN_WEBHOOK_SECRET": ""},
            "TURNITIN_WEBHOOK_SECRET: it is needed because TURNITIN_WEBHOOK_URL is set.",
        ),
        ({"TURNITIN_WEBHOOK_URL": ""}, "TURNITIN_WEBHOOK_URL: it is needed because TURNITIN_WEBHOOK_SECRET is set."),
        (
            {"TURNITIN_WEBHOOK_SECRET": "planted0123 no base64"},
            "TURNITIN_WEBHOOK_SECRET: it must be base64 of 16 bytes or more, better 32.",
        ),
        ({"TURNITIN_WEBHOOK_SECRET": "cGxhbnRlZDAxMjM="}, "TURNITIN_WEBHOOK_SECRET: it must be base64 of 16 bytes"),
        ({"TURNITIN_API_KEY": f"{KEY} {KEY}"}, "TURNITIN_API_KEY: it must be of ASCII letters"),
        ({"TURNITIN_API_KEY": f"{KEY}é"}, "TURNITIN_API_KEY: it must be of ASCII letters"),
        (
            {"TURNITIN_REPOSITORIES": "internet"},
            "TURNITIN_REPOSITORIES: there is no “internet”; did you mean INTERNET?",
        ),
        (
            {"TURNITIN_REPOSITORIES": "INTERNET,EVERYTHING"},
            "TURNITIN_REPOSITORIES: there is no “EVERYTHING”; there are INTERNET, PUBLICATION,",
        ),
        ({"TURNITIN_REPOSITORIES": "INTERNET,INTERNET"}, "TURNITIN_REPOSITORIES: something is named twice."),
        ({"TURNITIN_REPOSITORIES": ","}, "TURNITIN_REPOSITORIES: name one at least."),
        ({"TURNITIN_EXCLUDE": "quote"}, "TURNITIN_EXCLUDE: there is no “quote”; did you mean quotes?"),
        ({"TURNITIN_EXCLUDE": "quotes,none"}, "TURNITIN_EXCLUDE: there is no “none”"),
        ({"TURNITIN_POLL_SECONDS": "0"}, "TURNITIN_POLL_SECONDS: "),
        ({"TURNITIN_OVERDUE_SECONDS": "soon"}, "TURNITIN_OVERDUE_SECONDS: "),
        ({"TURNITIN_INTEGRATION_NAME": "Autonomy\r\nX-Planted0123: 1"}, "TURNITIN_INTEGRATION_NAME: "),
        ({"TURNITIN_KEY": KEY}, "TURNITIN_KEY: no such setting; did you mean TURNITIN_API_KEY?"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_that_repeats_no_value(changed, sentence):
    said = told(HOOKED | changed)
    assert sentence in said
    assert "planted0123" not in said.lower()
    assert not any(value in said for value in (SECRET, BASE, HOOK, "autonomy.example.org"))


def test_all_mistakes_are_told_at_once():
    said = told({"TURNITIN_MODE": "core_api", "TURNITIN_WEBHOOK_URL": HOOK, "TURNITIN_EXCLUDE": "all"})
    for name in ("TURNITIN_BASE_URL", "TURNITIN_API_KEY", "TURNITIN_WEBHOOK_SECRET", "TURNITIN_EXCLUDE"):
        assert f"{name}: " in said


def test_a_stage_on_this_machine_needs_no_encryption():
    for host in ("127.0.0.1:9000", "localhost:9000", "[::1]:9000"):
        changed = {
            "TURNITIN_BASE_URL": f"http://{host}/api/v1",
            "TURNITIN_WEBHOOK_URL": f"http://{host}/api/v2/turnitin/webhook",
        }
        assert read(HOOKED | changed).turnitin_base_url == f"http://{host}/api/v1"
    assert "https://" in told(GOOD | {"TURNITIN_BASE_URL": "http://127.0.0.1.example.org/api/v1"})


def test_key_and_secret_may_come_from_files_and_are_known_as_secrets(tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    environ = {
        name: value for name, value in HOOKED.items() if name not in ("TURNITIN_API_KEY", "TURNITIN_WEBHOOK_SECRET")
    }
    env = read(
        environ
        | {"TURNITIN_API_KEY_FILE": str(tmp_path / "key"), "TURNITIN_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}
    )
    assert env.turnitin_api_key.get_secret_value() == KEY
    assert env.turnitin_webhook_secret.get_secret_value() == SECRET
    assert KEY not in repr(env)
    assert SECRET not in repr(env)
    assert {KEY, SECRET} <= env.secrets()


def test_a_key_file_that_is_not_there_is_told():
    environ = {name: value for name, value in GOOD.items() if name != "TURNITIN_API_KEY"}
    assert "TURNITIN_API_KEY_FILE: cannot read it" in told(environ | {"TURNITIN_API_KEY_FILE": "/no/such/file"})
