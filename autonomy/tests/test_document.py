"""The document people get: every citation resolves, nothing is invented, nothing of the draft is executed."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from typing import Any

import docx
import pytest

from autonomy.errors import DocumentError
from autonomy.text import citations, prose
from autonomy.tools.document import to_docx, to_readable

REFERENCES: list[dict[str, Any]] = [
    {
        "id": "s1",
        "type": "document",
        "title": "On *dikes*",
        "author": [{"family": "Roe", "given": "Ann"}, {"literal": "Water Board"}],
        "issued": {"date-parts": [[2026, 3]]},
        "publisher": "Press",
        "URL": "https://example.org/a_b",
    },
    {"id": "s2", "type": "webpage", "title": "Tides"},
]


def paragraphs(data: bytes) -> list[str]:
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]


def test_word_file_carries_citations_and_the_cited_references() -> None:
    found = paragraphs(to_docx("# Coast\n\nThey say: “Dry land” [@s1].\n", REFERENCES))
    assert found[0] == "Coast"
    assert "“Dry land” (Roe and Water Board 2026)" in found[1]
    assert found[2] == "References"
    assert len(found) == 4
    assert found[3].startswith("Roe, Ann, and Water Board. 2026.")


def test_readable_form_keeps_keys_and_invents_no_field() -> None:
    text = to_readable("# Coast\n\nFirst [@s2], then [@s1, p. 3].\n", REFERENCES)
    assert text.startswith("# Coast\n\nFirst [@s2], then [@s1, p. 3].\n\n## References\n\n")
    assert text.splitlines()[-2:] == [
        "- [@s1]: Ann Roe and Water Board (2026). *On \\*dikes\\**. Press. <https://example.org/a_b>",
        "- [@s2]: *Tides* (n.d.).",
    ]


def test_readable_form_lists_only_what_is_cited() -> None:
    assert "s2" not in to_readable("Only [@s1].", REFERENCES)
    assert to_readable("Nothing is cited by a@b.org.", REFERENCES) == "Nothing is cited by a@b.org.\n"


@pytest.mark.parametrize("write", [to_docx, to_readable])
def test_a_citation_without_a_reference_is_an_error(write: Any) -> None:
    with pytest.raises(DocumentError, match="cites nowhere, but there is no such reference"):
        write("As they say [@nowhere].", REFERENCES)


def test_every_missing_reference_is_named_and_no_attempt_can_mend_it() -> None:
    with pytest.raises(DocumentError, match="cites a, b-2, but") as caught:
        to_docx("As they say [@s1; see @b-2, p. 3; -@a].", REFERENCES)
    assert not caught.value.retryable
    assert caught.value.details == {"missing": ["a", "b-2"]}


@pytest.mark.parametrize("write", [to_docx, to_readable])
def test_an_at_sign_that_is_no_citation_does_not_stop_the_document(write: Any) -> None:
    text = "@x @@x @{x} @-x _@x_ \\\\@x [me@x] [@{x}] [*@x*] [@x, [y] z] [—@x] (@x) https://a.example/@x [z\n\n@x]"
    assert write(text, REFERENCES)


def test_what_is_raised_or_lowered_is_plain_words() -> None:
    assert paragraphs(to_docx("CO~2~, m^2^, ^@x^, ~\\@x~, ^[note], ~~gone~~, \\^2^", [])) == [
        "CO2, m2, ^@x^, ~@x~, ^[note], ~~gone~~, ^2^"
    ]


def test_both_forms_cite_what_a_citation_is_everywhere_else() -> None:
    text = "[@s1] [-@s1] [see @s1, p. 3; @s2] [@s2.] [@s1,@s2] @s2"
    assert set(citations.keys(text)) == {"s1", "s2"}
    found = paragraphs(to_docx(text, REFERENCES))
    assert found[0].endswith(" @s2")
    assert "[" not in found[0]
    assert len(found) == 4


@pytest.mark.parametrize(
    "title",
    [
        "The @Instagram effect",
        "See [@ghost], [me@ghost] @{ghost} and @@ghost",
        "*Bold* _under_ `code` <b>tag</b> ![x](y) [a](b) $5 ^2^ ~x~ #1 # ",
        "C:\\new &amp; R&D {#id .class} | cell",
        "Walls <https://evil.example> \\",
    ],
)
def test_a_title_is_written_as_it_is_given(title: str) -> None:
    found = paragraphs(to_docx(f"# {citations.plain(title)}\n\nText.\n", []))
    assert found == [" ".join(title.split()), "Text."]


@pytest.mark.parametrize("write", [to_docx, to_readable])
@pytest.mark.parametrize("references", [[{"title": "No id"}], [{"id": "a b"}], [{"id": "s1"}, {"id": "s1"}]])
def test_references_need_an_id_of_their_own(write: Any, references: list[dict[str, Any]]) -> None:
    with pytest.raises(DocumentError):
        write("Text.", references)


def test_a_draft_cannot_read_files_fetch_or_speak_to_the_writer() -> None:
    draft = (
        "---\nbibliography: /etc/hostname\ntitle: Injected\n---\n\n% Title block\n\nSee ![the map](/etc/passwd) and "
        "![far](http://127.0.0.1:9/x.png) <b>bold</b> `<w:p/>`{=openxml} \\input{x} for $5 or $6.\n\n![alone][ref]\n"
    )
    data = to_docx(draft, REFERENCES)
    document = docx.Document(io.BytesIO(data))
    text = "\n".join(paragraphs(data))
    assert "the map" in text
    assert "far" in text
    assert "<b>bold</b>" in text
    assert "$5 or $6" in text
    assert document.core_properties.title == ""
    assert len(document.inline_shapes) == 0
    assert "root:" not in text


def test_a_writer_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("pandoc", 30)

    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(DocumentError, match="took longer than 30 seconds"):
        to_docx("Text.", [])


def test_other_scripts_survive() -> None:
    assert paragraphs(to_docx("海面が上昇。 هذا نص.", []))[0] == "海面が上昇。 هذا نص."


def links(data: bytes) -> list[str]:
    """Where a Word file leads to."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        relations = packed.read("word/_rels/document.xml.rels").decode()
    return re.findall(r'Target="([^"]*)" TargetMode="External"', relations)


@pytest.mark.parametrize("field", ["URL", "DOI"])
@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ms-word:ofe|u|http://evil.example.org",
        "javascript:alert(1)",
        "\\\\evil\\share",
        "data:x,y",
    ],
)
def test_a_reference_leads_to_web_pages_only(field: str, address: str) -> None:
    reference = {"id": "a", "type": "webpage", "title": "Tides", field: address}
    assert links(to_docx("Tides rise [@a].\n", [reference])) == []
    assert address not in to_readable("Tides rise [@a].\n", [reference])


@pytest.mark.parametrize(
    "address", [{"URL": "https://example.org/a"}, {"DOI": "10.1000/a"}, {"DOI": "https://doi.org/10.1000/a"}]
)
def test_a_reference_s_page_is_linked(address: dict[str, str]) -> None:
    [link] = set(links(to_docx("Tides rise [@a].\n", [{"id": "a", "type": "webpage", "title": "Tides", **address}])))
    assert link in ("https://example.org/a", "https://doi.org/10.1000/a")


@pytest.mark.parametrize(
    "title",
    [
        "Tides](javascript:alert(1)) and [x](javascript:alert(2))",
        '<a href="javascript:alert(3)">Tides</a>',
        "<script>alert(4)</script>",
        "![x](http://evil.example.org/x.png)",
        "<javascript:alert(5)> <https://evil.example.org>",
        "[x]: javascript:alert(6)",
    ],
)
def test_the_title_of_a_found_work_is_text_and_nothing_else(title: str) -> None:
    reference = {"id": "a", "type": "webpage", "title": title, "container-title": title, "author": [{"literal": title}]}
    assert links(to_docx("Tides rise [@a].\n", [reference])) == []
    more = set(prose.beyond(to_readable("Tides rise [@a].\n", [reference])))
    assert more <= {"a heading", "a bracket or @ that is escaped"}
