"""One request, one run: an Idempotency-Key makes it safe to ask again."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from autonomy.errors import IdempotencyMismatch, InvalidInput, UnknownJourney
from autonomy.models import Episode, Job, Run, Source
from autonomy.services import start_run as service
from autonomy.services.start_run import GivenSource, start_run
from autonomy.tests.factories import UserFactory
from conftest import SEA_WALLS

pytestmark = pytest.mark.django_db(transaction=True)

WALLS = GivenSource("walls.txt", SEA_WALLS.encode())
LATER = timezone.now() + timedelta(days=1)


@pytest.fixture
def user():
    return UserFactory()


def ask(user, key="one", **changes):
    given = {
        "owner": user,
        "journey": "essay",
        "task_spec": {"topic": "Sea walls", "words": 100},
        "sources": [WALLS],
        "idempotency_key": key,
    }
    return start_run(**given | changes)


def test_the_same_request_with_the_same_key_is_the_same_run_and_its_first_job(user):
    run, job = ask(user)
    again = ask(user)
    assert again == (run, job)
    assert (Run.objects.count(), Job.objects.count(), Source.objects.count(), Episode.objects.count()) == (1, 1, 1, 1)


def test_it_is_the_same_also_after_the_run_has_gone_on(user, model, work):
    job = ask(user)[1]
    work()
    again, first = ask(user)
    assert (again.status, first) == ("waiting_human", job)


def test_it_is_the_same_however_it_is_spelt(user):
    run, _ = ask(user, task_spec={"topic": " Sea walls ", "words": 100, "sections": []})
    assert ask(user)[0] == run


@pytest.mark.parametrize(
    "changes",
    [
        {"journey": "report", "task_spec": {"topic": "Sea walls", "words": 200}},
        {"task_spec": {"topic": "Sea walls", "words": 101}},
        {"priority": 4},
        {"scheduled_at": LATER},
        {"sources": [GivenSource("walls.txt", b"Other words.")]},
        {"sources": [GivenSource("other.txt", SEA_WALLS.encode())]},
        {"sources": [GivenSource("walls.txt", SEA_WALLS.encode(), "Another title")]},
        {"sources": [WALLS, GivenSource("double.txt", SEA_WALLS.encode())]},
    ],
)
def test_another_request_with_the_same_key_is_refused(user, changes):
    run, _ = ask(user)
    with pytest.raises(IdempotencyMismatch) as refused:
        ask(user, **changes)
    assert (refused.value.code, refused.value.http_status) == ("idempotency_mismatch", 409)
    assert refused.value.details == {"run_id": str(run.pk)}
    assert Run.objects.count() == 1


def test_a_run_for_somebody_else_is_another_request(user):
    staff = UserFactory(is_staff=True)
    ask(user, actor=staff)
    with pytest.raises(IdempotencyMismatch):
        ask(UserFactory(), actor=staff)


def test_the_key_of_one_caller_is_nothing_to_another(user):
    first, _ = ask(user)
    other, _ = ask(UserFactory())
    by_staff, _ = ask(user, actor=UserFactory(is_staff=True))
    assert len({first.pk, other.pk, by_staff.pk}) == 3
    assert by_staff.started_by != first.started_by == user


def test_without_a_key_each_request_starts_a_run(user):
    assert ask(user, key=None)[0] != ask(user, key=None)[0]


def test_a_request_that_was_refused_leaves_its_key_free(user):
    with pytest.raises(UnknownJourney):
        ask(user, journey="novel")
    assert ask(user)[0].idempotency_key == "one"


def test_a_scheduled_request_can_be_repeated(user):
    run, _ = ask(user, scheduled_at=LATER)
    assert ask(user, scheduled_at=LATER)[0] == run


@pytest.mark.parametrize("key", ["", "x" * 256, "ключ", "a\nb", "a\0b", "a\x7f"])
def test_a_key_that_is_no_key_is_refused(user, key):
    with pytest.raises(InvalidInput) as refused:
        ask(user, key=key)
    assert "printable ASCII" in refused.value.details["fields"]["Idempotency-Key"][0]
    assert not Run.objects.exists()


@pytest.mark.parametrize("key", ["x" * 255, " ", "~!{}\"'"])
def test_any_printable_key_serves(user, key):
    assert ask(user, key=key)[0].idempotency_key == key


def test_many_requests_at_once_with_one_key_are_one_run(user, monkeypatch):
    """All have looked, and found no run, before the first of them writes: the unique index decides."""
    together = threading.Barrier(6)
    first_look = threading.local()
    look = service.earlier

    def look_together(*given):
        found = look(*given)
        if not getattr(first_look, "done", False):
            first_look.done = True
            together.wait(30)
        return found

    monkeypatch.setattr(service, "earlier", look_together)
    started, errors = [], []

    def request():
        try:
            run, job = ask(user)
            started.append((run.pk, job.pk))
        except Exception as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=request) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(started) == 6
    assert len(set(started)) == 1
    assert (Run.objects.count(), Job.objects.count(), Source.objects.count(), Episode.objects.count()) == (1, 1, 1, 1)


def test_the_database_holds_a_key_with_its_caller_and_fingerprint(user):
    run, _ = ask(user)
    with pytest.raises(IntegrityError, match="run_idempotency_key_has_caller_and_fingerprint"):
        Run.objects.filter(pk=run.pk).update(request_fingerprint="")


def test_another_broken_rule_is_not_taken_for_a_double(user, monkeypatch):
    limits = service.limits_of
    monkeypatch.setattr(service, "limits_of", lambda *asked: limits(*asked) | {"target_similarity": 15})
    with pytest.raises(IntegrityError, match="run_target_similarity_is_fraction"):
        ask(user)
