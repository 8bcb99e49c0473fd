from django.urls import path

from autonomy.api.events import events
from autonomy.api.views import RunsView, RunView

urlpatterns = [
    path("runs", RunsView.as_view(), name="runs"),
    path("runs/<uuid:run_id>", RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/events", events, name="run-events"),
]
