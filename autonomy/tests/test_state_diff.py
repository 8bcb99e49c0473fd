"""What two graph states differ in. No database: states are plain data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autonomy.graph import drafts
from autonomy.selectors.state_at import plain
from autonomy.selectors.state_diff import state_diff
from autonomy.selectors.state_summary import state_summary


def planned(*headings: str, **more: Any) -> dict[str, Any]:
    sections = [
        {"id": f"s{number}", "heading": heading, "question": f"What of {heading}?", "words": 50, "queries": [heading]}
        for number, heading in enumerate(headings, start=1)
    ]
    return {"title": "Walls", "words": 100, "sections": sections} | more


def drafted(plan: dict[str, Any], *texts: str) -> dict[str, Any]:
    sections = [{"id": one["id"], "markdown": text} for one, text in zip(plan["sections"], texts, strict=False)]
    return drafts.put_together(plan, sections, ["offline"])


def source(key: str, *passages: str, **more: Any) -> dict[str, Any]:
    found = [{"id": f"{key}#{one}", "text": one} for one in passages]
    return {"key": key, "title": key.title(), "csl": {"type": "document"}, "passages": found} | more


def sections(part: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["change"], one["heading"]) for one in part["sections"]]


def test_equal_states_differ_in_nothing():
    state = {"route": "draft", "plan": planned("One"), "revision": 1}
    assert state_diff(state, json.loads(json.dumps(state))) == {}


def test_what_is_not_written_yet_is_as_good_as_empty():
    assert state_diff({"route": "plan"}, {"route": "plan", "draft": {}, "searched": []}) == {}


def test_whose_state_it_is_is_no_difference():
    assert state_diff({"run_id": "a", "user_id": "1"}, {"run_id": "b", "user_id": "2"}) == {}


def test_route_and_revision_are_told_as_from_and_to():
    told = state_diff({"route": "critic", "revision": 0}, {"route": "plan", "revision": 1})
    assert told == {"route": {"from": "critic", "to": "plan"}, "revision": {"from": 0, "to": 1}}


def test_a_patched_task_names_the_fields_and_those_of_its_limits():
    before = {"topic": "Sea walls and towns", "words": 300, "limits": {"usd": None}, "sections": []}
    after = {"topic": "Sea walls and cities", "words": 200, "limits": {"usd": 2.5}, "sections": ["One", "Two"]}
    rows = {row.pop("name"): row for row in state_diff({"task": before}, {"task": after})["task"]}
    assert rows["words"] == {"from": 300, "to": 200}
    assert rows["limits.usd"] == {"from": None, "to": 2.5}
    assert rows["sections"] == {"from": [], "to": ["One", "Two"]}
    assert [(one["op"], one["text"]) for one in rows["topic"]["pieces"]][1:] == [
        ("removed", "towns"), ("added", "cities"),
    ]  # fmt: skip


class TestPlan:
    def told(self, before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
        return state_diff({"plan": before}, {"plan": after})["plan"]

    def test_the_first_plan_adds_its_sections(self) -> None:
        told = self.told(None, planned("One", "Two"))
        assert sections(told) == [("added", "One"), ("added", "Two")]
        assert told["title"] == {"name": "title", "from": None, "to": "Walls"}

    def test_a_section_that_is_gone_and_one_that_is_new_stand_where_they_were(self) -> None:
        told = self.told(planned("One", "Old", "Three"), planned("One", "Three", "New"))
        assert sections(told) == [("removed", "Old"), ("added", "New")]
        assert told["unchanged"] == 2

    def test_a_section_is_known_by_its_heading_whatever_its_id(self) -> None:
        told = self.told(planned("One", "Two", "Three"), planned("Three", "One", "Two"))
        assert sections(told) == [("moved", "Three")]
        assert (told["sections"][0]["from_place"], told["sections"][0]["to_place"]) == (3, 1)

    def test_another_heading_over_the_same_question_is_a_section_reworded(self) -> None:
        after = planned("One", "Two")
        after["sections"][1]["heading"] = "Costs"
        told = self.told(planned("One", "Two"), after)
        assert sections(told) == [("changed", "Costs")]
        assert told["sections"][0]["from_heading"] == "Two"

    def test_other_passages_are_told_in_numbers(self) -> None:
        before, after = planned("One"), planned("One")
        before["sections"][0]["passages"] = ["a#1", "a#2"]
        after["sections"][0]["passages"] = ["a#2", "b#1", "b#2"]
        assert self.told(before, after)["sections"][0]["passages"] == {"added": 2, "removed": 1}


class TestDraft:
    def told(self, *texts: tuple[str, ...], headings: tuple[tuple[str, ...], ...] = (("One", "Two"),) * 2) -> Any:
        states = []
        for written, heading in zip(texts, headings, strict=True):
            plan = planned(*heading)
            states.append({"plan": plan, "draft": drafted(plan, *written)})
        return state_diff(*states)["draft"]

    def test_a_changed_word_is_found_in_its_section(self) -> None:
        told = self.told(("The wall is high.", "Same."), ("The wall was high.", "Same."))
        assert sections(told) == [("changed", "One")]
        assert (told["added"], told["removed"], told["unchanged"]) == (1, 1, 1)
        assert [one["op"] for one in told["sections"][0]["pieces"]] == ["same", "removed", "added", "same"]

    def test_a_section_that_moved_to_another_heading_is_the_same_section(self) -> None:
        text = "The wall keeps the sea from the town for many years."
        told = self.told((text, "Same."), (text, "Same."), headings=(("One", "Two"), ("Walls", "Two")))
        assert sections(told) == [("changed", "Walls")]
        assert told["sections"][0]["from_heading"] == "One"
        assert told["sections"][0]["added"] == 0

    def test_a_draft_older_than_the_plan_beside_it_keeps_its_own_headings(self) -> None:
        old = planned("One", "Two")
        before = {"plan": old, "draft": drafted(old, "First.", "Second.")}
        after = {"plan": planned("Two", "Three"), "draft": drafted(old, "First.", "Another.")}
        assert sections(state_diff(before, after)["draft"]) == [("changed", "Two")]

    def test_the_first_draft_grows_section_by_section(self) -> None:
        plan = planned("One", "Two", "Three")
        states = [
            {
                "plan": plan,
                "draft": drafts.go_on({}, plan, [{"id": f"s{n}", "markdown": f"Text {n}."} for n in ids], []),
            }
            for ids in ((1,), (1, 2))
        ]
        told = state_diff(*states)["draft"]
        assert sections(told) == [("added", "Two")]
        assert told["under_way"] == {"from": 1, "to": 2, "sections": []}

    def test_of_a_draft_under_way_the_coming_sections_are_told_beside_the_whole_one(self) -> None:
        plan = planned("One", "Two")
        whole = drafted(plan, "First.", "Second.")
        coming = drafts.go_on(whole, plan, [{"id": "s1", "markdown": "Written anew."}], [])
        told = state_diff({"plan": plan, "draft": whole}, {"plan": plan, "draft": coming})["draft"]
        assert told["sections"] == []
        assert (told["under_way"]["from"], told["under_way"]["to"]) == (None, 1)
        assert sections(told["under_way"]) == [("added", "One")]
        back = state_diff({"plan": plan, "draft": coming}, {"plan": plan, "draft": whole})["draft"]
        assert back["under_way"] == {"from": 1, "to": None, "sections": []}

    def test_a_draft_without_sections_is_compared_as_one(self) -> None:
        told = state_diff({"draft": {"markdown": "One text."}}, {"draft": {"markdown": "One other text."}})["draft"]
        assert told["added"] == 1


class TestSources:
    def told(self, before: list[Any], after: list[Any]) -> dict[str, Any]:
        return state_diff({"sources": before}, {"sources": after})["sources"]

    def test_they_are_known_by_their_keys(self) -> None:
        told = self.told([source("a"), source("b")], [source("b"), source("c")])
        assert told["added"] == [{"key": "c", "title": "C"}]
        assert told["removed"] == [{"key": "a", "title": "A"}]
        assert told["unchanged"] == 1

    def test_their_passages_are_counted(self) -> None:
        told = self.told([source("a", "x", "y")], [source("a", "y", "z", "w")])
        passages = told["changed"][0]["passages"]
        assert passages == {"from": 2, "to": 3, "added": 2, "removed": 1, "reordered": False}

    def test_the_same_passages_in_another_order_are_said_to_be_just_that(self) -> None:
        told = self.told([source("a", "x", "y")], [source("a", "y", "x")])
        assert told["changed"][0]["passages"]["reordered"]
        assert self.told([source("a"), source("b")], [source("b"), source("a")])["reordered"]

    def test_another_title_is_a_row(self) -> None:
        told = self.told([source("a", title="On walls")], [source("a", title="On sea walls")])
        assert told["changed"][0]["fields"][0]["name"] == "title"


def test_the_verdict_tells_findings_note_and_preflight():
    failed = {"gate": "form", "section": "One", "message": "Too long."}
    kept = {"gate": "form", "section": "", "message": "A table."}
    before = {"accepted": False, "failures": [failed, kept], "note": "", "redrafts": 0, "preflight": {"overlap": 0.2}}
    after = {"accepted": True, "failures": [kept], "note": "Fine.", "redrafts": 1, "preflight": {"overlap": 0.1}}
    told = state_diff({"last_verdict": before}, {"last_verdict": after})["last_verdict"]
    assert told["failures"] == {"added": [], "removed": [failed], "kept": 1}
    assert told["note"] == {"name": "note", "from": None, "to": "Fine."}
    assert told["preflight"]["overlap"] == {"from": 0.2, "to": 0.1}
    assert told["to"] == {"accepted": True, "outcome": None, "redrafts": 1, "failures": 1}


def test_a_channel_of_somebody_else_is_compared_as_json():
    told = state_diff({"panel": {"votes": [1, 2]}}, {"panel": {"votes": [1, 3]}})
    assert told["other"][0]["channel"] == "panel"
    assert {"op": "added", "text": "    3"} in told["other"][0]["lines"]


@pytest.mark.parametrize(
    ("channel", "before", "after"),
    [
        ("plan", ["not", "ours"], planned("One")),
        ("plan", {"sections": "none"}, {"sections": 3}),
        ("draft", {"markdown": 3}, {"markdown": 4, "sections": {"s1": "x"}}),
        ("draft", {"colour": "red"}, {"colour": "blue"}),
        ("sources", [1, 2], [3]),
        ("sources", [{"key": None}], [{"key": ["x"]}]),
        ("searched", [1], {"x": 1}),
        ("last_verdict", {"mood": "bad"}, {"mood": "good"}),
        ("last_verdict", {"failures": "many", "preflight": 3}, {"failures": [1], "preflight": {"matches": None}}),
        ("route", 3, "plan"),
        ("task", "a text", None),
    ],
)
def test_whatever_a_state_holds_a_difference_is_told_and_is_json(channel, before, after):
    told = state_diff({channel: before}, {channel: after})
    assert told, "what differs is never said to be the same"
    json.dumps(told, allow_nan=False)


def test_a_state_is_made_plain():
    deep: Any = "end"
    for _ in range(200):
        deep = [deep]
    told = plain({"nan": float("nan"), "half": "a\ud800b", 3: {1, 2}, "deep": deep, "bytes": b"x", "yes": True})
    json.dumps(told, allow_nan=False).encode()
    assert (told["nan"], told["half"], told["yes"]) == ("nan", "a?b", True)
    assert sorted(told["3"]) == [1, 2]


def test_the_summary_of_a_state_counts_what_it_holds():
    plan = planned("One", "Two")
    state = {
        "route": "critic",
        "revision": 2,
        "plan": plan,
        "draft": drafted(plan, "Some words.", "More."),
        "sources": [source("a", "x")],
    }
    told = state_summary(state)
    assert (told["route"], told["revision"]) == ("critic", 2)
    assert told["draft"]["sections"] == [{"heading": "One", "words": 2}, {"heading": "Two", "words": 1}]
    assert told["sources"] == [{"key": "a", "title": "A", "passages": 1}]


@pytest.mark.parametrize("state", [{}, {"plan": [], "draft": 3, "sources": "x", "revision": "y", "last_verdict": []}])
def test_a_state_with_nothing_of_ours_has_a_summary_all_the_same(state):
    told = state_summary(state)
    assert (told["plan"], told["draft"], told["sources"], told["revision"]) == (None, None, [], 0)
