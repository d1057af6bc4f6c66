from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from lms_purge.monitoring.views import healthz, metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
]

handler400 = "lms_purge.process.errors.bad_request"
handler403 = "lms_purge.process.errors.permission_denied"
handler404 = "lms_purge.process.errors.not_found"
handler500 = "lms_purge.process.errors.server_error"
