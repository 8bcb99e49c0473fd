from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environ import read
from config.service_urls import celery_broker, django_database, redis_options

ROOT = Path(__file__).resolve().parents[2]


def test_without_any_variable_the_defaults_hold():
    env = read({})
    assert env.enable_autonomy_v2
    assert (env.v2_budget_defaults.tokens, env.v2_budget_defaults.seconds, env.v2_budget_defaults.usd) == (
        200000,
        900,
        5,
    )


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"AUTONOMY_LEASE_SECOND": "5"},
            "AUTONOMY_LEASE_SECOND: no such setting; did you mean AUTONOMY_LEASE_SECONDS?",
        ),
        ({"AUTONOMY_LEASE_SECONDS": "soon"}, "AUTONOMY_LEASE_SECONDS: "),
        ({"AUTONOMY_LEASE_SECONDS": "4"}, "AUTONOMY_HEARTBEAT_SECONDS: it must be at most half"),
        ({"ENABLE_AUTONOMY_V2": "perhaps"}, "ENABLE_AUTONOMY_V2: "),
        ({"DATABASE_URL": "mysql://x", "DJANGO_SECRET_KEY": "k"}, "it must start with postgres://"),
        ({"DATABASE_URL": "postgres://x/y"}, "DJANGO_SECRET_KEY: it is needed when DATABASE_URL is set"),
        ({"REDIS_URL": "http://x"}, "it must start with redis://"),
        ({"V2_BUDGET_DEFAULTS": '{"tokens": 0}'}, "V2_BUDGET_DEFAULTS: tokens: "),
        ({"V2_BUDGET_DEFAULTS": "{"}, "V2_BUDGET_DEFAULTS: "),
        ({"V2_BUDGET_DEFAULTS": '{"euros": 3}'}, "V2_BUDGET_DEFAULTS: euros: "),
        ({"V2_BUDGET_DEFAULTS": '{"journeys": {"essay": {"usd": -1}}}'}, "V2_BUDGET_DEFAULTS: journeys.essay.usd: "),
        ({"TURNITIN_TARGET_SIMILARITY": "15"}, "TURNITIN_TARGET_SIMILARITY: "),
        ({"AUTONOMY_SEARCH": "crosref"}, "there is no service of the name “crosref”; did you mean crossref?"),
        ({"AUTONOMY_SEARCH": "crossref,none"}, "there is no service of the name “none”"),
        ({"AUTONOMY_SEARCH": "arxiv,arxiv"}, "AUTONOMY_SEARCH: a service is named twice."),
        ({"AUTONOMY_SEARCH": "crossref,tavily"}, "TAVILY_API_KEY: it is needed because AUTONOMY_SEARCH names tavily."),
        ({"AUTONOMY_SEARCH": "openalex"}, "OPENALEX_API_KEY: it is needed"),
        ({"AUTONOMY_SEARCH": "searxng"}, "SEARXNG_URL: it is needed"),
        ({"AUTONOMY_SEARCH_URLS": "{"}, "AUTONOMY_SEARCH_URLS: "),
        ({"AUTONOMY_SEARCH_URLS": '{"crosref": "https://x.org"}'}, "did you mean crossref?"),
        ({"AUTONOMY_SEARCH_URLS": '{"crossref": "ftp://x.org"}'}, "AUTONOMY_SEARCH_URLS.CROSSREF: "),
        ({"AUTONOMY_SEARCH_CONTACT": "somebody"}, "AUTONOMY_SEARCH_CONTACT: it must be a mail address."),
        ({"SEARXNG_URL": "https://me:pw@x.org"}, "SEARXNG_URL: "),
        ({"TAVILY_KEY": "k"}, "TAVILY_KEY: no such setting; did you mean TAVILY_API_KEY?"),
        ({"OPENAI_API_KEY_FILE": "/no/such/file"}, "OPENAI_API_KEY_FILE: cannot read it"),
    ],
)
def test_a_mistake_in_the_environment_is_told_in_a_sentence(environ, sentence):
    with pytest.raises(ImproperlyConfigured) as refused:
        read(environ)
    assert sentence in str(refused.value)


def test_every_mistake_is_told_at_once_and_no_value_is_repeated():
    with pytest.raises(ImproperlyConfigured) as refused:
        read({"DATABASE_URL": "mysql://user:hunter2@x", "AUTONOMY_LOG_LEVEL": "loud"})
    assert "DATABASE_URL" in str(refused.value)
    assert "AUTONOMY_LOG_LEVEL" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text("sk-from-a-file\n")
    env = read({"OPENAI_API_KEY_FILE": str(tmp_path / "key")})
    assert env.openai_api_key.get_secret_value() == "sk-from-a-file"
    assert "sk-from-a-file" not in repr(env)


def test_a_wrong_setting_stops_the_start_with_its_sentence_and_no_traceback():
    environ = os.environ | {"AUTONOMY_LOG_LEVEL": "loud"}
    done = subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode != 0
    assert "AUTONOMY_LOG_LEVEL" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_url_serves_every_library():
    database = django_database("postgresql://me:p%40ss@db.example.org:5433/books?sslmode=require")
    assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"]) == (
        "me",
        "p@ss",
        "db.example.org",
        "5433",
    )
    assert (database["NAME"], database["OPTIONS"]["sslmode"]) == ("books", "require")
    assert celery_broker("redis://r:6379/2") == "redis://r:6379/2"
    assert celery_broker("unix:///tmp/r.sock?db=3") == "redis+socket:///tmp/r.sock?virtual_host=3"
    assert redis_options("unix:///tmp/r.sock?db=3") == {"unix_socket_path": "/tmp/r.sock", "db": 3}
    assert redis_options("rediss://r:6379/0")["ssl"]


def test_a_search_may_have_no_service_some_or_those_that_need_no_key():
    assert read({}).autonomy_search == ["crossref", "semantic_scholar", "arxiv"]
    assert read({"AUTONOMY_SEARCH": "none"}).autonomy_search == []
    env = read({"AUTONOMY_SEARCH": "arxiv, searxng", "SEARXNG_URL": "http://search.example.org/"})
    assert (env.autonomy_search, env.searxng_url) == (["arxiv", "searxng"], "http://search.example.org")
