from django.urls import path

from autonomy.api.checkpoints import CheckpointsView
from autonomy.api.diff import DiffView
from autonomy.api.events import events
from autonomy.api.spend import SpendView
from autonomy.api.verbs import CancelView, ForkView, PriorityView, RaiseBudgetView, RetryView, ScheduleView
from autonomy.api.views import RunsView, RunView

urlpatterns = [
    path("runs", RunsView.as_view(), name="runs"),
    path("runs/<uuid:run_id>", RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/events", events, name="run-events"),
    path("runs/<uuid:run_id>/checkpoints", CheckpointsView.as_view(), name="run-checkpoints"),
    path("runs/<uuid:run_id>/diff", DiffView.as_view(), name="run-diff"),
    path("runs/<uuid:run_id>/spend", SpendView.as_view(), name="run-spend"),
    path("runs/<uuid:run_id>/cancel", CancelView.as_view(), name="run-cancel"),
    path("runs/<uuid:run_id>/retry", RetryView.as_view(), name="run-retry"),
    path("runs/<uuid:run_id>/raise-budget", RaiseBudgetView.as_view(), name="run-raise-budget"),
    path("runs/<uuid:run_id>/fork", ForkView.as_view(), name="run-fork"),
    path("runs/<uuid:run_id>/schedule", ScheduleView.as_view(), name="run-schedule"),
    path("runs/<uuid:run_id>/priority", PriorityView.as_view(), name="run-priority"),
]
