from django.urls import path

from turnitin.api.views import DocumentView, ReportPdfView, ReportView, ViewerView
from turnitin.api.webhook import webhook

urlpatterns = [
    path("<uuid:run_id>/report", ReportView.as_view(), name="turnitin-report"),
    path("<uuid:run_id>/cycles/<int:number>/document.<str:ending>", DocumentView.as_view(), name="turnitin-document"),
    path("<uuid:run_id>/cycles/<int:number>/viewer", ViewerView.as_view(), name="turnitin-viewer"),
    path("<uuid:run_id>/cycles/<int:number>/report.pdf", ReportPdfView.as_view(), name="turnitin-report-pdf"),
    path("webhook", webhook, name="turnitin-webhook"),
]
