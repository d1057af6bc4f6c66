"""The pages of a pasted list: paste it, see what can be done, delete who is still active, purge fifty at a time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lms_purge.cleanup.forms import PasteForm
from lms_purge.cleanup.pasted import KIND, line_numbers, lines_of, looked_up, sorted_list
from purge.host import get_host
from users.drafts import draft_begin, draft_of
from users.models import PurgeDraft
from users.permissions import DELETE_PERMISSION, PURGE_PERMISSION
from users.services import ServiceError, user_delete
from users.tenancy import TenantAdmin
from users.tenancy.messages import numbered, say_deleted

#: The token of a list, in its address.
LIST = "list"
#: How many are deleted at once: they are all named on the page that asks.
MOST_DELETED = 200
#: How many refusals are named one by one; they wait in a cookie for the next page.
MOST_REFUSALS = 10


def list_page(token: str, **more: str) -> str:
    query = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{reverse('admin:cleanup_list')}?{LIST}={token}{query}"


class PastedLists(TenantAdmin):
    """Mixed into the admin of deleted users."""

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """A list is pasted and posted, so that it is in no address bar and no log; what was found has an address of its
        own, without anything personal."""
        account_id = get_host().account_of(request.user)
        if account_id is None or not request.user.has_perm(PURGE_PERMISSION):
            raise PermissionDenied
        token = request.GET.get(LIST)
        if token is None:
            return self._paste(request, account_id)
        user: Any = request.user
        draft = draft_of(user=user, kind=KIND, token=token)
        if draft is None:
            text = _("This list is not kept any more. Paste it again.")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:cleanup_list"))
        if "delete" in request.GET:
            return self._delete(request, draft)
        return self._sorted(request, draft)

    def _paste(self, request: HttpRequest, account_id: int) -> HttpResponse:
        form = PasteForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            found = looked_up(lines_of(form.cleaned_data["lines"]), account_id)
            user: Any = request.user
            draft = draft_begin(user=user, kind=KIND, account_id=account_id, people=found.people, facts=found.written())
            return HttpResponseRedirect(list_page(draft.token.hex))
        return self._page(request, "paste", title=_("Paste a list"), form=form)

    def _sorted(self, request: HttpRequest, draft: PurgeDraft) -> HttpResponse:
        pasted = sorted_list(draft, reader=request.user)
        return self._page(
            request,
            "pasted",
            title=_("Your list"),
            pasted=pasted,
            unknown=line_numbers(pasted.unknown),
            next_ready=pasted.ready[: settings.PURGE_MAX_PEOPLE],
            most=settings.PURGE_MAX_PEOPLE,
            can_delete=request.user.has_perm(DELETE_PERMISSION),
            delete_link=list_page(pasted.token, delete="1"),
        )

    def _delete(self, request: HttpRequest, draft: PurgeDraft) -> HttpResponse:
        """Who of the list is still active is deleted: asked once, naming everybody."""
        if not request.user.has_perm(DELETE_PERMISSION):
            raise PermissionDenied
        page = list_page(draft.token.hex)
        people = sorted_list(draft, reader=request.user).active[:MOST_DELETED]
        if request.method == "POST":
            shown = set(request.POST.getlist("person"))
            self._delete_each(request, [person for person in people if str(person.pk) in shown])
            return HttpResponseRedirect(page)
        if not people:
            return HttpResponseRedirect(page)
        return self._page(request, "pasted_delete", title=_("Delete User"), people=people, back=page)

    def _delete_each(self, request: HttpRequest, people: list[Any]) -> None:
        user: Any = request.user
        done: list[int] = []
        refused: list[Any] = []
        for person in people:
            try:
                user_delete(acting_user=user, user=person)
            except ServiceError as refusal:
                refused.append(format_html("{}: {}", numbered(_("user"), person.pk), str(refusal)))
            else:
                done.append(person.pk)
                self.log_change(request, person, [{"changed": {"fields": ["state"]}}])
        for text in refused[:MOST_REFUSALS]:
            self.message_user(request, text, messages.ERROR)
        if more := len(refused) - MOST_REFUSALS if len(refused) > MOST_REFUSALS else 0:
            words = ngettext("%(n)d more user was refused.", "%(n)d more users were refused.", more)
            self.message_user(request, words % {"n": more}, messages.ERROR)
        if done:
            say_deleted(request, done)

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        raise NotImplementedError
