from __future__ import annotations

import pytest

from autonomy.ports import Found
from autonomy.tools.web_search.merge import merge


def found(by, title="The sea wall problem", *, year=None, text="", url="", doi="", retracted=False, **csl):
    issued = {"issued": {"date-parts": [[year]]}} if year else {}
    return Found(title, text, url, doi, {"type": "article", **issued, **csl}, retracted, (by,))


def works(*answers):
    return merge(answers).works


def test_the_same_doi_is_one_work_with_crossref_s_metadata_and_the_longest_text():
    (one,) = works(
        [
            found(
                "arxiv",
                "Sea walls (draft)",
                doi="10.1/a",
                text="long text",
                url="https://arxiv.org/abs/1",
                publisher="arXiv",
            )
        ],
        [found("crossref", "Sea walls", doi="10.1/a", text="text", url="https://doi.org/10.1/a", volume="3")],
    )
    assert (one.title, one.text, one.url) == ("Sea walls", "long text", "https://doi.org/10.1/a")
    assert (one.csl["volume"], one.csl["publisher"]) == ("3", "arXiv")
    assert one.found_by == ("arxiv", "crossref")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"url": "https://www.x.org/a/?utm_source=q#top"}, {"url": "http://x.org/a"}),
        ({"url": "https://arxiv.org/pdf/2301.1v2"}, {"url": "http://arxiv.org/abs/2301.1"}),
        ({"year": 2020, "doi": "10.1/a"}, {"title": "The Sea-Wall Problem", "year": 2020}),
        ({"url": "https://x.org/a", "doi": "10.1/a"}, {"url": "https://x.org/a", "title": "Another"}),
    ],
)  # fmt: skip
def test_an_address_or_a_title_with_its_year_stands_in_where_one_has_no_doi(one, other):
    assert len(works([found("crossref", **one)], [found("brave", **other)])) == 1
    assert len(works([found("brave", **other)], [found("crossref", **one)])) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"year": 2020, "doi": "10.1/a"}, {"year": 2020, "doi": "10.1/b"}),
        ({"year": 2020}, {"year": 2021}),
        ({}, {}),
        ({"title": "Editorial", "year": 2020}, {"title": "Editorial", "year": 2020}),
        ({"url": "https://x.org/a?id=1"}, {"url": "https://x.org/a?id=2"}),
    ],
)
def test_what_may_be_two_works_stays_two(one, other):
    assert len(works([found("crossref", **one)], [found("brave", **other)])) == 2


def test_a_find_that_joins_two_others_makes_one_work_of_all():
    a = found("crossref", doi="10.1/a", url="https://doi.org/10.1/a")
    b = found("brave", "A page", url="https://x.org/a")
    c = found("openalex", doi="10.1/a", url="https://x.org/a")
    assert [one.found_by for one in works([a], [b], [c])] == [("crossref", "brave", "openalex")]


def test_what_several_find_comes_before_what_one_finds_and_equals_keep_their_order():
    a, b, c, d = (found("crossref", doi=f"10.1/{name}") for name in "abcd")
    again = found("arxiv", doi="10.1/c")
    assert [one.doi for one in works([a, b, c], [again])] == ["10.1/c", "10.1/a", "10.1/b"]
    assert [one.doi for one in works([a], [d])] == ["10.1/a", "10.1/d"]


def test_a_work_that_one_service_calls_retracted_is_dropped_with_its_name():
    merged = merge(
        [
            [found("crossref", "Sea walls", doi="10.1/a", text="text"), found("crossref", doi="10.1/b")],
            [found("openalex", "Notice", doi="10.1/a", retracted=True)],
        ]
    )
    assert [one.doi for one in merged.works] == ["10.1/b"]
    (retracted,) = merged.retracted
    assert (retracted.title, retracted.doi, retracted.found_by) == ("Sea walls", "10.1/a", ("openalex",))
