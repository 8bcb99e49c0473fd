"""The documentation names what there is: every setting, kind, error and address, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls.resolvers import RoutePattern
from rest_framework.exceptions import APIException

from autonomy.api.urls import urlpatterns as of_runs
from autonomy.episodes.kinds import Kind
from autonomy.errors import AutonomyError
from config.env import Environment, Limits
from config.environ import OUR_PREFIXES
from turnitin.api.urls import urlpatterns as of_turnitin

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def rows(page: str, heading: str = "") -> list[list[str]]:
    """The cells of every table row on a page of docs/, or of the first table below a heading or a sentence."""
    text = (DOCS / page).read_text()
    if heading:
        assert heading in text, f"{page} has no “{heading}”"
        text = text.split(heading, 1)[1]
        text = text[text.index("\n|") + 1 :].split("\n\n", 1)[0]
    found = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert found
    return found


def code(cell: str) -> str:
    return cell.strip().removeprefix("`").removesuffix("`")


def is_told(default: Any, told: str) -> bool:
    """Whether a default stands in the table as a person would set it in the environment."""
    if default is None or default == []:
        return told == "empty"
    if isinstance(default, bool):
        return told == f"`{str(default).lower()}`"
    if isinstance(default, list):
        return told == f"`{','.join(default)}`"
    if isinstance(default, Limits):
        return json.loads(code(told)) == default.model_dump(exclude={"journeys"})
    if isinstance(default, float):
        return float(code(told)) == default
    return told == f"`{default}`"


def test_every_setting_is_told_and_no_other():
    told = [code(row[0]) for row in rows("settings.md")]
    assert told == [name.upper() for name in Environment.model_fields], "the same names, in the order of config/env.py"


@pytest.mark.parametrize("name", Environment.model_fields)
def test_the_default_of_a_setting_is_told(name):
    told = {code(row[0]): row[1].strip() for row in rows("settings.md")}
    assert is_told(Environment.model_fields[name].default, told[name.upper()])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_no_setting_that_does_not_exist(page):
    named = set(re.findall(r"`([A-Z][A-Z0-9_]+)(?:=[^`]*)?`", page.read_text()))
    ours = {name for name in named if name.startswith(OUR_PREFIXES) and name not in OUR_PREFIXES}
    known = {name.upper() for name in Environment.model_fields}
    assert [name for name in sorted(ours - known) if not hasattr(settings, name) and name[:-5] not in known] == []


def test_every_kind_of_episode_is_told_and_no_other():
    assert sorted(code(row[0]) for row in rows("api.md", "### Episodes")) == sorted(Kind)


def all_errors(of: type[AutonomyError] = AutonomyError) -> Iterator[type[AutonomyError]]:
    yield of
    for one in of.__subclasses__():
        yield from all_errors(one)


def test_every_error_is_told_with_its_status_and_no_other():
    told = {code(row[0]): int(row[1]) for row in rows("api.md", "Autonomy's own codes")}
    ours = {one.code: one.http_status for one in all_errors() if one.__module__ == AutonomyError.__module__}
    assert told == ours


def test_the_web_framework_s_codes_are_its_own():
    told = {(code(row[0]), int(row[1])) for row in rows("api.md", "Codes of the web framework")}
    assert told <= {(one.default_code, one.status_code) for one in APIException.__subclasses__()}


@pytest.mark.parametrize(
    "route",
    [
        f"{prefix}{one.pattern}"
        for prefix, patterns in (("/api/v2/", of_runs), ("/api/v2/turnitin/", of_turnitin))
        for one in patterns
        if isinstance(one.pattern, RoutePattern)
    ],
)
def test_every_address_of_the_api_is_told(route):
    address = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
    assert re.search(rf"(GET|POST) {re.escape(address)}`", (DOCS / "api.md").read_text())


def anchors(page: Path) -> set[str]:
    """The anchors GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []
