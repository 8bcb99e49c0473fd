"""Sentences end where a reader would end them, and passages keep sentences and headings whole."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from autonomy.text.passages import count_words, sentences, split
from autonomy.tools.extract import extract

SAMPLES = sorted((Path(__file__).parents[1] / "demo" / "sources").glob("*.[mtpd]*"))


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith et al. (2010) saw it, e.g. in Fig. 3.5.",
        "The U.S. Army built it in the 1930s.",
        "J. R. Smith wrote vol. 2 of it.",
        "It rose by 3.5 m, i.e. more than before.",
        "See p. 5, cf. Sec. 2 for details.",
        "He asked “why?” and left.",
        "Well … perhaps it did.",
    ],
)
def test_a_full_stop_within_a_sentence_does_not_end_it(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It rose. It fell.", 2),
        ("Really? Yes! Good.", 3),
        ("It rose.[12] Then it fell [3]. The end.", 3),
        ("“It rose.” So they say.", 2),
        ("Trees, shrubs, etc. The rest is sand.", 2),
        ("They live in the U.S. The rest do not.", 2),
        ("これは文です。次の文です！", 2),
        ("هل هذا سؤال؟ نعم هذا جواب.", 2),
        ("यह वाक्य है। यह दूसरा है।", 2),
    ],
)
def test_sentences_are_told_apart(text: str, count: int) -> None:
    found = sentences(text)
    assert len(found) == count
    assert "".join("".join(found).split()) == "".join(text.split())


def test_a_heading_never_glues_into_a_sentence() -> None:
    assert sentences("Holding the rain\nThe city sinks.") == ["Holding the rain", "The city sinks."]
    assert split("Holding the rain\n\nThe city sinks.") == ["Holding the rain\nThe city sinks."]


def test_nothing_gives_nothing() -> None:
    assert split("") == []
    assert sentences(" \n ") == []


def test_a_lone_heading_is_still_a_passage() -> None:
    assert split("Holding the rain") == ["Holding the rain"]


def test_a_trailing_heading_stays_with_the_last_passage() -> None:
    assert split("The city sinks.\n\nNotes") == ["The city sinks.\nNotes"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize("words", [40, 120, 300])
def test_passages_lose_nothing_and_keep_sentences_whole(path: Path, words: int) -> None:
    text = extract(path.name, path.read_bytes()).text
    passages = split(text, words)
    assert " ".join(" ".join(passages).split()) == " ".join(text.split())
    assert [one for passage in passages for one in sentences(passage)] == sentences(text)
    assert all(count_words(passage) <= 2 * words for passage in passages)


def test_text_without_sentences_is_cut_all_the_same() -> None:
    assert max(count_words(passage) for passage in split("word " * 5000, 100)) <= 200
    assert max(len(passage) for passage in split("海" * 5000, 100)) <= 400


def test_words_are_counted_in_scripts_with_and_without_spaces() -> None:
    assert count_words("Sea-level rise isn’t 3.5 m.") == 5
    assert count_words("海面上昇") == 2


def test_long_text_takes_time_in_proportion() -> None:
    text = "The dike holds the sea away from the low farms behind it.\n\n" * 20_000
    began = time.perf_counter()
    assert len(split(text)) > 1000
    assert time.perf_counter() - began < 10


def test_a_line_of_numbers_without_a_space_is_cut_too():
    line = ",".join(f"{number}.5" for number in range(40_000))
    pieces = split(line)
    assert max(map(len, pieces)) <= 120 * 36
    assert "".join(pieces).replace(" ", "") == line
