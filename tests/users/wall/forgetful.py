"""A site beside the real one: a page that scopes what it shows, and one whose author has forgotten it."""

from django.contrib import admin
from django.http import StreamingHttpResponse
from django.urls import include, path

from learning.models import Course
from lms_purge import urls
from lms_purge.backoffice.site import LmsAdminSite
from purge.models import PurgeRequest
from purge.pages.declared_lookups import DeclaredLookups
from users.tenancy import TenantAdmin


class Forgetful(DeclaredLookups, admin.ModelAdmin):
    """Open to whoever is let into the site, as the real pages are to administrators."""

    fields = ("title",)

    def has_view_permission(self, request, obj=None):
        return True

    has_add_permission = has_change_permission = has_delete_permission = has_module_permission = has_view_permission


class ForgetfulOfRequests(Forgetful):
    """The same of the purge's own rows, which hold the account's number without a foreign key."""

    fields = ("reference",)


class Mindful(TenantAdmin):
    fields = ("title",)


forgetful, mindful = LmsAdminSite(name="forgetful"), LmsAdminSite(name="mindful")
forgetful.register(Course, Forgetful)
forgetful.register(PurgeRequest, ForgetfulOfRequests)
mindful.register(Course, Mindful)


def stream(request):
    """Read when the view has long returned."""
    wanted = Course.objects.all() if "all" in request.GET else Course.objects.filter(account=request.user.account)
    return StreamingHttpResponse(f"{course.title}\n" for course in wanted)


urlpatterns = [
    path("forgetful/", forgetful.urls),
    path("mindful/", mindful.urls),
    path("stream", stream),
    path("", include(urls)),
]
handler404 = urls.handler404
