"""Tokens of a text, estimated upwards."""

from __future__ import annotations

import pytest

from autonomy.providers import estimate
from autonomy.providers.estimate import about, at_most
from conftest import SEA_WALLS

# Counted with OpenAI's tokenizers; each has the largest of its counts:
# https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken
COUNTED = {
    "tiktoken is great!": 6,
    "antidisestablishmentarianism": 6,
    "2 + 2 = 4": 7,
    "お誕生日おめでとう": 14,
}


@pytest.mark.parametrize(("text", "tokens"), COUNTED.items())
def test_a_text_is_never_estimated_below_its_tokens(text, tokens):
    assert at_most(text) >= tokens


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("", 0),
        (" ", 1),
        (" a", 1),
        ("1 2", 3),
        ("a", 1),
        ("word", 2),
        ("words", 3),
        ("one two", 4),
        ("one  two", 5),
        ("one\ntwo", 5),
        ("2024", 4),
        ("{}", 2),
        ("é", 2),
        ("海", 3),
        ("🌊", 4),
        ("\u00a0", 2),
        ("\ud800", 3),
        (" " * 1000, 63),
    ],
)
def test_each_kind_of_character_counts_as_told(text, most):
    assert at_most(text) == most


def test_prose_is_estimated_at_no_more_than_three_times_its_tokens():
    assert about(SEA_WALLS) <= at_most(SEA_WALLS) <= 3 * about(SEA_WALLS)


@pytest.mark.parametrize("text", [SEA_WALLS, *COUNTED])
def test_a_part_is_never_more_than_the_whole(text):
    for cut in range(len(text)):
        assert at_most(text[:cut]) <= at_most(text)
        assert at_most(text) <= at_most(text[:cut]) + at_most(text[cut:]) + 1


def test_each_message_has_something_around_it():
    assert estimate.of_messages(("word", "word")) == 2 * (2 + estimate.PER_MESSAGE)
