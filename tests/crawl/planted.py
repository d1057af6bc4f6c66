"""The site with faults in it, of each kind that the crawl has to find, and one of each that is no fault."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import include, path

from learning.models import Course
from lms_purge import urls
from lms_purge.backoffice.site import LmsAdminSite
from purge.models import LookUp, PatrolPass
from users.tenancy import TenantAdmin
from users.wall import across_accounts


class Unscoped(TenantAdmin):
    """Forgets its scoping, and goes around the wall besides."""

    fields = ("title",)

    def get_queryset(self, request):
        return Course._base_manager.all()


class Scoped(TenantAdmin):
    fields = ("title",)


unscoped, scoped = LmsAdminSite(name="unscoped"), LmsAdminSite(name="scoped")
unscoped.register(Course, Unscoped)
scoped.register(Course, Scoped)


@login_required
@across_accounts("a fault that is planted")
def title(request, course_id):
    return HttpResponse(get_object_or_404(Course, pk=course_id).title)


@login_required
def own_title(request, course_id):
    return HttpResponse(get_object_or_404(Course, pk=course_id, account=request.user.account).title)


@login_required
@across_accounts("a fault that is planted")
def rename(request, course_id):
    if request.method != "POST" or not Course.objects.filter(pk=course_id).update(title="renamed"):
        raise Http404
    return HttpResponse("done")


@login_required
@across_accounts("a fault that is planted")
def rename_others(request, course_id):
    """Changes what was not asked for, for superusers alone: nobody else is let in."""
    if not request.user.is_superuser:
        raise Http404
    if request.method == "POST":
        Course.objects.exclude(pk=course_id).update(title="renamed")
    return HttpResponse("done")


@login_required
@across_accounts("a fault that is planted")
def looked_at(request, course_id):
    """Changes a row by showing it, for superusers alone."""
    if not request.user.is_superuser or not Course.objects.filter(pk=course_id).update(title="looked at"):
        raise Http404
    return HttpResponse("done")


@login_required
def broken(request):
    raise ValueError


@login_required
def forgotten_filter(request, course_id):
    return HttpResponse(get_object_or_404(Course, pk=course_id).title)


@login_required
@across_accounts("a fault that is planted")
def saved(request):
    """Shows nobody's rows, but in the file."""
    return HttpResponse(",".join(Course.objects.values_list("title", flat=True)) if "format" in request.GET else "")


@login_required
def officer_renames(request, course_id):
    """Lets everybody of the account change a row of theirs."""
    course = get_object_or_404(Course, pk=course_id, account=request.user.account)
    if request.method == "POST":
        Course.objects.filter(pk=course.pk).update(title="renamed")
    return HttpResponse("done")


@login_required
def officer_patrols(request):
    """Writes to a table of no account, by being looked at."""
    if request.method == "GET":
        PatrolPass.objects.create()
    return HttpResponse("done")


@login_required
def officer_looks(request):
    """Writes down who has looked, which is no fault."""
    LookUp.objects.create(account_id=request.user.account_id, actor_id=request.user.pk, digest="0" * 32)
    return HttpResponse("done")


urlpatterns = [
    path("saved/", saved, name="purge_register"),
    path("officer/renames/<int:course_id>/", officer_renames),
    path("officer/patrols/", officer_patrols),
    path("officer/looks/", officer_looks),
    path("unscoped/", unscoped.urls),
    path("scoped/", scoped.urls),
    path("title/<int:course_id>/", title),
    path("own-title/<int:course_id>/", own_title),
    path("rename/<int:course_id>/", rename),
    path("rename-others/<int:course_id>/", rename_others),
    path("looked-at/<int:course_id>/", looked_at),
    path("broken/", broken),
    path("forgotten-filter/<int:course_id>/", forgotten_filter),
    path("anybody/", lambda request: HttpResponse("hello")),
    path("", include(urls)),
]
handler404, handler403 = urls.handler404, urls.handler403
