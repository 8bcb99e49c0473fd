from django.urls import path

from turnitin.api.views import DocumentView, ReportView

urlpatterns = [
    path("<uuid:run_id>/report", ReportView.as_view(), name="turnitin-report"),
    path("<uuid:run_id>/cycles/<int:number>/document.<str:ending>", DocumentView.as_view(), name="turnitin-document"),
]
