"""What reading a source yields, and how a file that cannot be read says so."""

from __future__ import annotations

import io
import logging
import zipfile
from pathlib import Path

import docx
import pypdf
import pytest

from autonomy.errors import UnreadableSource
from autonomy.tools.extract import Extracted, extract, limits

SAMPLES = sorted((Path(__file__).parents[1] / "demo" / "sources").iterdir())


def refusal(filename: str, data: bytes) -> str:
    with pytest.raises(UnreadableSource) as caught:
        extract(filename, data)
    return caught.value.message


def sample(suffix: str) -> Extracted:
    path = next(path for path in SAMPLES if path.suffix == suffix)
    return extract(path.name, path.read_bytes())


def word_file(*paragraphs: str) -> bytes:
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def repacked(data: bytes, **parts: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != "word/document.xml" or "document" not in parts:
                new.writestr(entry.filename, old.read(entry))
        for name, content in parts.items():
            new.writestr(f"word/{name}.xml", content)
    return stream.getvalue()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_source_reads_as_clean_paragraphs(path: Path) -> None:
    found = extract(path.name, path.read_bytes())
    paragraphs = found.text.split("\n\n")
    assert 350 <= len(found.text.split()) <= 700
    assert len(found.headings) >= 3
    assert all(paragraph == " ".join(paragraph.split()) and paragraph for paragraph in paragraphs)
    assert all(heading in paragraphs or heading == found.title for heading in found.headings)
    assert found.csl["title"] == found.title
    # No paragraph was torn apart at the end of a line or a page.
    assert all(p[-1] in ".:" for p in paragraphs if len(p) > 100)


def test_the_samples_cover_every_kind_of_file() -> None:
    assert {path.suffix for path in SAMPLES} == {".md", ".txt", ".html", ".docx", ".pdf"}
    assert all(path.stat().st_size < 40_000 for path in SAMPLES)


def test_front_matter_becomes_csl() -> None:
    data = (
        b"---\ntitle: On dikes\nauthor: ['Roe, Ann', Water Board]\ndate: 2026-03\ndoi: 10.1234/x\n"
        b"url: https://example.org/d\npublisher: Press\n---\nText stands *here* with `code` and a [link](x).\n"
    )
    found = extract("a.md", data)
    assert found.text == "Text stands here with code and a link."
    assert found.csl == {
        "type": "document",
        "title": "On dikes",
        "author": [{"family": "Roe", "given": "Ann"}, {"literal": "Water Board"}],
        "issued": {"date-parts": [[2026, 3]]},
        "DOI": "10.1234/x",
        "URL": "https://example.org/d",
        "publisher": "Press",
    }


def test_markdown_leaves_out_code_blocks_images_and_raw_html() -> None:
    code, image, script = b"```\nsecret()\n```", b"![map](m.png)", b"<script>x()</script>"
    data = b"\n\n".join([b"# Dikes", b"One line\nand the next.", code, image, script, b"- first\n- last"])
    found = extract("a.md", data)
    assert found.text.split("\n\n") == ["Dikes", "One line and the next.", "first", "last"]
    assert found.headings == ["Dikes"]


def test_yaml_that_multiplies_itself_is_refused() -> None:
    assert "anchors" in refusal("a.md", b"---\na: &a [x, x]\nb: [*a, *a]\n---\nText\n")


def test_broken_front_matter_is_named() -> None:
    assert refusal("a.md", b"---\ntitle: [unclosed\n---\nText\n").startswith("The front matter is not valid YAML")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_text_is_decoded(encoding: str) -> None:
    assert extract("a.txt", "Über den Fluß.\r\n\r\nEin é.".encode(encoding)).text == "Über den Fluß.\n\nEin é."


@pytest.mark.parametrize("text", ["هذا نص عربي عن البحر.", "זהו טקסט על הים.", "海面が上昇している。", "बाढ़ का पानी।"])
def test_text_in_other_scripts_stays_as_it_is(text: str) -> None:
    assert extract("a.txt", text.encode()).text == text


def test_wrapped_lines_of_japanese_join_without_a_space() -> None:
    assert extract("a.txt", "海面が上\n昇している。".encode()).text == "海面が上昇している。"


def test_text_is_normalised_and_free_of_control_characters() -> None:
    assert extract("a.txt", b"Cafe\xcc\x81\x07 with\ttabs\xc2\xa0and\xc2\xad soft\x0c hyphens").text == (
        "Café with tabs and soft hyphens"
    )


def test_the_name_of_the_file_is_the_last_resort_for_a_title() -> None:
    found = extract("folder\\sea_walls-2026.txt", b"just some words without any heading.")
    assert found.title == "sea walls 2026"
    assert found.csl == {"type": "document"}


def test_a_web_page_is_read_without_scripts_and_navigation() -> None:
    found = sample(".html")
    assert "console.log" not in found.text
    assert "Forecast Message" not in found.text
    assert found.csl["type"] == "webpage"
    assert found.csl["author"] == [{"literal": "Autonomy sample library"}]
    assert found.csl["issued"] == {"date-parts": [[2026, 4, 21]]}


def test_markup_before_a_comma_leaves_no_space() -> None:
    words = b"The <b>dike</b>, as the <i>board</i> has it, keeps a .lock file by the river and holds the sea back."
    page = b"<html><body><main><h1>Dikes</h1><p>" + words + b"</p></main></body></html>"
    assert "The dike, as the board has it, keeps a .lock file" in extract("a.html", page).text


def test_a_web_page_without_main_text_gives_what_can_be_seen() -> None:
    head = b"<head><style>p{}</style><script>evil()</script></head>"
    page = b"<html>" + head + b"<body><div>Tide <b>tables</b></div></body></html>"
    assert extract("a.htm", page).text == "Tide tables"


def test_xml_entities_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><html><body><p>Laugh &b; now.</p></body></html>'
    assert "hahaha" not in extract("a.html", bomb).text


def test_a_pdf_gives_its_bookmarks_and_xmp_date() -> None:
    found = sample(".pdf")
    assert "Insurance" in found.headings
    assert found.csl["issued"] == {"date-parts": [[2026, 5, 6]]}


def test_hyphenation_at_line_ends_is_undone() -> None:
    from autonomy.tools.extract.pdf_lines import paragraphs_of_pages

    page = ["A long-term plan for adap-", "tation needs money and a long-", "term view of the whole coast."]
    joined = "A long-term plan for adaptation needs money and a long-term view of the whole coast."
    assert paragraphs_of_pages([page]) == [joined]


def test_running_heads_and_page_numbers_are_dropped() -> None:
    from autonomy.tools.extract.pdf_lines import paragraphs_of_pages

    pages = [["Tides 2026", f"Body of page {word} goes on until here.", str(n)] for n, word in enumerate("abcd", 1)]
    assert "Tides" not in " ".join(paragraphs_of_pages(pages))


def test_running_titles_are_dropped_wherever_they_stand_at_an_edge() -> None:
    from autonomy.tools.extract.pdf_lines import paragraphs_of_pages

    bodies = ["Tides rise.", "Dikes hold.", "Pumps run.", "Farms drain.", "Towns wait.", "Roads flood."]
    foot = "TOWN DIKE PLAN 2026"
    pages = [
        [" ", f"Dike board         {'i' * n} June 3, 2026", "  ", "Chapter 5", body, body.upper(), body, foot, str(n)]
        for n, body in enumerate(bodies, 1)
    ]
    pages[4][3] = pages[5][3] = "Chapter 5 ends"
    text = " ".join(paragraphs_of_pages(pages))
    assert "Dike board" not in text
    assert foot not in text
    assert all(body in text for body in bodies)


def test_the_running_title_of_a_chapter_stands_once_where_the_chapter_begins() -> None:
    from autonomy.tools.extract.pdf_running import without_running

    pages = [[f"Part {'one' if n < 4 else 'two'}", f"{'abcdefghij'[n]} line"] for n in range(10)]
    heads = [[line for line in page if line.startswith("Part")] for page in without_running(pages[:4] + pages[6:])]
    assert heads == [["Part one"], [], [], [], ["Part two"], [], [], []]


@pytest.mark.parametrize(
    "entry",
    [
        "Dikes and dams ........................ 12",
        "2.1 Pumps . . . . . . . . . . . . . . 7",
        "Walls ………… iv",
        "Name: ________",
    ],
)
def test_a_line_that_leads_to_a_page_by_dots_is_dropped(entry: str) -> None:
    from autonomy.tools.extract.pdf_lines import paragraphs_of_pages

    kept = ["The dike holds.", "The pump runs."]
    assert paragraphs_of_pages([[kept[0], "", entry, "", kept[1]]]) == kept
    assert extract("a.txt", f"{kept[0]}\n\n{entry}\n\n{kept[1]}".encode()).text == "\n\n".join(kept)
    assert extract("a.docx", word_file(kept[0], entry)).text == kept[0]


def test_an_entry_of_the_contents_is_dropped_with_the_line_it_begins_on() -> None:
    from autonomy.tools.extract.prose import without_leaders

    lines = ["It begins here.", "", "Measures that hold the water back and", "drain the fields ............ 12", "Why?"]
    assert [line for line in without_leaders(lines) if line] == ["It begins here.", "Why?"]
    assert without_leaders(["He said so ... and left."]) == ["He said so ... and left."]


@pytest.mark.parametrize("bullet", ["•", "▪", "\uf0a7", "\uf0b7 ", "o ", "• • "])
def test_a_bullet_begins_a_paragraph_and_is_not_part_of_it(bullet: str) -> None:
    from autonomy.tools.extract.pdf_lines import paragraphs_of_pages

    lines = ["The board will:", f"{bullet}Raise the dike along", "the river", f"  {bullet}Clear the drains"]
    parts = ["The board will:", "Raise the dike along the river", "Clear the drains"]
    assert paragraphs_of_pages([lines]) == parts
    assert extract("a.txt", "\n".join(lines).encode()).text == "\n\n".join(parts)


def test_private_glyphs_are_nothing_within_a_line() -> None:
    assert extract("a.txt", "The dike\ue001 holds \uf04athe sea.".encode()).text == "The dike holds the sea."


def test_a_division_with_a_space_before_its_hyphen_is_undone() -> None:
    from autonomy.tools.extract.pdf_lines import paragraphs_of_pages

    page = ["The board has estab -", "lished a rule for every dike -", "and every dike and wall obeys it."]
    joined = "The board has established a rule for every dike - and every dike and wall obeys it."
    assert paragraphs_of_pages([page]) == [joined]


def test_words_torn_apart_are_joined_only_where_a_document_is_torn_throughout() -> None:
    from autonomy.tools.extract.pdf_words import rejoined

    whole = ["Businesses and energy stand on this dike, and a long wall runs along it."] * 10
    torn = ["Busi nesses like e nergy on a long dike."] * 8
    assert rejoined(whole + torn)[10:] == ["Businesses like energy on a long dike."] * 8
    assert rejoined([*whole, torn[0]]) == [*whole, torn[0]]


def test_an_account_name_is_no_author_and_a_file_name_no_title() -> None:
    path = next(path for path in SAMPLES if path.suffix == ".pdf")
    writer = pypdf.PdfWriter()
    for page in pypdf.PdfReader(path).pages:
        writer.add_page(page)
    writer.add_metadata({"/Author": "jroe7", "/Title": "Copy of dikes 2026.xlsx"})
    stream = io.BytesIO()
    writer.write(stream)
    found = extract("river_plan.pdf", stream.getvalue())
    assert found.title == "river plan"
    assert "author" not in found.csl


def test_the_title_of_a_page_is_not_the_name_of_its_site() -> None:
    head = b"<head><title>What is a dike? - The Water Book</title></head>"
    menu = b"<h1>The Water Book</h1>"
    body = b"<main><h2>What is a dike?</h2><p>A dike is a bank of earth that keeps the water from the land.</p></main>"
    assert extract("a.html", b"<html>" + head + b"<body>" + menu + body + b"</body></html>").title == "What is a dike?"


@pytest.mark.parametrize(
    ("filename", "data", "says"),
    [
        ("a.txt", b"", "The file is empty"),
        ("a.pdf", b" \n ", "The file is empty"),
        ("a.xyz", b"data", "Files of type .xyz are not supported; use .txt"),
        ("noending", b"data", "Files without an ending are not supported"),
        ("a.pdf", b"hello", "The PDF is damaged: it does not begin with %PDF"),
        ("a.pdf", b"%PDF-1.7\ngarbage", "The PDF is damaged"),
        ("a.docx", b"%PDF-1.7\n", "The Word file is damaged"),
        ("a.docx", b"\xd0\xcf\x11\xe0 old", "The Word file is encrypted or an old .doc"),
        ("a.txt", b"%PDF-1.7\n", "The content is not text"),
        ("a.txt", b"PK\x03\x04zip", "The content is not text"),
        ("a.txt", b"a\x00b\x00c", "The content is not text"),
        ("a.txt", b"<!DOCTYPE html><html></html>", "The content is a web page"),
        ("a.md", b"```\nonly code\n```", "The file holds no text"),
        ("a.html", b"<html><body><script>x()</script></body></html>", "The file holds no text"),
        ("a.html", b"<!-- -->", "The "),
    ],
)
def test_a_file_that_cannot_be_read_says_why(filename: str, data: bytes, says: str) -> None:
    assert refusal(filename, data).startswith(says)


def test_a_pdf_without_text_is_taken_for_scanned_pages() -> None:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    stream = io.BytesIO()
    writer.write(stream)
    assert refusal("a.pdf", stream.getvalue()) == "This PDF holds no text (scanned pages?)"


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_an_encrypted_pdf_is_refused(algorithm: str) -> None:
    path = next(path for path in SAMPLES if path.suffix == ".pdf")
    writer = pypdf.PdfWriter(clone_from=str(path))
    writer.encrypt("secret", algorithm=algorithm)
    stream = io.BytesIO()
    writer.write(stream)
    assert refusal("a.pdf", stream.getvalue()).startswith("The PDF is encrypted")


def test_a_damaged_pdf_makes_no_noise(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    path = next(path for path in SAMPLES if path.suffix == ".pdf")
    data = path.read_bytes()
    with caplog.at_level(logging.DEBUG):
        for cut in (200, 1500, len(data) // 2):
            assert refusal("a.pdf", data[:cut]).startswith(("The PDF is damaged", "This PDF holds no text"))
        assert "Insurance" in extract("a.pdf", data + b"trailing rubbish").text
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_a_word_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNZIPPED_BYTES", 1_000_000)
    bomb = repacked(word_file("Small."), padding=b"0" * 2_000_000)
    assert len(bomb) < 60_000
    assert "unpacks to" in refusal("a.docx", bomb)


def test_entities_in_a_word_file_are_not_expanded() -> None:
    body = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
        b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>'
        b"<w:t>Dry land &b;</w:t></w:r></w:p></w:body></w:document>"
    )
    assert extract("a.docx", repacked(word_file("x"), document=body)).text == "Dry land"


def test_tables_of_a_word_file_are_read_row_by_row() -> None:
    document = docx.Document()
    document.add_heading("Levels", 1)
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Port", "2 m"
    stream = io.BytesIO()
    document.save(stream)
    found = extract("a.docx", stream.getvalue())
    assert found.text == "Levels\n\nPort | 2 m"
    assert found.headings == ["Levels"]
    assert "author" not in found.csl
    assert "issued" not in found.csl


def test_limits_refuse_and_never_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 10)
    assert refusal("a.txt", b"eleven bytes").startswith("The file is too large")
    monkeypatch.undo()
    monkeypatch.setattr(limits, "MAX_CHARS", 10)
    assert refusal("a.txt", b"eleven chars").startswith("The text is too long")
    path = next(path for path in SAMPLES if path.suffix == ".pdf")
    assert refusal("a.pdf", path.read_bytes()).startswith("The text is too long")
    monkeypatch.undo()
    monkeypatch.setattr(limits, "MAX_PAGES", 0)
    assert "pages, the limit is 0" in refusal("a.pdf", path.read_bytes())
