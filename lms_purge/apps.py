from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class LmsPurgeConfig(AppConfig):
    """The site itself is an app so that its checks and templates are found."""

    name = "lms_purge"
    verbose_name = "LMS Purge"

    def ready(self) -> None:
        from lms_purge.process import checks  # noqa: F401 - registers the system check


class LmsAdminConfig(AdminConfig):
    default_site = "lms_purge.backoffice.site.LmsAdminSite"
