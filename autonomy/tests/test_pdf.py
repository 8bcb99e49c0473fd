"""The PDF of a document: it says what the Word file says, executes nothing of it, and is whole or not at all."""

from __future__ import annotations

import io
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docx
import pypdf
import pytest

from autonomy.errors import NoPdf
from autonomy.tests.test_document import REFERENCES
from autonomy.tools import pdf as setting
from autonomy.tools.document import to_docx
from autonomy.tools.pdf import is_whole, to_pdf

WRITTEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def pdf_of(markdown: str, references: list[dict[str, Any]] | None = None) -> bytes:
    return to_pdf(to_docx(markdown, references or []), written_at=WRITTEN)


def read(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf))


def letters(text: str) -> str:
    """Text without its spaces and line breaks: a page breaks lines where it likes."""
    return re.sub(r"\s", "", text)


def text_of(pdf: bytes) -> str:
    """All pages, without the page numbers at their feet."""
    pages = read(pdf).pages
    foot = re.compile(rf"\s*\d+ / {len(pages)}\s*$")
    return "\n".join(foot.sub("", page.extract_text()) for page in pages)


def in_word(word_file: bytes) -> str:
    return "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(word_file)).paragraphs)


def typeset(typst: str, folder: Path) -> bytes:
    return setting._set(f'#set document(title: "T")\n= T\n{typst}'.encode(), WRITTEN, folder)


def test_it_says_what_the_word_file_says() -> None:
    markdown = (
        "# Coast & *Sea*\n\nThey say: “Dry land” [@s1, p. 3; @s2]. It's 5 – 6 — “so”... 'yes'.\n\n## Walls\n\n"
        "- one\n- two\n\n> A *quoted* **line**\n\nCO~2~ at <https://example.org/a_b>.\n\n*Drafted by Autonomy.*\n"
    )
    word_file = to_docx(markdown, REFERENCES)
    said = text_of(to_pdf(word_file, written_at=WRITTEN))
    assert letters(said).replace("•", "") == letters(in_word(word_file))
    assert "(Roe and Water Board 2026, 3; “Tides,” n.d.)" in said
    assert "References" in said
    assert "https://example.org/a_b" in said


def test_it_is_tagged_and_tells_its_title_and_when_it_was_written() -> None:
    document = read(pdf_of("# Walls & *tides*\n\nText.\n"))
    assert document.metadata is not None
    assert document.metadata.title == "Walls & tides"
    assert document.metadata.creation_date == WRITTEN
    assert document.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert round(float(document.pages[0].mediabox.width)) == 595, "A4"
    assert document.pages[0].extract_text().rstrip().endswith("1 / 1")


def test_the_same_document_gives_the_same_bytes() -> None:
    assert pdf_of("# T\n\nText.\n") == pdf_of("# T\n\nText.\n")


def test_headings_make_an_outline_whatever_levels_the_text_leaves_out() -> None:
    outline = read(pdf_of("### First\n\nText.\n\n###### Second\n\n# Third\n\n# Third\n")).outline
    assert [one.title for one in outline if not isinstance(one, list)] == ["First", "Third", "Third"]


@pytest.mark.parametrize(
    "text",
    [
        '#read("/etc/passwd") #include "/etc/passwd" #image("/etc/x.png")',
        '\\#read("/etc/passwd") \\\\#read("/etc/passwd") ]#read("/etc/passwd")[',
        '`#read("/etc/passwd")` ``` #read("/etc/passwd") ```',
        '#import "@preview/cetz:0.3.0": * and #import("x")',
        "#set page(width: 1cm) #show: it => none #panic() #while true {}",
        "$x^2$ $ #read(1) $ a_b_ *c @s1 @s1[x] <label> ~ // no comment /* nor this */ -- --- ... \\u{41}",
        "= no heading\n\n+ no\n\n/ term: no",
        '"quoted" and ‘single’ and it\'s',
        "<script>alert(1)</script> {=typst} `#read(1)`{=typst} ${x} $title$ $body$",
    ],
)
def test_what_looks_like_typst_is_text(text: str) -> None:
    word_file = to_docx(f"# T\n\n{text}\n", [])
    said = text_of(to_pdf(word_file, written_at=WRITTEN))
    assert letters(said).replace("•", "") == letters(in_word(word_file))
    assert "root:" not in said


@pytest.mark.parametrize("title", ['#read("/etc/passwd")', "$title$ \\ ] [ # *", '"); #panic("', "@s1 <x>"])
def test_what_looks_like_typst_is_text_in_a_title_and_in_a_reference_too(title: str) -> None:
    plain = re.sub(r"([^\w\s])", r"\\\1", title)
    reference = {"id": "a", "type": "webpage", "title": title, "author": [{"literal": title}]}
    document = pdf_of(f"# {plain}\n\nSo they say [@a].\n", [reference])
    assert letters(str(read(document).metadata.title)) == letters(title)  # type: ignore[union-attr]
    assert letters(text_of(document)).startswith(letters(title))


def test_it_leads_to_web_pages_only() -> None:
    document = read(
        pdf_of(
            "# T\n\n[a](https://example.org) [b](javascript:alert(1)) [c](file:///etc/passwd) [d](#t) [e](#nowhere) "
            "[f](data:x,y) [g](//evil.example) ![h](http://127.0.0.1:9/x.png)\n"
        )
    )
    links = [note.get_object()["/A"]["/URI"] for note in document.pages[0]["/Annots"]]
    assert links == ["https://example.org"]
    assert "a b c d e f g h" in document.pages[0].extract_text()


def test_long_words_and_addresses_stay_on_the_page_and_are_not_changed() -> None:
    address = f"https://example.org/{'ab/' * 60}?q={'c' * 200}"
    document = read(pdf_of(f"# T\n\nSee <{address}> and {'W' * 300} and end.\n"))
    said = document.pages[0].extract_text()
    assert letters(said).startswith(f"TSee{address}and{'W' * 300}andend.")
    assert "\u200b" not in said
    assert "\u00ad" not in said
    right_edge = 0.0

    def look(text: str, user: Any, matrix: list[float], font: Any, size: float) -> None:
        nonlocal right_edge
        right_edge = max(right_edge, user[0] * matrix[4] + user[4]) if text.strip() else right_edge

    document.pages[0].extract_text(visitor_text=look)
    assert right_edge < 595


def test_200_kilobytes_are_set_in_time() -> None:
    paragraph = "The sea *rises* every year by a little, and walls are built. " * 8 + "\n\n"
    pages = read(pdf_of(f"# T\n\n{paragraph * 420}The end of it all.\n")).pages
    assert len(pages) > 50
    assert "The end of it all." in pages[-1].extract_text()


def test_other_scripts_survive_where_a_font_has_them() -> None:
    said = text_of(pdf_of("# T\n\nПривет, θάλασσα, שלום, ﬁn, e\u0301, naïve.\n"))
    for word in ("Привет", "θάλασσα", "naïve"):
        assert word in said
    assert "םולש" in said or "שלום" in said


def test_a_letter_that_no_font_has_is_told_and_never_left_out() -> None:
    with pytest.raises(NoPdf, match="no font on the server has it") as refused:
        pdf_of("# T\n\nA sign of nobody: \u0378.\n")
    assert (refused.value.code, refused.value.http_status) == ("no_pdf", 422)
    assert "The Word file and the Markdown have the whole text." in refused.value.message


def test_marks_of_direction_and_joiners_do_not_stop_it() -> None:
    assert is_whole(pdf_of("# T\n\na\u202eb\u202c c\u200dd\u200be\ufeff f\u00adg \uffff \u2066h\u2069\n"))


def test_what_is_no_word_file_is_no_pdf() -> None:
    for content in (b"", b"PK word", b"%PDF-1.7"):
        with pytest.raises(NoPdf, match="Word file and the Markdown"):
            to_pdf(content, written_at=WRITTEN)


@pytest.mark.parametrize(
    "typst", ['#read("/etc/passwd")', '#read("../../etc/passwd")', '#include "/etc/hostname"', '#image("/etc/x.png")']
)
def test_even_typst_itself_would_see_no_file(typst: str, tmp_path: Path) -> None:
    with pytest.raises(NoPdf, match="could not be set"):
        typeset(typst, tmp_path)


def test_even_typst_itself_would_fetch_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoPdf, match="failed to download package"):
        typeset('#import "@preview/cetz:0.3.0": *', tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_takes_too_long_or_too_much_memory_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting, "_SECONDS", 1)
    endless = "#let f(n) = { let i = 0; while i < n { i += 1 }; i }\n#f(10000000000)"
    with pytest.raises(NoPdf, match=r"took longer than 1 seconds|could not be set"):
        typeset(endless, tmp_path)
    monkeypatch.setattr(setting, "_BYTES", 2**28)
    monkeypatch.setattr(setting, "_SECONDS", 20)
    with pytest.raises(NoPdf, match="could not be set"):
        typeset('#let s = "x" * 2000000000\n#s.len()', tmp_path)


def test_half_a_pdf_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pdf_of("# T\n\nText.\n")
    assert is_whole(whole)
    assert not is_whole(whole[:-20])
    word_file, run = to_docx("# T\n\nText.\n", []), subprocess.run

    def cut(command: list[str], **given: Any) -> Any:
        done = run(command, **given)
        if "typesetter.py" in " ".join(command):
            done.stdout = done.stdout[:-20]
        return done

    monkeypatch.setattr(subprocess, "run", cut)
    with pytest.raises(NoPdf):
        to_pdf(word_file, written_at=WRITTEN)
