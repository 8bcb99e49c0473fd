"""The offline model quotes verbatim, cites everything and claims nothing of its own."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from autonomy.errors import ProviderRefused
from autonomy.ports import ModelRequest, Purpose
from autonomy.providers.offline import OfflineModel, quoting
from autonomy.providers.offline.vocabulary import stems
from autonomy.text.passages import count_words, split
from autonomy.tools.extract import extract

TOPIC = "How coastal cities adapt to rising seas"
HEADINGS = ["Mangroves and storm surge", "Who pays for defences", "Pumps, drains and sinking ground", "Early warning"]
# Plain reading only: a web page is left to the tests of extraction.
FILES = sorted(path for path in (Path(__file__).parents[1] / "demo" / "sources").iterdir() if path.suffix != ".html")


def load() -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    sources: list[dict[str, Any]] = []
    passages: list[dict[str, str]] = []
    for number, path in enumerate(FILES, start=1):
        key, found = f"s{number}", extract(path.name, path.read_bytes())
        excerpt = " ".join(found.text.split()[:120])
        about = {"key": key, "title": found.title, "words": count_words(found.text)}
        sources.append({**about, "headings": found.headings, "excerpt": excerpt})
        author = found.csl.get("author", [{}])[0].get("literal", "")
        for position, text in enumerate(split(found.text)):
            origin = {"id": f"{key}#{position}", "key": key, "title": found.title, "author": author}
            passages.append({**origin, "text": text})
    return sources, passages


SOURCES, PASSAGES = load()


def ask(purpose: str, material: dict[str, Any], limit: int = 4000) -> Any:
    return OfflineModel().answer(ModelRequest(cast(Purpose, purpose), "Write.", material, {}, limit))


def matching(heading: str, limit: int = 10) -> list[dict[str, str]]:
    asked = stems(heading)
    ranked = sorted(PASSAGES, key=lambda passage: -sum(min(3, stems(passage["text"]).count(word)) for word in asked))
    return ranked[:limit]


def material(heading: str, **changes: Any) -> dict[str, Any]:
    question = f"What do the sources say about {heading}?"
    base = {"topic": TOPIC, "heading": heading, "question": question, "words": 250, "passages": matching(heading)}
    return {**base, "note": "", "revision": 0, "quote_share": 0.75, "avoid": [], **changes}


def section(heading: str, **changes: Any) -> str:
    return str(ask("section", material(heading, **changes)).content["markdown"])


def share(markdown: str) -> float:
    quoted, total = quoting.count(markdown)
    return quoted / max(1, total)


def plain(text: str) -> str:
    return " ".join(re.sub("[“”‘’\"'«»„]", "'", text).split())


def outside_quotes(markdown: str) -> list[str]:
    bare = re.sub(r"\[@\w+\]|“[^“”]*”|\*[^*]*\*", " ¶ ", markdown)
    return re.findall(r"[\w’'-]+|¶", bare.lower())


VARIANTS = list(itertools.product(HEADINGS, [(0, 0.75), (1, 0.35), (2, 0.35), (3, 0.1)], [90, 250, 600]))


@pytest.mark.parametrize(("heading", "round_", "words"), VARIANTS)
def test_every_section_is_honest(heading: str, round_: tuple[int, float], words: int) -> None:
    revision, bound = round_
    given = material(heading, revision=revision, quote_share=bound, words=words)
    markdown = ask("section", given).content["markdown"]
    texts: dict[str, str] = {}
    for passage in given["passages"]:
        texts[passage["key"]] = texts.get(passage["key"], "") + " | " + plain(passage["text"])

    paragraphs = markdown.split("\n\n")
    assert 1 <= len(paragraphs) <= 4
    assert all("[@" in paragraph and not paragraph.startswith("#") for paragraph in paragraphs)
    assert set(re.findall(r"@(\w+)", markdown)) <= set(texts)
    # A quotation is verbatim in the source it is cited from.
    cited = re.findall(r"“([^“”]*)” \[@(\w+)\]", markdown)
    assert len(cited) == markdown.count("“") == markdown.count("”")
    assert all(plain(quotation) in texts[key] for quotation, key in cited)
    # No sentence stands without a citation, and none is the source's own wording in disguise.
    bare = re.sub(r"“[^“”]*”|\*[^*]*\*", "Q", markdown)
    assert all("[@" in sentence for sentence in re.split(r"(?<=\.)\s+(?=\S)", bare) if sentence.strip())
    ours = outside_quotes(markdown)
    for text in texts.values():
        theirs = " " + " ".join(re.findall(r"[\w’'-]+", text.lower())) + " "
        assert not any(f" {' '.join(ours[at : at + 10])} " in theirs for at in range(len(ours) - 9))
    assert share(markdown) <= bound
    assert quoting.count(markdown)[1] <= words + 60


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_same_question_gets_the_same_answer(heading: str) -> None:
    assert ask("section", material(heading)) == ask("section", material(heading))


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_lower_share_means_fewer_quoted_words(heading: str) -> None:
    first, second, third = (
        share(section(heading)),
        share(section(heading, revision=1, quote_share=0.35)),
        share(section(heading, revision=1, quote_share=0.1)),
    )
    assert first > second > third or (first > second and third == 0)
    assert quoting.quotations(section(heading, quote_share=0.0)) == []


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_revision_quotes_other_passages(heading: str) -> None:
    first = set(quoting.quotations(section(heading)))
    second = set(quoting.quotations(section(heading, revision=1, quote_share=0.35)))
    third = section(heading, revision=2, quote_share=0.35)
    assert first
    assert second
    assert len(first & second) < len(second)
    assert third not in (section(heading), section(heading, revision=1, quote_share=0.35))


def test_quotations_used_elsewhere_are_not_repeated() -> None:
    first = quoting.quotations(section("Early warning"))
    again = quoting.quotations(section("Early warning", avoid=first))
    assert not set(first) & set(again)


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_first_draft_draws_on_several_sources_and_fills_its_length(heading: str) -> None:
    markdown = section(heading)
    assert len(set(re.findall(r"@(\w+)", markdown))) >= 3
    assert 150 <= quoting.count(markdown)[1] <= 290


def test_no_passages_give_no_text() -> None:
    assert section("Early warning", passages=[]) == ""


def test_boilerplate_headings_and_markup_are_never_quoted() -> None:
    text = (
        "Tides and dikes\nCopyright 2026 by the dike board, all rights reserved everywhere. "
        "Figure 3 shows the height of the dike at every tide. Write to dike@board.org about the dike and the tide. "
        "Too short, this dike. The dike keeps the tide away from the *low* farms behind it. "
        "The dike protects farms from the tide in every ordinary winter storm."
    )
    passages = [{"id": "a#0", "key": "a", "title": "Dikes", "author": "", "text": text}]
    found = quoting.quotations(section("Dikes and tides", passages=passages, quote_share=1.0))
    assert found == ["The dike protects farms from the tide in every ordinary winter storm"]


def test_nested_quotation_marks_become_single_ones() -> None:
    text = 'The mayor called the dike "a promise in stone and clay" before the whole council.'
    passages = [{"id": "a#0", "key": "a", "title": 'The "great" dike*', "author": "Roe", "text": text}]
    markdown = section("The dike", passages=passages, quote_share=1.0)
    assert "“The mayor called the dike ‘a promise in stone and clay’ before the whole council” [@a]" in markdown
    assert "*The ‘great’ dike*" in markdown


def test_a_clause_is_not_cut_off_from_what_qualifies_it() -> None:
    assert quoting.clause("Sea walls protect the old town, but they ruin the beach in front.") is None
    assert quoting.clause("Walls hold the shoreline where it is, and the waves scour the sand.") is not None


def test_an_endless_title_is_cut() -> None:
    passages = [{**passage, "title": "Dike " * 80} for passage in matching("Early warning")]
    assert "Dike " * 20 not in section("Early warning", passages=passages)


@pytest.mark.parametrize(
    "text",
    [
        "海面が上昇している都市では堤防が必要である。雨水は排水路を通って海に流れる。",
        "ترتفع مياه البحر في المدن الساحلية كل عام أكثر من قبل.",
    ],
)
def test_other_scripts_are_quoted_verbatim_or_not_at_all(text: str) -> None:
    passages = [{"id": "a#0", "key": "a", "title": "T", "author": "", "text": text}]
    for quotation in quoting.quotations(section(text[:6], passages=passages, quote_share=1.0)):
        assert quotation in text


def plan(**changes: Any) -> dict[str, Any]:
    base = {"topic": TOPIC, "sections": [], "words": 1000, "sources": SOURCES, "note": "", "revision": 0}
    return cast(dict[str, Any], ask("plan", {**base, **changes}).content)


def test_a_plan_keeps_the_headings_it_was_given() -> None:
    made = plan(sections=["Walls", "Marshes"])
    assert [one["heading"] for one in made["sections"]] == ["Walls", "Marshes"]
    assert sum(one["words"] for one in made["sections"]) == 1000


@pytest.mark.parametrize(("words", "count"), [(500, 3), (1000, 4), (2500, 5)])
def test_a_plan_finds_headings_in_the_terms_of_the_sources(words: int, count: int) -> None:
    sections = plan(words=words)["sections"]
    assert len(sections) == count
    assert sum(one["words"] for one in sections) == words
    known = set(stems(" ".join(f"{source['title']} {source['headings']} {source['excerpt']}" for source in SOURCES)))
    for one in sections:
        assert set(stems(one["heading"])) <= known
        assert one["heading"][0].isupper()
        assert 1 <= len(one["queries"]) <= 3
        assert all(query.strip() for query in one["queries"])
    assert max(Counter(word for one in sections for word in stems(one["heading"])).values()) == 1


def test_a_revised_plan_looks_elsewhere() -> None:
    first, second = plan(sections=["Marshes"]), plan(sections=["Marshes"], revision=1)
    assert first["title"] == second["title"] == TOPIC
    assert plan(revision=1)["sections"][0]["queries"] != plan()["sections"][0]["queries"]


def test_a_plan_without_sources_still_asks_about_the_topic() -> None:
    made = plan(sources=[])
    assert [one["heading"] for one in made["sections"]] == [TOPIC]
    assert made["sections"][0]["queries"]


def test_the_answer_says_who_gave_it_and_what_it_cost() -> None:
    answer = ask("section", material("Early warning"))
    assert (answer.provider, answer.model, answer.usd) == ("offline", "extractive-1", Decimal(0))
    assert answer.tokens_in > 500
    assert answer.tokens_out > 100


def test_an_answer_never_exceeds_the_tokens_allowed() -> None:
    answer = ask("section", material("Early warning", words=600), limit=400)
    assert 0 < answer.tokens_out <= 400
    with pytest.raises(ProviderRefused, match="does not fit"):
        ask("plan", {"topic": TOPIC, "words": 500, "sources": SOURCES}, limit=20)


def test_what_it_does_not_know_it_refuses() -> None:
    with pytest.raises(ProviderRefused, match="purpose"):
        ask("poem", {})
    with pytest.raises(ProviderRefused, match="lacks heading, passages"):
        ask("section", {"topic": TOPIC, "words": 100})
