from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from autonomy.api.metrics import MetricsView
from config import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("api/v2/", include("autonomy.api.urls")),
    path("api/v2/turnitin/", include("turnitin.api.urls")),
]
handler400 = "autonomy.api.errors.not_acceptable"
handler404 = "autonomy.api.errors.not_found"
handler500 = "autonomy.api.errors.broken"
