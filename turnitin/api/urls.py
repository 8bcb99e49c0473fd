from django.urls import path, re_path

from turnitin.api.views import DocumentView, ReportView

urlpatterns = [
    path("<uuid:run_id>/report", ReportView.as_view(), name="turnitin-report"),
    re_path(
        r"^(?P<run_id>[0-9a-f-]{36})/cycles/(?P<number>\d{1,4})/document\.(?P<ending>md|docx)$",
        DocumentView.as_view(),
        name="turnitin-document",
    ),
]
