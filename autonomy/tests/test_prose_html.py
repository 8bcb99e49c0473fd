"""A draft's Markdown as HTML: nothing that a model writes runs, leads astray or stops the page."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import nh3
import pytest

from autonomy.console import prose_html
from autonomy.console.prose_changes import Put, Wrap
from autonomy.console.prose_html import Prose, line, sound

TAGS = {"p", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "hr", "br", "em", "strong"} | {
    "table", "thead", "tbody", "tr", "th", "td", "a", "span", "mark", "sup",
}  # fmt: skip


class Read(HTMLParser):
    """The tags of some HTML with their attributes, as a browser reads them; and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<div\n\nonclick=alert(1)>x</div>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    '<p x-init="alert(1)" @click="alert(1)" x-data>Alpine</p>',
    "<style>*{display:none}</style><base href=//evil.example>",
    "<!-- <b> --> <![CDATA[x]]> <?php x ?>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\tscript:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "[a](&#x6A;avascript&colon;alert(1))",
    "[a](javascript&#58;alert(1))",
    "[a](\x01javascript:alert(1))",
    "[a](<javascript:alert(1)>)",
    "[a](javascript\\:alert(1))",
    "[a](%6Aavascript:alert(1))",
    "[a](vbscript:x) [b](data:text/html;base64,PHNjcmlwdD4=) [c](file:///etc/passwd)",
    "[a](data:image/svg+xml,<svg/onload=alert(1)>)",
    "[a](//evil.example/x) [b](/admin/logout/) [c](?x=1) [d](#main) [e](\\\\evil\\x)",
    "[a](http:/\\evil) [b](https:evil.example) [c](http://)",
    '[a](https://e.example "\\" onmouseover=alert(1) x=")',
    "<javascript:alert(1)> <data:x,y> <mailto:a@b.example>",
    "[a]\n\n[a]: javascript:alert(1)",
    "![a](javascript:alert(1)) ![b](https://e.example/t.gif) ![c](data:image/png;base64,AA)",
    "[![a](https://e.example/t.gif)](javascript:alert(1))",
    "[a](https://e.example/<script>alert(1)</script>)",
    "`<script>alert(1)</script>`",
    '```"><script>alert(1)</script>\nx\n```',
    '```x" onclick="alert(1)\nx\n```',
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62;",
    "&amp;lt;img src=x onerror=alert(1)&amp;gt;",
    "<scr\0ipt>alert(1)</scr\0ipt> \0",
    "<scr\u200bipt>alert(1)</script>",
    "{{ 7*7 }} {% now 'Y' %} ${7*7} <%= 7 %>",
    "[@key]: https://evil.example\n\n[@key]",
    "|a|\n|:-|\n|<img src=x onerror=alert(1)>|",
    "# <b onclick=x>h</b>\n\n<b>\n===",
    "https://evil.example www.evil.example",
    "\ud800 half of a letter",
    "<a id=csrfmiddlewaretoken name=forms>x</a>",
]


@pytest.mark.parametrize("markdown", HOSTILE)
def test_nothing_that_a_draft_says_becomes_more_than_text_and_links_to_the_web(markdown):
    html = Prose(markdown).html()
    html.encode()
    for tag, attributes in Read(html).tags:
        assert tag in TAGS, html
        assert set(attributes) <= ({"href", "rel", "class"} if tag == "a" else {"start"}), html
        if href := attributes.get("href"):
            assert re.match(r"https?://[a-z]", href), html
            assert attributes["rel"] == "noopener noreferrer nofollow"
    assert "\0" not in html


@pytest.mark.parametrize("markdown", HOSTILE)
def test_the_second_wall_has_nothing_left_to_do_with_tags(markdown, monkeypatch):
    """What the parser makes is sound by itself: the sanitizer takes away attributes at most, no element."""
    given = []
    clean = nh3.clean
    monkeypatch.setattr(nh3, "clean", lambda html, **rules: given.append(html) or clean(html, **rules))
    html = Prose(markdown).html()
    assert [tag for tag, _ in Read(given[0]).tags] == [tag for tag, _ in Read(html).tags]


@pytest.mark.parametrize(
    "made",
    [
        "<script>alert(1)</script>",
        '<p onclick="x" style="x" x-init="y" @click="z" :class="w">t</p>',
        '<a href="javascript:x" id="menu" target="_top">t</a>',
        '<a href="#x" id="cite-1x">t</a><mark class="draft-match console-button">t</mark>',
        '<a href="/admin/">t</a><a href="//e.example">t</a>',
    ],
)
def test_the_second_wall_holds_alone(made, monkeypatch):
    monkeypatch.setattr(prose_html._PARSER.renderer, "render", lambda *_: made)
    tags = Read(Prose("x").html()).tags
    assert all(set(attributes) <= {"rel", "class"} for _, attributes in tags)
    assert all(attributes.get("class") in (None, "draft-match") for _, attributes in tags)
    assert not {"script"} & {tag for tag, _ in tags}


def test_what_is_no_link_is_shown_as_it_was_written():
    assert "[click](javascript:alert(1))" in Read(Prose("[click](javascript:alert(1))").html()).text
    assert "<b>bold</b>" in Read(Prose("<b>bold</b>").html()).text


def test_a_link_says_where_it_leads():
    html = Prose("[our bank](https://user@evil.example/login) <https://a.example/x>").html()
    assert "our bank (evil.example)" in html
    assert "https://a.example/x (" not in html


def test_an_image_becomes_its_description():
    html = Prose("See ![the *map*](https://e.example/m.png) here").html()
    assert html == "<p>See the <em>map</em> here</p>\n"


def test_headings_go_down_one_level_at_a_time_below_those_of_the_page():
    html = Prose("# One\n\n#### Four\n\n###### Six\n\n# One\n\nSet\n===\n", heading=4).html()
    assert re.findall(r"<h(\d)>", html) == ["4", "5", "6", "4", "4"]


def test_letters_that_turn_the_direction_are_gone_and_other_scripts_stay():
    assert sound("a\u202etxt.exe\u2066 b\x07\x00") == "atxt.exe b"
    assert "हिन्दी 👨\u200d👩\u200d👧 العربية" in Prose("हिन्दी 👨\u200d👩\u200d👧 العربية").html()


def test_a_heading_is_read_as_its_text():
    assert line("Walls \\*and\\* <b>more</b> &amp; so") == "Walls *and* <b>more</b> & so"


@pytest.mark.parametrize(
    "markdown",
    [
        "[" * 1_000_000, "![" * 500_000, "[a](" * 250_000, "[a\n" * 300_000, "> " * 500_000, "- " * 500_000,
        "**a *b " * 140_000, "_a__b_" * 160_000, "`a``b```c" * 100_000, "<" * 1_000_000, "&#" * 500_000,
        "\\" * 1_000_000, "|a\n|-\n" * 160_000, "[@a] " * 200_000, "# a\n" * 250_000, "word " * 200_000,
    ],
)  # fmt: skip
def test_a_megabyte_is_cut_and_done_in_time(markdown):
    begun = time.process_time()
    prose = Prose(markdown)
    html = prose.html()
    assert prose.is_cut
    assert time.process_time() - begun < 10
    assert len(html) < 2_000_000


def test_a_short_text_is_not_cut():
    assert not Prose("Short.").is_cut


class TestChanges:
    def test_the_text_is_told_letter_for_letter(self):
        prose = Prose("One *two* `[@c]`\nthree \\[@x\\] [a [@b]](https://e.example)")
        assert prose.paragraphs == ["One two [@c]\nthree [@x] a [@b] (e.example)"]
        assert prose.citable[0] == "One two \0\0c\0\nthree \0@x\0 a \0\0b\0 (e.example)"
        assert len(prose.citable[0]) == len(prose.paragraphs[0])

    def test_a_mark_goes_through_emphasis_and_stays_well_formed(self):
        html = Prose("One *two three* four").html({0: [Wrap(2, 9, "match")]})
        assert html == (
            '<p>On<mark class="draft-match">e </mark><em><mark class="draft-match">two t</mark>hree</em> four</p>\n'
        )

    def test_a_link_takes_the_place_of_letters(self):
        html = Prose("So [@a].").html({0: [Put(4, 6, "1", "#cited-1", "cite-1", "draft-cite", "source ")]})
        assert html == (
            '<p>So [<a href="#cited-1" id="cite-1" class="draft-cite" rel="noopener noreferrer nofollow">'
            '<span class="draft-hidden">source </span>1</a>].</p>\n'
        )

    def test_what_is_put_in_is_text(self):
        html = Prose("So.").html({0: [Put(0, 2, "<b>", kind="draft-unknown", before='"><script>')]})
        assert [tag for tag, _ in Read(html).tags] == ["p", "span", "span"]

    def test_nothing_is_put_into_another_link(self):
        html = Prose("[one two](https://e.example) three").html({0: [Put(3, 3, "1", "#match-1", "marked-1")]})
        assert html.index("</a>") < html.index("#match-1")

    def test_marks_over_one_another_become_one(self):
        html = Prose("One two three").html({0: [Wrap(0, 7, "match"), Wrap(4, 13, "match")]})
        assert html.count("<mark") == 1

    def test_a_note_may_stand_at_the_very_end(self):
        html = Prose("One").html({0: [Put(3, 3, "1", "#match-1", "marked-1", "draft-note", raised=True)]})
        assert html.startswith("<p>One<sup><a ")
