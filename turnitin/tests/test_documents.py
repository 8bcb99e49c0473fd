"""The PDF of a hand-off: made when it is asked for, kept, whole or not at all."""

from __future__ import annotations

from io import BytesIO

import docx
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pypdf import PdfReader

from autonomy.tests.clients import client_of
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(model, start, work):
    run = start()
    work()
    run.refresh_from_db()
    return run


def test_the_pdf_says_what_the_word_file_says_and_is_made_once(run, monkeypatch):
    address = f"/api/v2/turnitin/{run.pk}/cycles/1/document.pdf"
    answer = client_of(run.user).get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer["Content-Disposition"] == f'attachment; filename="essay-{str(run.pk)[:8]}-1.pdf"'
    made = b"".join(answer.streaming_content)
    said = "".join("".join(page.extract_text() for page in PdfReader(BytesIO(made)).pages).split())
    with Cycle.objects.get().docx.open("rb") as word_file:
        paragraphs = [one.text for one in docx.Document(word_file).paragraphs]
    assert "References" in paragraphs
    for paragraph in paragraphs:
        assert "".join(paragraph.split()) in said
    monkeypatch.setattr("turnitin.documents.to_pdf", None)
    assert b"".join(client_of(run.user).get(address).streaming_content) == made


def test_half_a_pdf_in_the_store_is_made_again(run):
    address = f"/api/v2/turnitin/{run.pk}/cycles/1/document.pdf"
    made = b"".join(client_of(run.user).get(address).streaming_content)
    name = f"{run.pk}/draft-1.pdf"
    assert default_storage.exists(name)
    default_storage.save(name, ContentFile(made[:1000]))
    assert b"".join(client_of(run.user).get(address).streaming_content) == made
    default_storage.delete(name)
    assert b"".join(client_of(run.user).get(address).streaming_content) == made, "the same document, the same bytes"


def test_a_pdf_that_cannot_be_kept_is_handed_out_all_the_same(run, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(default_storage, "save", full)
    answer = client_of(run.user).get(f"/api/v2/turnitin/{run.pk}/cycles/1/document.pdf")
    assert b"".join(answer.streaming_content).startswith(b"%PDF")


def test_a_pdf_that_cannot_be_made_is_an_error_in_the_api_s_form(run):
    cycle = Cycle.objects.get()
    cycle.docx.storage.save(cycle.docx.name, ContentFile(b"no Word file"))
    answer = client_of(run.user).get(f"/api/v2/turnitin/{run.pk}/cycles/1/document.pdf")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_pdf")
    assert not default_storage.exists(f"{run.pk}/draft-1.pdf")
    cycle.docx.storage.delete(cycle.docx.name)
    answer = client_of(run.user).get(f"/api/v2/turnitin/{run.pk}/cycles/1/document.pdf")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
