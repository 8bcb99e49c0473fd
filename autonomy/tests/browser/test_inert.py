"""Whatever text comes from a model, a source, a provider or a person is shown as text: nothing in it comes to life."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from playwright.sync_api import Page
from rest_framework.authtoken.models import Token

from autonomy.models import Checkpoint, Episode, Job, Passage, ProviderCall, Run, Source
from autonomy.tests.browser import world as planting
from autonomy.tests.browser.addresses import PAGES
from autonomy.tests.factories import UserFactory
from turnitin.models import Cycle, Report, Submission

MARK = "probe-8c1d"
LIVE = "window.live=1"
ELEMENTS = f"""{MARK}"'><script>{LIVE}</script><img src=x onerror={LIVE}><svg onload={LIVE}>"""
ATTRIBUTES = f"""<p x-data x-init="{LIVE}" @focus={LIVE}>' + ({LIVE}) + '{{{{7*7}}}}{{% now 'Y' %}}${{{LIVE}}}"""
LINKS = f"""[a](javascript:{LIVE}) ![b](data:image/svg+xml,<svg/onload={LIVE}>) <javascript:{LIVE}> [c]: data:,x"""
SHORT = ELEMENTS + "{{7*7}}"
PROBE = f"{ELEMENTS} {ATTRIBUTES} {LINKS}"
ADDRESS = f"javascript:{LIVE}//{MARK}"
# Where nothing of it is to be seen: pages about other things.
PLAIN = {"runs none", "start", "start report", "providers", "user new", "group new", "password change", "app"}

CAME_TO_LIFE = """() => {
    const found = [];
    const tell = (one, name, value) => found.push(`<${one.tagName} ${name}="${value}">`);
    const scripts = /^\\s*(javascript|data):/i;
    if (window.live) found.push("a script ran");
    for (const one of document.querySelectorAll("*"))
        for (const { name, value } of one.attributes) {
            if (name.startsWith("on")) tell(one, name, value);
            if (/^(x-|@|:)/.test(name) && value.includes("window.live")) tell(one, name, value);
            if (/^(href|src|action|formaction)$/.test(name) && scripts.test(value)) tell(one, name, value);
        }
    for (const one of document.querySelectorAll("script:not([src]):not([type='application/json'])")) tell(one, "", "");
    if (/onload=window\\.live=1>49/.test(document.body.textContent)) found.push("a template was filled in");
    return found;
}"""


@pytest.fixture(scope="module")
def world(database: None) -> dict[str, Any]:
    keys = planting.planted(also=SHORT)
    task = {"topic": PROBE, "title": SHORT, "sections": [PROBE], "words": 300}
    Run.objects.update(reason=PROBE, task_spec=task)
    Episode.objects.update(message=PROBE, data={"text": PROBE, PROBE: [PROBE]})
    Job.objects.update(last_error=PROBE, worker=SHORT)
    ProviderCall.objects.update(error=PROBE, model=SHORT[:120], provider=ELEMENTS[:64])
    csl = {"title": PROBE, "author": [{"family": PROBE}], "URL": ADDRESS, "DOI": PROBE}
    Source.objects.update(title=PROBE[:500], filename=SHORT, headings=[PROBE], csl=csl)
    Source.objects.filter(status="pending").update(status="skipped", skipped_reason=PROBE)
    Passage.objects.update(text=PROBE)
    Submission.objects.update(trouble=PROBE)
    keys["report"] = Report.objects.create(
        cycle_id=keys["judged"], cycle_state="accepted", observed_similarity=0.2, human_uploader_id=SHORT[:200],
        report_url=f"https://example.org/{SHORT}", top_matches=[{"name": PROBE, "url": ADDRESS}],
    ).pk  # fmt: skip
    Checkpoint.objects.update(metadata={"step": 1, "source": PROBE})
    other = UserFactory(username=SHORT[:150], is_staff=True)
    Token.objects.create(user=other)
    keys["user"] = other.pk
    for row in (other, Run.objects.get(pk=keys["waiting"])):
        kind = ContentType.objects.get_for_model(row)
        LogEntry.objects.create(user=other, content_type=kind, object_id=row.pk, action_flag=CHANGE)
    User.objects.update(first_name=SHORT[:150], last_name=SHORT[:150], email=f"{MARK}@example.org")
    Group.objects.filter(pk=keys["group"]).update(name=SHORT[:150])
    LogEntry.objects.update(object_repr=SHORT[:200], change_message=PROBE)
    for cycle in Cycle.objects.all():
        with cycle.markdown.open("ab") as draft:
            draft.write(PROBE.encode())
    return keys


def test_nothing_that_is_shown_comes_to_life(page: Page, world: dict[str, Any]) -> None:
    hidden = set()
    for name, address in PAGES:
        answer = page.goto(address.format(**world))
        assert answer
        assert answer.status == 200, name
        # Alpine and the scripts of a page have had their turn.
        page.wait_for_function("document.readyState == 'complete' && !document.documentElement.hasAttribute('x-cloak')")
        assert page.evaluate(CAME_TO_LIFE) == [], name
        if MARK not in page.locator("main").inner_html():
            hidden.add(name)
        assert page.faults == [], name  # type: ignore[attr-defined]
    assert hidden ^ PLAIN == set(), "shown or not, other than expected"


def test_what_is_typed_and_refused_comes_back_inert(page: Page, world: dict[str, Any]) -> None:
    page.goto("/admin/autonomy/run/add/")
    page.get_by_label("Topic").fill(PROBE)
    page.get_by_label("Title", exact=True).first.fill(SHORT)
    page.get_by_role("button", name="Start").click()
    page.wait_for_load_state("load")
    assert page.evaluate(CAME_TO_LIFE) == []
    page.goto("/admin/autonomy/run/?" + "q=%22%27%3E%3Cimg%20src%3Dx%20onerror%3Dwindow.live%3D1%3E")
    assert page.evaluate(CAME_TO_LIFE) == []
