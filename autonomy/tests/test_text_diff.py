"""Two texts, compared word by word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.text import json_diff, text_diff
from autonomy.text.rising import longest_rising
from autonomy.text.text_diff import Piece, counted, pieces, told

A = "A sea wall keeps the water out of the town, and the beach before it wears away over the years."
WORDS = st.text(alphabet="ab cd\n.“é", max_size=60)
LONGER = st.lists(st.sampled_from(["wall", "sea", "the", "town", "of", "\n\n", "beach.", "a"]), max_size=120)


def put_together(found: list[Piece], without: str) -> str:
    return "".join(piece.text for piece in found if piece.op != without)


def marked(before: str, after: str) -> str:
    """The difference in a line: [-removed-] and {+added+}."""
    forms = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(forms[piece.op].format(piece.text) for piece in pieces(before, after))


@given(WORDS | LONGER.map(" ".join), WORDS | LONGER.map(" ".join))
def test_applied_to_the_text_before_the_difference_gives_the_text_after(before, after):
    found = pieces(before, after)
    assert put_together(found, without="added") == before
    assert put_together(found, without="removed") == after
    assert all(piece.text for piece in found)
    assert len(found) <= 1 or before != after


@given(LONGER, st.data())
def test_what_was_edited_in_a_few_places_is_mostly_the_same(words, data):
    text = [f"{word}{place}" for place, word in enumerate(words)]
    places = data.draw(st.sets(st.integers(0, max(0, len(text) - 1)), max_size=3)) if text else set()
    edited = [f"new{place}" if place in places else word for place, word in enumerate(text)]
    added, removed = counted(pieces(" ".join(text), " ".join(edited)))
    # A word or two between two changes may be told with them.
    assert len(places) <= added == removed <= len(places) + 2 * text_diff.ISLAND


def test_one_word_that_changed_is_one_word_removed_and_one_added():
    assert marked("The wall is high.", "The wall was high.") == "The wall [-is-]{+was+} high."


def test_words_that_are_added_or_removed_stand_alone():
    assert marked("The wall stands.", "The old wall stands.") == "The {+old +}wall stands."
    assert marked("The old wall stands.", "The wall stands.") == "The [-old -]wall stands."


def test_the_same_text_is_one_piece_and_nothing_is_none():
    assert pieces(A, A) == [Piece("same", A)]
    assert pieces("", "") == []
    assert pieces("", A) == [Piece("added", A)]
    assert pieces(A, "") == [Piece("removed", A)]


def test_a_sentence_that_was_written_anew_is_struck_out_whole_and_not_word_by_word():
    after = "Mangroves, the report adds, hold the mud, and cost next to nothing of late."
    assert [piece.op for piece in pieces(A, after)] == ["removed", "added"]


def test_a_paragraph_that_follows_leaves_the_one_before_it_as_it_is():
    assert marked("One. [@a]", "One. [@a]\n\nTwo. [@b]") == "One. [@a]{+\n\nTwo. [@b]+}"


def test_a_word_between_two_changes_is_told_with_them():
    before = "Towns build walls of stone and pay for repairs each year since then."
    after = "Towns plant reeds in mud and wait for growth all year since then."
    assert marked(before, after) == (
        "Towns [-build walls of stone and pay for repairs each-]{+plant reeds in mud and wait for growth all+} year "
        "since then."
    )


def test_a_sentence_that_stayed_between_two_changes_stays():
    stayed = " The beach before the wall wears away. "
    before = f"Rock is cheap and lasts for years.{stayed}Sand costs more than it once did."
    after = f"Clay dikes need grass on both slopes.{stayed}Nobody pays for reeds in these towns."
    assert [piece.op for piece in pieces(before, after)] == ["removed", "added", "same", "removed", "added"]


def test_words_are_counted_on_both_sides():
    assert counted(pieces("one two three", "one 2 and three")) == (2, 1)


def test_a_long_stretch_without_a_change_is_told_by_its_number_of_words():
    long = " ".join(f"w{n}" for n in range(400))
    shown = told(pieces(f"{long} end", f"{long} End"))
    assert [one["op"] for one in shown] == ["skipped", "same", "removed", "added"]
    assert shown[0]["words"] == 400 - text_diff.AROUND
    assert shown[1]["text"].split()[0] == f"w{400 - text_diff.AROUND}"


def test_a_stretch_between_two_changes_keeps_its_words_on_both_sides():
    long = " ".join(f"w{n}" for n in range(400))
    shown = told(pieces(f"a {long} z", f"b {long} y"))
    kinds = [one["op"] for one in shown]
    assert kinds == ["removed", "added", "same", "skipped", "same", "removed", "added"]
    assert shown[3]["words"] == 400 - 2 * text_diff.AROUND
    seen = sum(len(one["text"].split()) for one in shown if one["op"] == "same")
    assert seen + shown[3]["words"] == 400


def test_a_text_whose_every_word_is_the_same_word_is_compared_all_the_same():
    before, after = " ".join(["word"] * 3000), " ".join(["word"] * 2000)
    found = pieces(before, after)
    assert put_together(found, without="added") == before
    assert put_together(found, without="removed") == after


@pytest.mark.parametrize(
    ("values", "kept"),
    [([], []), ([3], [0]), ([0, 1, 2], [0, 1, 2]), ([2, 0, 1], [1, 2]), ([5, 1, 4, 2, 3], [1, 3, 4])],
)
def test_the_longest_rising_subsequence(values, kept):
    assert longest_rising(values) == kept


@given(st.permutations(range(9)))
def test_a_rising_subsequence_rises(values):
    found = [values[place] for place in longest_rising(values)]
    assert found == sorted(found)


def test_json_is_compared_by_line_with_some_lines_around():
    before = {"colours": {f"c{n:02}": n for n in range(30)}}
    after = {"colours": before["colours"] | {"c10": 99}}
    shown = json_diff.compared(before, after)
    assert [one["op"] for one in shown] == [
        "skipped", "same", "same", "removed", "added", "same", "same", "skipped",
    ]  # fmt: skip
    assert (shown[3]["text"].strip(), shown[4]["text"].strip()) == ('"c10": 10,', '"c10": 99,')


def test_json_is_bounded_in_lines_and_letters():
    found = json_diff.lines(list(range(9_000)))
    assert len(found) == json_diff.MOST_LINES + 1
    assert re.search(r"\d+ more lines", found[-1])
    assert len(json_diff.lines("x" * 9_000)[0]) == json_diff.MOST_LETTERS
