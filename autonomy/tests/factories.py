from __future__ import annotations

import factory
from django.contrib.auth import get_user_model
from django.db import transaction

from autonomy.episodes.record import NewEpisode, append, lock
from autonomy.models import Run


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()

    username = factory.Sequence("user{}".format)


class RunFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Run

    user = factory.SubFactory(UserFactory)
    journey = "essay"
    title = "A run"
    task_spec = factory.LazyFunction(lambda: {"topic": "Rising seas", "sections": [], "words": 300})
    target_similarity = 0.15
    max_revisions = 3
    limit_tokens = 200_000
    limit_seconds = 900
    limit_usd = 5


def tell(run, message, **data):
    """An episode of the run, committed at once."""
    with transaction.atomic():
        locked = lock(run.pk)
        append(locked, [NewEpisode("progress", message, data)])
        locked.save_progress()
