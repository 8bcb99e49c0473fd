"""Django's settings. What a person may change is in config/env.py; here is how it is used."""

from __future__ import annotations

import os
import socket
import warnings
from pathlib import Path
from typing import Any

from redis.backoff import NoBackoff
from redis.retry import Retry

from autonomy.telemetry import redaction
from config import csp, embedded, logs
from config.console import UNFOLD as UNFOLD
from config.environ import read
from config.service_urls import celery_broker, django_database, redis_options

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = read()
DATA_DIR = ENV.data_dir if ENV.data_dir.is_absolute() else BASE_DIR / ENV.data_dir
EMBEDDED = embedded.Plan.of(data_dir=DATA_DIR, postgres=ENV.database_url is None, redis=ENV.redis_url is None)

# --- the site ---
ENABLE_AUTONOMY_V2 = ENV.enable_autonomy_v2
DEBUG = ENV.django_debug
ALLOWED_HOSTS = ENV.django_allowed_hosts
CSRF_TRUSTED_ORIGINS = ENV.django_csrf_trusted_origins
SECRET_KEY = ENV.django_secret_key.get_secret_value() if ENV.django_secret_key else embedded.secret_key(DATA_DIR)
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = None
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "rest_framework.authtoken",
    "django_eventstream",
    "csp",
    "pgtrigger",
    "autonomy",
    "turnitin",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.csp.ContentSecurityPolicy",  # before WhiteNoise, so that it is on its files too
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "autonomy.api.feature_flag.enable_autonomy_v2",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
# Until collectstatic has run, static files come from the apps' own folders; that is no fault.
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
MEDIA_ROOT = DATA_DIR / "documents"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"allow_overwrite": True}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# Some more than a run takes, so that one file too many is told in our words and not by Django's bare 400.
DATA_UPLOAD_MAX_NUMBER_FILES = ENV.autonomy_upload_max_files + 20
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 2**20  # a request without its files
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- security ---
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = ENV.django_https
SECURE_HSTS_SECONDS = 31_536_000 if ENV.django_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENV.django_https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.django_https else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = csp.PAGES
DEFAULT_EXCEPTION_REPORTER = "config.error_page.ErrorPage"

# --- Postgres: it decides ---
DATABASES = {
    "default": django_database(ENV.database_url.get_secret_value() if ENV.database_url else EMBEDDED.database_url)
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis and Celery: they hint ---
REDIS_URL = ENV.redis_url.get_secret_value() if ENV.redis_url else EMBEDDED.redis_url
# A Redis that accepts and never answers must not hold a request or a worker.
REDIS_PATIENCE: dict[str, Any] = {"socket_connect_timeout": 2, "socket_timeout": 2}
# One try, for what can do without: a hint is sent again, a stream reads the log, a breaker decides by itself.
REDIS_OPTIONS = redis_options(REDIS_URL) | REDIS_PATIENCE | {"retry": Retry(NoBackoff(), 0)}
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 5, "socket_timeout": 10}
CELERY_BROKER_URL = celery_broker(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "autonomy"
CELERY_WORKER_CONCURRENCY = ENV.autonomy_worker_concurrency
# A message is taken when a process is free for it: one that is held back can only be lost, or restored too late.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # nothing to keep: the schedule below is all there is
TURNITIN_LOOK_SECONDS = 2.0  # what is due is in the database, and no look is lost with a message
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "recover": {
        "task": "autonomy.tasks.recover",
        "schedule": ENV.autonomy_recovery_seconds,
        # Those that pile up while no worker is there say nothing that the newest does not say.
        "options": {"expires": ENV.autonomy_recovery_seconds},
    },
    "prune": {
        "task": "autonomy.tasks.prune",
        "schedule": ENV.autonomy_retention_seconds,
        "options": {"expires": ENV.autonomy_retention_seconds},
    },
}
if ENV.turnitin_mode == "core_api":
    CELERY_BEAT_SCHEDULE["turnitin"] = {
        "task": "turnitin.tasks.advance",
        "schedule": TURNITIN_LOOK_SECONDS,
        # Longer than the others: nobody else looks, and hints may stand before it in the queue.
        "options": {"expires": 30 * TURNITIN_LOOK_SECONDS},
    }

# --- the event stream ---
EVENTSTREAM_REDIS = REDIS_OPTIONS
EVENTSTREAM_STORAGE_CLASS = "autonomy.episodes.storage.EpisodeStorage"
EVENTSTREAM_CHANNELMANAGER_CLASS = "autonomy.episodes.channels.RunChannels"

# --- the API ---
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["autonomy.api.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "autonomy.api.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

# --- Autonomy ---
AUTONOMY_HANDOFF = "turnitin.handoff.TurnitinHandOff"
AUTONOMY_JOURNEYS = ["autonomy.journeys.builtin"]

# --- telemetry ---
# Each process counts in files of its own, and what is scraped is their sum: over processes, and over the machines that
# share DATA_DIR. prometheus_client looks for this name when it is imported.
METRICS_DIR = DATA_DIR / "metrics" / socket.gethostname()
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)
redaction.configure(ENV.secrets() | {SECRET_KEY})

LOGGING_CONFIG = None
logs.configure(ENV.autonomy_log_format, ENV.autonomy_log_level)
