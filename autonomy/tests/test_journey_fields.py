"""A journey's own fields become fields of the start form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import Field

from autonomy.console.journey_fields import LEFT_OUT, JourneyField, own_fields
from autonomy.console.journey_schema import shapes
from autonomy.console.json_text import json_of
from autonomy.journeys.builtin import JOURNEYS
from autonomy.journeys.journey import Journey, TaskSpec
from autonomy.models import Run
from autonomy.tests import every_type as module
from autonomy.tests.test_console import PROBE, START, asked

EVERY, NAMED = module.JOURNEYS
NEEDED = {"own-course": "BIO 1", "own-level": "2"}


def by_key(journey: Journey = EVERY) -> dict[str, JourneyField]:
    return {one.shape.key: one for one in own_fields(journey)}


class TestFields:
    def test_the_common_fields_are_not_asked_twice(self) -> None:
        assert all(own_fields(journey) == [] for journey in JOURNEYS)

    def test_each_type_has_its_kind_of_field(self) -> None:
        assert {key: one.kind for key, one in by_key().items()} == {
            "course": "line", "remarks": "text", "chapters": "whole", "weight": "number", "fee": "number",
            "anonymous": "switch", "reviewed": "choice", "audience": "choice", "level": "choice", "voice": "choice",
            "keywords": "lines", "parts": "choices", "due": "date", "seen": "moment", "rules": "json",
            "weights": "json",
        }  # fmt: skip

    def test_description_bounds_and_default_are_told(self) -> None:
        helps = {key: str(one.form_field.help_text) for key, one in by_key().items()}
        assert helps["course"] == "Its short name. 2 to 20 characters."
        assert helps["chapters"] == "1 to 9. Empty: 3."
        assert helps["weight"] == "At most 1. More than 0. Empty: none."
        assert helps["keywords"] == "One a line. At most 3 entries. Empty: sea, sand."
        assert helps["rules"].startswith("How it is judged. As JSON: a list of: an object with “name” (text), “weight”")
        assert "an object {…} whose values are: whole number" in helps["weights"]

    def test_bounds_are_the_widgets_too(self) -> None:
        attrs = by_key()["chapters"].form_field.widget.attrs
        assert (attrs["min"], attrs["max"]) == (1, 9)

    def test_a_title_is_the_label_and_a_name_is_made_one(self) -> None:
        labels = {key: str(one.form_field.label) for key, one in by_key().items()}
        assert (labels["chapters"], labels["remarks"]) == ("Number of chapters", "Remarks")

    def test_what_must_be_chosen_has_no_default_choice(self) -> None:
        level: Any = by_key()["level"].form_field
        assert level.required
        assert next(iter(level.choices)) == ("", "Choose one")

    def test_a_common_field_that_is_made_narrower_is_the_journeys_own(self) -> None:
        assert {key: one.kind for key, one in by_key(NAMED).items()} == {"topic": "choice"}

    def test_a_default_made_for_each_run_and_a_type_without_schema_stop_nobody(self) -> None:
        class Odd(TaskSpec):
            tags: list[str] = Field(default_factory=lambda: ["one"])
            parts: set[str] = Field(default_factory=lambda data: {data["topic"]})
            anything: object = None
            either: int | list[str] = 1
            pair: tuple[int, str] = (1, "a")

        fields = by_key(Journey("odd", "Odd", "Odd.", Odd))
        assert {key: one.kind for key, one in fields.items()} == {
            "tags": "lines", "parts": "lines", "anything": "json", "either": "json", "pair": "json",
        }  # fmt: skip
        assert "Empty: one." in str(fields["tags"].form_field.help_text)
        assert "Empty: the journey chooses." in str(fields["parts"].form_field.help_text)
        assert shapes(Odd)["pair"].words == "a list: whole number, text"

    def test_a_value_goes_into_the_form_and_comes_back_the_same(self) -> None:
        values = {
            "course": "BIO", "chapters": 4, "weight": 0.5, "anonymous": False, "reviewed": True, "audience": "school",
            "level": 3, "keywords": ["a", "b"], "parts": ["index"], "due": "2026-03-01",
            "rules": [{"name": "r", "weight": 2.0}],
        }  # fmt: skip
        fields = by_key()
        for key, value in values.items():
            assert fields[key].said(fields[key].form_field.clean(fields[key].typed(value))) == value
        assert fields["voice"].said(fields["voice"].form_field.clean(fields["voice"].typed(None))) is LEFT_OUT

    def test_a_value_that_cannot_stand_in_its_field_says_so(self) -> None:
        fields = by_key()
        for key, value in {"course": {"a": 1}, "parts": "index", "keywords": [1], "anonymous": "yes"}.items():
            with pytest.raises(ValueError, match="It must be"):
                fields[key].typed(value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": 1, "a": 2}', "stands twice"),
        ('"\\ud800"', "surrogate"),
        ('["\\u0000"]', "NUL"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": 1e400}', "not JSON"),
    ],
)
def test_json_that_cannot_be_stored_is_refused_with_a_sentence(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        json_of(text)


@pytest.mark.django_db
@pytest.mark.usefixtures("every_type")
class TestStart:
    def test_a_run_starts_with_one_field_of_each_type(self, boss: Any) -> None:
        form = asked(
            journey="every_type",
            **NEEDED,
            **{
                "words": "800", "own-remarks": "Two\nlines", "own-chapters": "4", "own-weight": "0.25",
                "own-fee": "2.5",
                "own-reviewed": "true", "own-audience": '"general_public"', "own-voice": '"formal"',
                "own-keywords": "tide\n\n wave ", "own-parts": ['"glossary"', '"index"'], "own-due": "2026-03-01",
                "own-seen": "2026-03-01T10:30", "own-rules": '[{"name": "Short"}]', "own-weights": '{"style": 2}',
            },
        )  # fmt: skip
        answer = boss.post(START, form)
        assert answer.status_code == 302, answer.context["errors"]
        spec = Run.objects.get().task_spec
        assert {key: spec[key] for key in by_key()} == {
            "course": "BIO 1", "remarks": "Two\nlines", "chapters": 4, "weight": 0.25, "fee": "2.5",
            "anonymous": False, "reviewed": True, "audience": "general_public", "level": 2, "voice": "formal",
            "keywords": ["tide", "wave"], "parts": ["glossary", "index"], "due": "2026-03-01",
            "seen": "2026-03-01T10:30:00Z", "rules": [{"name": "Short", "weight": 1.0}], "weights": {"style": 2},
        }  # fmt: skip

    def test_what_is_left_empty_keeps_the_journeys_defaults(self, boss: Any) -> None:
        answer = boss.post(START, asked(journey="every_type", **NEEDED, **{"own-anonymous": "on"}))
        assert answer.status_code == 302, answer.context["errors"]
        spec = Run.objects.get().task_spec
        assert (spec["words"], spec["chapters"], spec["keywords"]) == (700, 3, ["sea", "sand"])
        assert (spec["anonymous"], spec["parts"], spec["voice"]) == (True, [], None)

    def test_the_page_shows_them_with_their_defaults_in_a_section_of_their_own(self, boss: Any) -> None:
        page = boss.get(START, {"journey": "every_type"}).content.decode()
        assert "For this journey" in page
        assert "For this journey" not in boss.get(START).content.decode()
        form = boss.get(START, {"journey": "every_type"}).context["form"]
        assert (form["own-anonymous"].value(), form["own-parts"].value()) == ("on", ['"summary"'])
        assert form["own-audience"].value() == '"school"'
        assert "500 to 900. Empty: 700." in str(form["words"].help_text)
        assert form["limit_tokens"].field.widget.attrs["placeholder"] == "77,000 (default)"

    def test_their_errors_stand_beside_them_and_in_the_summary(self, boss: Any) -> None:
        wrong = {
            "own-chapters": "12", "own-weight": "0", "own-keywords": "a\nb\nc\nd", "own-rules": '[{"weight": 1}]',
            "own-weights": "{", "own-due": "soon", "own-level": "7", "own-parts": '"cover"',
        }  # fmt: skip
        answer = boss.post(START, asked(journey="every_type", **{"own-course": "x"}, **wrong))
        errors = answer.context["form"].errors
        assert set(errors) == {*wrong, "own-course"}
        assert errors["own-rules"] == ["0.name: Field required."]
        page = answer.content.decode()
        assert '<a href="#id_own-chapters">Number of chapters</a>' in page
        assert 'id="id_own-parts_error"' in page
        assert "[{&quot;weight&quot;: 1}]" in page
        assert not Run.objects.exists()

    def test_a_narrower_common_field_takes_the_common_ones_place(self, boss: Any) -> None:
        page = boss.get(START, {"journey": "named_topic"}).content.decode()
        assert 'name="own-topic"' in page
        assert 'name="topic"' not in page
        answer = boss.post(START, asked(journey="named_topic", topic="Anything", **{"own-topic": '"Sand"'}))
        assert answer.status_code == 302, answer.context["errors"]
        assert Run.objects.get().task_spec["topic"] == "Sand"

    def test_what_was_typed_into_them_comes_back_inert(self, boss: Any) -> None:
        given = dict.fromkeys(("own-course", "own-remarks", "own-keywords", "own-rules", "own-level", "own-due"), PROBE)
        page = boss.post(START, asked(journey="every_type", **given)).content.decode()
        assert "<script>window" not in page
        assert "<img src=x" not in page

    def test_a_list_of_values_is_filled_from_json(self, boss: Any) -> None:
        spec = {"topic": "Rising seas", "course": "BIO", "level": 3, "parts": ["index"], "rules": [{"name": "R"}]}
        answer = boss.post(START, asked(journey="every_type", do="fill", json_text=json.dumps(spec)))
        form = answer.context["form"]
        assert answer.context["errors"] == []
        assert (form["own-level"].value(), form["own-parts"].value()) == ("3", ['"index"'])
        assert form["own-anonymous"].value() is True
        assert json.loads(answer.context["asked"]["spec"])["rules"] == [{"name": "R"}]
