"""The console's name, colours and sidebar: django-unfold's settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def _starting(request: HttpRequest) -> bool:
    return request.path == reverse("admin:autonomy_run_add")


_PROVIDERS = "admin:autonomy_providercall_providers"


def _at_providers(request: HttpRequest) -> bool:
    return request.path == reverse(_PROVIDERS)


def _list(title: str, icon: str, model: str) -> dict[str, Any]:
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "active": lambda request: (
            request.path.startswith(reverse(f"admin:{app}_{name}_changelist"))
            and not (_starting(request) or _at_providers(request))
        ),
        "permission": lambda request: (
            request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(f"{app}.change_{name}")
        ),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Autonomy",
    "SITE_HEADER": "Autonomy",
    "SITE_SUBHEADER": "Operator console",
    "SITE_SYMBOL": "history_edu",
    "SITE_URL": None,
    "ENVIRONMENT": None,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "autonomy.console.home.home",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/favicon.svg")},
    ],
    "STYLES": [
        lambda request: static("console/base.css"),
        lambda request: static("console/console.css"),
        lambda request: static("console/status.css"),
        lambda request: static("console/hand_offs.css"),
    ],
    "SCRIPTS": [lambda request: static("console/base.js")],
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .014 230)",
            "100": "oklch(94.3% .03 231)",
            "200": "oklch(89.1% .055 231)",
            "300": "oklch(81.2% .09 231)",
            "400": "oklch(70.8% .115 233)",
            "500": "oklch(63.5% .118 236)",
            "600": "oklch(51.2% .109 239)",
            "700": "oklch(44.4% .095 240)",
            "800": "oklch(38.5% .078 240)",
            "900": "oklch(33.6% .064 241)",
            "950": "oklch(24.6% .05 242)",
        }
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {
                        "title": "Home",
                        "icon": "home",
                        "active": lambda request: request.path == reverse("admin:index"),
                        "link": reverse_lazy("admin:index"),
                    }
                ]
            },
            {
                "title": "Runs",
                "items": [
                    _list("Runs", "play_circle", "autonomy.run"),
                    {
                        "title": "Start a run",
                        "icon": "add_circle",
                        "active": _starting,
                        "link": reverse_lazy("admin:autonomy_run_add"),
                        "permission": _may("autonomy.add_run"),
                    },
                ],
            },
            {
                "title": "Turnitin",
                "items": [
                    _list("Cycles", "sync_alt", "turnitin.cycle"),
                    _list("Reports", "fact_check", "turnitin.report"),
                    _list("Submissions", "cloud_upload", "turnitin.submission"),
                ],
            },
            {
                "title": "Engine",
                "items": [
                    _list("Jobs", "list_alt", "autonomy.job"),
                    _list("Episodes", "history", "autonomy.episode"),
                    _list("Checkpoints", "bookmark", "autonomy.checkpoint"),
                ],
            },
            {"title": "Sources", "items": [_list("Sources", "library_books", "autonomy.source")]},
            {
                "title": "Providers",
                "items": [
                    {
                        "title": "Providers",
                        "icon": "hub",
                        "active": _at_providers,
                        "link": reverse_lazy(_PROVIDERS),
                        "permission": _may("autonomy.view_providercall"),
                    },
                    _list("Provider calls", "swap_vert", "autonomy.providercall"),
                ],
            },
            {
                "title": "People",
                "items": [
                    _list("Users", "person", "auth.user"),
                    _list("Groups", "group", "auth.group"),
                    _list("API tokens", "key", "authtoken.tokenproxy"),
                ],
            },
        ],
    },
}
