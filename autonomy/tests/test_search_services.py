"""What each search service is asked, and how its answers are read: every part may be missing or of another type."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest

from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.tests.search_stage import SearchStage, atom, atom_entry, crossref, crossref_work
from autonomy.tools.web_search import reading, web_page
from autonomy.tools.web_search.arxiv import Arxiv
from autonomy.tools.web_search.brave import Brave
from autonomy.tools.web_search.crossref import Crossref
from autonomy.tools.web_search.openalex import OpenAlex
from autonomy.tools.web_search.searxng import Searxng
from autonomy.tools.web_search.semantic_scholar import SemanticScholar
from autonomy.tools.web_search.serper import Serper
from autonomy.tools.web_search.tavily import Tavily

KEY = "key-1234567890"
EMPTY = {
    "crossref": crossref(),
    "openalex": {"results": []},
    "semantic_scholar": {"total": 0, "offset": 0},
    "arxiv": atom(),
    "tavily": {"results": []},
    "brave": {"type": "search", "query": {"original": "q"}},
    "serper": {"organic": []},
    "searxng": {"results": []},
}


@pytest.fixture
def stage() -> Iterator[SearchStage]:
    stage = SearchStage()
    yield stage
    stage.close()


def service(name, stage):
    url = stage.url(name)
    return {
        "crossref": lambda: Crossref(url=url, contact="me@example.org"),
        "openalex": lambda: OpenAlex(key=KEY, url=url, contact="me@example.org"),
        "semantic_scholar": lambda: SemanticScholar(key=KEY, url=url),
        "arxiv": lambda: Arxiv(url=url),
        "tavily": lambda: Tavily(key=KEY, url=url),
        "brave": lambda: Brave(key=KEY, url=url),
        "serper": lambda: Serper(key=KEY, url=url),
        "searxng": lambda: Searxng(url=url),
    }[name]()


def find(name, stage, query="sea walls", limit=5):
    return service(name, stage).find(query, limit, timeout=10)


def failing(name, stage, body="", status=200, **headers):
    stage.says(name, body, status, **headers)
    with pytest.raises(AttemptFailed) as failed:
        find(name, stage)
    return failed.value


ONE = {
    "crossref": crossref(crossref_work("10.1000/AbC", "Sea <i>walls</i> &amp; sand", "Walls move sand.")),
    "openalex": {
        "results": [
            {
                "id": "https://openalex.org/W1",
                "doi": "https://doi.org/10.1000/AbC",
                "display_name": "Sea walls & sand",
                "publication_year": 2023,
                "type": "article",
                "authorships": [{"author": {"display_name": "Ada Marsh"}}],
                "primary_location": {
                    "landing_page_url": "https://doi.org/10.1000/AbC",
                    "source": {"display_name": "J"},
                },
                "abstract_inverted_index": {"sand.": [2], "Walls": [0], "move": [1]},
            }
        ]
    },
    "semantic_scholar": {
        "total": 1,
        "data": [
            {
                "title": "Sea walls & sand",
                "abstract": "Walls move sand.",
                "externalIds": {"DOI": "10.1000/ABC"},
                "year": 2023,
                "venue": "J",
                "authors": [{"name": "Ada Marsh"}],
                "url": "https://www.semanticscholar.org/paper/1",
                "publicationTypes": ["JournalArticle"],
            }
        ],
    },
    "arxiv": atom(
        atom_entry(
            "2301.00001", "Sea walls &amp;\n  sand", " Walls move\n sand. ", "<arxiv:doi>10.1000/abc</arxiv:doi>"
        )
    ),
    "tavily": {
        "results": [{"title": "Sea walls & sand", "url": "https://doi.org/10.1000/abc", "content": "Walls move sand."}]
    },
    "brave": {
        "web": {
            "results": [
                {
                    "title": "Sea walls &amp; sand",
                    "url": "https://doi.org/10.1000/abc",
                    "description": "<b>Walls</b> move sand.",
                }
            ]
        }
    },
    "serper": {
        "organic": [{"title": "Sea walls & sand", "link": "https://doi.org/10.1000/abc", "snippet": "Walls move sand."}]
    },
    "searxng": {
        "results": [{"title": "Sea walls & sand", "url": "https://doi.org/10.1000/abc", "content": "Walls move sand."}]
    },
}


@pytest.mark.parametrize("name", ONE)
def test_a_work_comes_back_with_its_text_doi_address_and_who_found_it(name, stage):
    stage.says(name, ONE[name])
    (found,) = find(name, stage)
    assert (found.title, found.text, found.doi) == ("Sea walls & sand", "Walls move sand.", "10.1000/abc")
    assert found.url.startswith("https://")
    assert found.found_by == (name,)
    assert found.csl["title"] == found.title
    assert not found.retracted


@pytest.mark.parametrize("name", ["crossref", "openalex", "semantic_scholar", "arxiv"])
def test_authors_and_year_come_as_csl(name, stage):
    stage.says(name, ONE[name])
    (found,) = find(name, stage)
    (author,) = found.csl["author"]
    assert author in ({"family": "Marsh", "given": "Ada"}, {"literal": "Ada Marsh"})
    assert found.csl["issued"]["date-parts"][0][0] == (2024 if name == "arxiv" else 2023)


def test_what_is_asked_is_what_each_service_wants(stage):
    for name in ONE:
        stage.says(name, ONE[name])
        find(name, stage, query="sea walls")
    asked = dict(stage.asked)
    assert (asked["crossref"]["query"], asked["crossref"]["mailto"]) == ("sea walls", "me@example.org")
    assert (asked["openalex"]["search"], asked["openalex"]["api_key"]) == ("sea walls", KEY)
    assert asked["semantic_scholar"]["path"].endswith("/graph/v1/paper/search")
    assert asked["arxiv"]["search_query"] == "all:sea AND all:walls"
    assert asked["tavily"] == {"query": "sea walls", "search_depth": "basic", "max_results": 5,
                               "include_raw_content": False, "path": "/tavily/search"}  # fmt: skip
    assert (asked["brave"]["q"], asked["brave"]["count"]) == ("sea walls", "5")
    assert (asked["serper"]["q"], asked["serper"]["num"]) == ("sea walls", 5)
    assert asked["searxng"]["format"] == "json"
    headers = dict(zip((name for name, _ in stage.asked), stage.headers, strict=True))
    assert headers["semantic_scholar"]["x-api-key"] == KEY
    assert headers["tavily"]["authorization"] == f"Bearer {KEY}"
    assert headers["brave"]["x-subscription-token"] == KEY
    assert headers["serper"]["x-api-key"] == KEY
    assert all(one["user-agent"].startswith("Autonomy/") for one in stage.headers)
    assert all("mailto:me@example.org" in headers[name]["user-agent"] for name in ("crossref", "openalex"))


@pytest.mark.parametrize(
    ("name", "field", "longest"),
    [("tavily", "query", 400), ("brave", "q", 400), ("serper", "q", 400), ("searxng", "q", 400),
     ("crossref", "query", 500), ("openalex", "search", 500), ("semantic_scholar", "query", 300)],
)  # fmt: skip
def test_a_query_is_cut_to_what_the_service_takes(name, field, longest, stage):
    stage.says(name, EMPTY[name])
    find(name, stage, query="shore-line " * 200, limit=1000)
    (_, asked) = stage.asked[0]
    assert 0 < len(asked[field]) <= longest
    if name == "brave":
        assert len(asked[field].split()) <= 50
    if name == "semantic_scholar":
        assert "-" not in asked[field]


@pytest.mark.parametrize("name", EMPTY)
def test_an_honest_answer_without_results_is_an_empty_list(name, stage):
    stage.says(name, EMPTY[name])
    assert find(name, stage) == []


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize(
    "body", ["", "<html>Sign in to the network</html>", "[]", "null", "{}", '{"results": {}}', "[" * 9000]
)
def test_an_answer_in_another_form_is_a_failure_and_no_empty_list(name, body, stage):
    assert failing(name, stage, body).fault is Fault.MALFORMED


@pytest.mark.parametrize("name", EMPTY)
def test_an_answer_that_is_too_large_is_a_failure(name, stage, monkeypatch):
    monkeypatch.setattr("autonomy.providers.exchange.BODY_LIMIT", 20)
    failed = failing(name, stage, ONE[name])
    assert (failed.fault, failed.reason) == (Fault.MALFORMED, "the answer is too large")


ODD = [
    None,
    7,
    -1,
    1.5,
    True,
    "",
    "\x00",
    "\ud800",
    [],
    [None],
    [[]],
    {},
    {"x": None},
    "x" * 100_000,
    {"date-parts": [[None]]},
]
# Wherever a value of another type may stand, each of them.
PLACES = {
    "crossref": ("DOI", "URL", "title", "author", "container-title", "issued", "type", "publisher", "volume",
                 "abstract", "relation", "update-to", "updated-by"),
    "openalex": ("id", "doi", "display_name", "publication_year", "type", "authorships", "primary_location", "biblio",
                 "is_retracted", "abstract_inverted_index"),
    "semantic_scholar": ("title", "abstract", "externalIds", "year", "venue", "authors", "url", "publicationTypes",
                         "journal"),
    "tavily": ("title", "url", "content", "published_date"),
    "brave": ("title", "url", "description", "extra_snippets", "page_age"),
    "serper": ("title", "link", "snippet"),
    "searxng": ("title", "url", "content", "publishedDate"),
}  # fmt: skip


def with_rows(name, rows):
    whole = json.loads(json.dumps(ONE[name]))
    match name:
        case "crossref":
            whole["message"]["items"] = rows
        case "semantic_scholar":
            whole["data"] = rows
        case "brave":
            whole["web"]["results"] = rows
        case "serper":
            whole["organic"] = rows
        case _:
            whole["results"] = rows
    return whole


@pytest.mark.parametrize("name", PLACES)
def test_odd_values_cost_a_field_or_a_row_and_never_the_answer(name, stage):
    good = find_rows(ONE[name])[0]
    rows = [good | {place: odd} for place, odd in itertools.product(PLACES[name], ODD)]
    stage.says(name, with_rows(name, [None, "row", 3, [], {}, *rows, good]))
    found = find(name, stage, limit=10_000)
    assert found[-1].title == "Sea walls & sand"
    for work in found:
        assert work.title.strip()
        work.text.encode()
        json.dumps(work.csl).encode()
        assert work.url == "" or work.url.startswith(("http://", "https://"))
        assert "\0" not in work.text + work.title + json.dumps(work.csl)
        assert len(work.title) <= 500


def find_rows(answer):
    inner = answer.get("message") or answer.get("web") or answer
    return next(rows for rows in inner.values() if isinstance(rows, list))


@pytest.mark.parametrize(
    ("name", "status", "headers", "fault", "retry_after"),
    [
        ("crossref", 429, {"Retry-After": "4"}, Fault.TRANSIENT, 4),
        ("crossref", 503, {}, Fault.TRANSIENT, None),
        ("crossref", 400, {}, Fault.REFUSED, None),
        ("crossref", 302, {"Location": "http://127.0.0.1:1/"}, Fault.REFUSED, None),
        ("openalex", 429, {"Retry-After": "4"}, Fault.QUOTA, None),
        ("openalex", 403, {"Retry-After": "2"}, Fault.TRANSIENT, 2),
        ("openalex", 401, {}, Fault.KEY, None),
        ("semantic_scholar", 429, {}, Fault.TRANSIENT, None),
        ("semantic_scholar", 403, {}, Fault.KEY, None),
        ("arxiv", 429, {}, Fault.TRANSIENT, None),
        ("tavily", 429, {"Retry-After": "7"}, Fault.TRANSIENT, 7),
        ("tavily", 432, {}, Fault.QUOTA, None),
        ("tavily", 433, {}, Fault.QUOTA, None),
        ("tavily", 401, {}, Fault.KEY, None),
        ("brave", 429, {"X-RateLimit-Reset": "1, 1419704", "X-RateLimit-Remaining": "0, 1000"}, Fault.TRANSIENT, 1),
        ("brave", 429, {"X-RateLimit-Reset": "1, 1419704", "X-RateLimit-Remaining": "0, 0"}, Fault.TRANSIENT, 86_400),
        ("brave", 429, {"X-RateLimit-Reset": "soon"}, Fault.TRANSIENT, None),
        ("serper", 402, {}, Fault.QUOTA, None),
        ("searxng", 403, {}, Fault.KEY, None),
    ],
)
def test_a_refusal_is_classed_by_what_the_service_means_by_it(name, status, headers, fault, retry_after, stage):
    failed = failing(name, stage, f"{KEY} is not welcome", status, **headers)
    assert (failed.fault, failed.retry_after, failed.http_status) == (fault, retry_after, status)
    assert KEY not in failed.reason


def test_a_searxng_without_json_is_told_how_to_mend_it(stage):
    assert "add json to search.formats" in failing("searxng", stage, "Forbidden", 403).reason


def test_a_query_that_arxiv_cannot_read_is_no_work_called_error(stage):
    entry = "<entry><id>http://arxiv.org/api/errors#bad_query</id><title>Error</title><summary>bad</summary></entry>"
    assert failing("arxiv", stage, atom(entry)).fault is Fault.REFUSED


def test_entities_in_a_feed_are_neither_read_from_files_nor_expanded(stage, tmp_path):
    (tmp_path / "secret.txt").write_text("hidden")
    entry = atom_entry("2301.1", "Walls &secret; here", "&lol3;")
    bomb = '<!DOCTYPE feed [<!ENTITY lol "ha"><!ENTITY lol2 "&lol;&lol;"><!ENTITY lol3 "&lol2;&lol2;">' \
           f'<!ENTITY secret SYSTEM "file://{tmp_path}/secret.txt">]>'  # fmt: skip
    stage.says("arxiv", atom(entry).replace("?>\n", f"?>\n{bomb}"))
    found = find("arxiv", stage)
    assert "hidden" not in str(found)
    assert "haha" not in str(found)


def test_only_words_reach_arxiv_s_query_language(stage):
    stage.says("arxiv", atom())
    find("arxiv", stage, query='walls") OR cat:* ANDNOT (ti:beach')
    assert stage.asked[0][1]["search_query"] == "all:walls AND all:cat AND all:ti AND all:beach"


@pytest.mark.parametrize(
    "more",
    [
        {"updated-by": [{"DOI": "10.1000/notice", "type": "retraction", "source": "retraction-watch"}]},
        {"updated-by": [{"type": "Withdrawal"}]},
        {"relation": {"is-retracted-by": [{"id": "10.1000/notice"}]}},
        {"title": ["RETRACTED: Sea walls"]},
        {"title": ["[Retracted] Sea walls"]},
    ],
)
def test_crossref_says_in_several_ways_that_a_work_is_retracted(more, stage):
    stage.says("crossref", crossref(crossref_work("10.1000/a", "Sea walls") | more))
    (found,) = find("crossref", stage)
    assert found.retracted


def test_a_correction_is_no_retraction(stage):
    corrected = crossref_work("10.1000/a", "Sea walls", **{"updated-by": [{"DOI": "10.1000/n", "type": "correction"}]})
    stage.says("crossref", crossref(corrected))
    (found,) = find("crossref", stage)
    assert not found.retracted


def test_a_notice_of_retraction_withdraws_the_work_it_names_and_is_none_itself(stage):
    notice = crossref_work("10.1000/n", "Notice", **{"update-to": [{"DOI": "10.1000/A", "type": "retraction"}]})
    stage.says("crossref", crossref(notice))
    (found,) = find("crossref", stage)
    assert (found.doi, found.retracted) == ("10.1000/a", True)


def test_openalex_says_that_a_work_is_retracted(stage):
    (work,) = ONE["openalex"]["results"]
    stage.says("openalex", {"results": [work | {"is_retracted": True}, work | {"is_retracted": "no"}]})
    assert [found.retracted for found in find("openalex", stage)] == [True, False]


@pytest.mark.parametrize(
    ("title", "marked"),
    [
        ("RETRACTED: Sea walls", True),
        ("RETRACTED ARTICLE: Sea walls", True),
        ("[Retracted] Sea walls", True),
        ("WITHDRAWN: Sea walls", True),
        ("RETRACTED Sea walls", True),
        ("Retracted articles and what becomes of them", False),
        ("RETRACTED PAPERS IN MEDICINE", False),
        ("Why papers are retracted: a survey", False),
    ],
)
def test_a_publisher_s_mark_before_the_title_is_seen(title, marked):
    assert reading.is_marked_retracted(title) is marked


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "javascript://x.org/%0aalert(1)",
        "https://x.org\u2044y.example.org/",
        "https://x\u3002org/",
        "https://x%0a.org/",
        "https://x.org:99999/",
        "https://x.org:port/",
        "ftp://x.org",
        "//x.org",
        "http://",
        "https://u:p@x.org/",
        "https://x.org/a b",
        "http://[::1",
    ],
)
def test_an_address_that_nobody_should_follow_is_dropped(address):
    assert reading.url(address) == ""


def test_markup_becomes_paragraphs_and_plain_text_stays_as_it_is():
    jats = "<jats:title>Abstract</jats:title><jats:p>Walls &amp; sand, p &lt; 0.05.</jats:p><jats:p>More.</jats:p>"
    assert reading.text(jats) == "Walls & sand, p < 0.05.\n\nMore."
    assert reading.text("p < 0.05 and n > 3") == "p < 0.05 and n > 3"


@pytest.mark.parametrize(
    "address",
    [
        "https://doi.org/10.1000/AbC",
        "https://doi.org/10.1000/abc?utm_source=news",
        "http://dx.doi.org/10.1000/abc#top",
        "https://DOI.org/10.1000%2Fabc",
    ],
)
def test_a_page_at_a_resolver_of_dois_is_the_work_of_that_doi_whatever_hangs_onto_its_address(address):
    (page,) = web_page.works("tavily", [{"title": "Sea walls", "url": address}], lambda page: "Text.")
    assert page.doi == "10.1000/abc"
