"""The stage: search services as they write on the wire."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import httpx
import pytest

from autonomy.demo.stage.catalogue import PAGES, WITHDRAWN, WORKS


def _all(words: str) -> str:
    return " AND ".join(f"all:{word}" for word in words.split())


SEARCHES: dict[str, Callable[[str, str], httpx.Response]] = {
    "crossref": lambda url, words: httpx.get(f"{url}/works", params={"query": words, "rows": 3}),
    "openalex": lambda url, words: httpx.get(f"{url}/works", params={"search": words, "per_page": 3}),
    "semantic_scholar": lambda url, words: httpx.get(
        f"{url}/graph/v1/paper/search", params={"query": words, "limit": 3}
    ),
    "arxiv": lambda url, words: httpx.get(f"{url}/api/query", params={"search_query": _all(words)}),
    "tavily": lambda url, words: httpx.post(f"{url}/search", json={"query": words, "max_results": 3}),
    "brave": lambda url, words: httpx.get(f"{url}/res/v1/web/search", params={"q": words, "count": 3}),
    "serper": lambda url, words: httpx.post(f"{url}/search", json={"q": words, "num": 3}),
    "searxng": lambda url, words: httpx.get(f"{url}/search", params={"q": words, "format": "json"}),
}


def titles(name: str, reply: httpx.Response) -> list[str]:
    if name == "arxiv":
        return [title.text or "" for title in ElementTree.fromstring(reply.text).iterfind("{*}entry/{*}title")]
    answer = reply.json()
    match name:
        case "crossref":
            return [item["title"][0] for item in answer["message"]["items"]]
        case "openalex":
            return [item["display_name"] for item in answer["results"]]
        case "semantic_scholar":
            return [item["title"] for item in answer.get("data", [])]
        case "brave":
            return [item["title"] for item in answer["web"]["results"]]
        case "serper":
            return [item["title"] for item in answer["organic"]]
    return [item["title"] for item in answer["results"]]


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_finds_what_speaks_of_it_and_nothing_else(vendors_stage, name):
    found = titles(name, SEARCHES[name](vendors_stage.at(name), "marsh storm"))
    assert 1 <= len(found) <= 3
    assert titles(name, SEARCHES[name](vendors_stage.at(name), "violin sonatas")) == []


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("word", ["429", "500", "quota", "key"])
def test_a_search_that_fails_is_no_empty_list(vendors_stage, name, word):
    vendors_stage.provider(name).script(word)
    assert SEARCHES[name](vendors_stage.at(name), "marsh").status_code >= 400


def test_only_openalex_knows_what_was_retracted(vendors_stage):
    works = SEARCHES["openalex"](vendors_stage.at("openalex"), "painted walls").json()["results"]
    assert [work["doi"] for work in works if work["is_retracted"]] == [WITHDRAWN.url]
    crossref = SEARCHES["crossref"](vendors_stage.at("crossref"), "painted walls").text
    assert WITHDRAWN.doi.upper() in crossref
    assert "retract" not in crossref.lower()


def test_two_catalogues_tell_the_same_work_differently(vendors_stage):
    one = httpx.get(f"{vendors_stage.at('crossref')}/works/{WORKS[0].doi}").json()["message"]
    other = SEARCHES["openalex"](vendors_stage.at("openalex"), "beaches").json()["results"][0]
    assert other["doi"] == f"https://doi.org/{one['DOI'].lower()}"
    assert other["publication_year"] == one["issued"]["date-parts"][0][0] + 1
    assert other["display_name"] != one["title"][0]
    words = sorted((place, word) for word, places in other["abstract_inverted_index"].items() for place in places)
    assert " ".join(word for _, word in words) == WORKS[0].abstract


def test_all_that_is_invented_says_that_it_is_a_sample():
    assert all("sample" in work.title and work.doi.startswith("10.5555/") for work in WORKS)
    assert all("sample" in page.title for page in PAGES)
