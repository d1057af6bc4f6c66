"""The lists of people, and what can be done with those who are ticked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from users import services
from users.admin import forms
from users.apps import declared
from users.drafts import draft_begin
from users.invitations.services import user_invite
from users.models import ActiveFieldValue, DraftKind, ExternalUser, InternalUser, Role, User, UserKind
from users.permissions import DELETE_PERMISSION, PURGE_PERMISSION
from users.second_factor.enrolment import enrolment_code_give, factors_take_away
from users.selectors import (
    groups_in_use,
    mailbox_text,
    people_found,
    people_in_use,
    requests_that_purged,
    role_names,
    with_role,
)
from users.services import DeletedUserHasIt, ServiceError
from users.tenancy import TenantAdmin, TenantTabularInline, account_id_of_administrator
from users.tenancy.messages import numbered, say_deleted

#: How many people one action takes: they are all listed on its page.
MOST_AT_ONCE = 200


#: How many refusals are named one by one; they wait in a cookie for the next page.
MOST_REFUSALS = 10


class RoleFilter(admin.SimpleListFilter):
    title = _("role")
    parameter_name = "role"

    def lookups(self, request, model_admin):
        return [("learner", _("Learner only")), *Role.choices, ("manager", _("Manager"))]

    def queryset(self, request, queryset):
        role = self.value()
        return with_role(queryset, role) if role else queryset


class GroupFilter(admin.SimpleListFilter):
    """Offered to administrators: the groups of all accounts together are no choice."""

    title = _("group")
    parameter_name = "group"

    def lookups(self, request, model_admin):
        account_id = account_id_of_administrator(request.user)
        if account_id is None:
            return []
        return list(groups_in_use(account_id).values_list("pk", "name")[:200])

    def queryset(self, request, queryset):
        group = self.value()
        if not group:
            return queryset
        # Longer numbers are no ids, and SQLite refuses them.
        known = group.isdecimal() and len(group) < 19
        return queryset.filter(group_memberships__group=int(group)) if known else queryset.none()


@dataclass(frozen=True)
class BulkAction:
    """What an action on people asks before it does anything. ``fields``: what the admin's log names as changed.
    ``done``: what is said afterwards, of how many (``n``), and with which ``role`` where one was chosen."""

    title: Any
    verb: Any
    explanation: Any = ""
    done: Any = ""
    danger: bool = False
    form: type[forms.PeopleActionForm] = forms.PeopleActionForm
    fields: tuple[str, ...] = ()


DELETION = BulkAction(
    _("Delete User"),
    _("Delete"),
    _(
        "Deleted users cannot sign in and leave every list and group; their learning records stay. "
        "They can be restored in User Cleanup, as Learners."
    ),
    danger=True,
    fields=("state",),
)
DELETION_AND_PURGE = BulkAction(
    _("Delete and purge"),
    _("Delete, then purge…"),
    _(
        "Deleted users cannot sign in and leave every list and group. The next page shows what a purge erases for "
        "good, and asks once more. Whoever is not purged can be restored in User Cleanup, as Learner."
    ),
    danger=True,
    fields=("state",),
)
#: In the address of the question about one person: what follows when it is answered.
THEN = "then"


class ActiveValueInline(TenantTabularInline):
    model = ActiveFieldValue
    fields = ("field", "value")
    can_delete = True


class PeopleAdmin(TenantAdmin):
    """What both lists of people share: people in use, never the deleted ones, and never a button that deletes a row."""

    account_path = "account"
    list_display: tuple[Any, ...] = ("person", "unique_user_id", "role_labels", "last_login")
    list_display_links = ("person",)
    list_filter: ClassVar[tuple[Any, ...]] = (RoleFilter, GroupFilter)
    search_fields = ("name",)
    search_help_text = _("Name, email or Unique User ID, from its beginning")
    ordering = ("name", "pk")
    autocomplete_fields = ("manager",)
    readonly_fields: ClassVar[tuple[Any, ...]] = ("role_labels", "former_addresses", "added_at", "source", "last_login")
    #: The lists' own; see :attr:`actions`.
    own_actions: tuple[Any, ...] = (
        "assign_role",
        "remove_role",
        "add_to_group",
        "remove_from_group",
        "exclude_from_group",
        "allow_purging",
        "withdraw_purging",
        "invite_people",
        "second_factor_codes",
        "lost_factors",
        "delete_people",
    )
    add_form_template = "users/person_add.html"
    change_form_template = "users/person_change.html"
    kind: str

    @property
    def actions(self):  # type: ignore[override]
        """The lists' own, and behind those on roles what other apps offer."""
        return (*self.own_actions[:2], *declared("actions_on_people"), *self.own_actions[2:])

    def get_queryset(self, request):
        return people_in_use(super().get_queryset(request).filter(kind=self.kind))

    def get_search_results(self, request, queryset, search_term):
        return people_found(queryset, search_term), False

    def get_fieldsets(self, request, obj=None):
        """The last one tells of what was; a new user has none of it."""
        shown = super().get_fieldsets(request, obj)
        if obj is not None and obj.pk == request.user.pk:
            # One's own password has a page of its own, which asks for the old one.
            shown = [
                (title, {**options, "fields": tuple(each for each in options["fields"] if each != "new_password")})
                for title, options in shown
            ]
        return shown if obj else (*shown[:-1], INVITATION)

    def render_change_form(self, request, context, *args, **kwargs):
        """Where a deleted user has the address or ID of somebody to be added, the form comes again with a question."""
        refusal = getattr(request, "refusal", None)
        if isinstance(refusal, DeletedUserHasIt):
            context["somebody"] = {"pk": refusal.user_id, "name": refusal.name, "button": forms.BRING_BACK}
        return super().render_change_form(request, context, *args, **kwargs)

    def text_for_added(self, obj):
        return gettext("{row} is brought back, as Learner.") if _is_back(obj) else super().text_for_added(obj)

    def response_add(self, request, obj, post_url_continue=None):
        """Whose address or ID was somebody's who was purged is added all the same, and it is said."""
        response = super().response_add(request, obj, post_url_continue)
        for purge_request in requests_that_purged(obj, reader=request.user):
            if purge_request.is_open:
                text = gettext("Purge request {request} of this account is erasing somebody with this address or ID.")
            else:
                text = gettext("Purge request {request} of this account erased somebody with this address or ID.")
            page = reverse("admin:purge_purgerequest_change", args=[purge_request.pk])
            link = format_html('<a href="{}">{}</a>', page, purge_request.reference)
            self.message_user(request, format_html(text, request=link), messages.WARNING)
        return response

    def log_addition(self, request, obj, message):
        if _is_back(obj):
            return self.log_change(request, obj, [{"changed": {"fields": ["state"]}}])
        return super().log_addition(request, obj, message)

    def get_inlines(self, request, obj):
        return (ActiveValueInline,) if obj else ()

    def save_formset(self, request, form, formset, change):
        """Values of active fields go through the service, which refuses people who are being purged."""
        for row in formset.save(commit=False):
            services.active_value_set(acting_user=request.user, user=form.instance, field=row.field, value=row.value)
        for row in formset.deleted_objects:
            services.active_value_set(acting_user=request.user, user=form.instance, field=row.field, value="")

    # ------------------------------------------------------------ columns

    @admin.display(description=_("name"), ordering="name")
    def person(self, user):
        shared = mailbox_text(user)
        text = f"{user.email} · {shared}" if shared else user.email
        return format_html('{}<br><span class="quiet">{}</span>', user.name, text)

    @admin.display(description=_("roles"))
    def role_labels(self, user):
        return ", ".join(role_names(user))

    @admin.display(description=_("former emails"))
    def former_addresses(self, user):
        rows = user.former_emails.filter(email__isnull=False).order_by("-ended_at")
        return ", ".join(rows.values_list("email", flat=True)[:20]) or "–"

    # ------------------------------------------------------------ actions

    def has_delete_people_permission(self, request):
        return request.user.has_perm(DELETE_PERMISSION)

    def has_purge_people_permission(self, request):
        """To give the permission or withdraw it: where it comes with the role, there is nothing to give."""
        account_id = account_id_of_administrator(request.user)
        with_role = account_id is not None and request.user.account.purge_with_role
        return request.user.has_perm(PURGE_PERMISSION) and not with_role

    @admin.action(description=_("Assign role"), permissions=["change"])
    def assign_role(self, request, queryset):
        def assign(user: User, data: dict[str, Any]) -> None:
            services.role_assign(acting_user=request.user, user=user, role=data["role"])

        question = BulkAction(
            _("Assign role"),
            _("Assign"),
            done=ngettext_lazy(
                "Role “%(role)s” assigned to %(n)d user.", "Role “%(role)s” assigned to %(n)d users.", "n"
            ),
            form=forms.RoleForm,
            fields=("roles",),
        )
        return self.ask(request, queryset, "assign_role", question, assign)

    @admin.action(description=_("Remove role"), permissions=["change"])
    def remove_role(self, request, queryset):
        def remove(user: User, data: dict[str, Any]) -> None:
            services.role_remove(acting_user=request.user, user=user, role=data["role"])

        question = BulkAction(
            _("Remove role"),
            _("Remove"),
            done=ngettext_lazy(
                "Role “%(role)s” removed from %(n)d user.", "Role “%(role)s” removed from %(n)d users.", "n"
            ),
            form=forms.RoleForm,
            fields=("roles",),
        )
        return self.ask(request, queryset, "remove_role", question, remove)

    @admin.action(description=_("Send an invitation"), permissions=["change"])
    def invite_people(self, request, queryset):
        def invite(user: User, data: dict[str, Any]) -> None:
            user_invite(acting_user=request.user, user=user)

        question = BulkAction(
            _("Send an invitation"),
            _("Send"),
            _("An email with a link to set the first password, good for seven days. Who has one already is left out."),
            done=ngettext_lazy(
                "An invitation is on its way to %(n)d user.", "Invitations are on their way to %(n)d users.", "n"
            ),
            fields=("invitation",),
        )
        return self.ask(request, queryset, "invite_people", question, invite)

    @admin.action(description=_("Add to group"), permissions=["change"])
    def add_to_group(self, request, queryset):
        def add(user: User, data: dict[str, Any]) -> None:
            services.group_member_add(group=data["group"], user=user)

        question = BulkAction(
            _("Add to group"),
            _("Add"),
            done=ngettext_lazy("%(n)d user added to the group.", "%(n)d users added to the group.", "n"),
            form=forms.ChooseGroupForm,
            fields=("groups",),
        )
        return self.ask(request, queryset, "add_to_group", question, add)

    @admin.action(description=_("Remove from group"), permissions=["change"])
    def remove_from_group(self, request, queryset):
        def remove(user: User, data: dict[str, Any]) -> None:
            services.group_member_remove(group=data["group"], user=user)
            services.group_exclusion_end(group=data["group"], user=user)

        question = BulkAction(
            _("Remove from group"),
            _("Remove"),
            _("Exclusions from the group end, too."),
            done=ngettext_lazy("%(n)d user removed from the group.", "%(n)d users removed from the group.", "n"),
            form=forms.ChooseGroupForm,
            fields=("groups",),
        )
        return self.ask(request, queryset, "remove_from_group", question, remove)

    @admin.action(description=_("Exclude from group"), permissions=["change"])
    def exclude_from_group(self, request, queryset):
        def exclude(user: User, data: dict[str, Any]) -> None:
            services.group_exclude(group=data["group"], user=user)

        question = BulkAction(
            _("Exclude from group"),
            _("Exclude"),
            _("They leave the group and are not put into it again."),
            done=ngettext_lazy("%(n)d user excluded from the group.", "%(n)d users excluded from the group.", "n"),
            form=forms.ChooseGroupForm,
            fields=("groups",),
        )
        return self.ask(request, queryset, "exclude_from_group", question, exclude)

    @admin.action(description=_("Allow purging"), permissions=["purge_people"])
    def allow_purging(self, request, queryset):
        def allow(user: User, data: dict[str, Any]) -> None:
            services.purge_permission_set(acting_user=request.user, user=user, allowed=True)

        question = BulkAction(
            _("Allow purging"),
            _("Allow"),
            _("These Administrators will be able to erase deleted users for good."),
            done=ngettext_lazy("%(n)d Administrator may purge now.", "%(n)d Administrators may purge now.", "n"),
            danger=True,
            fields=("permissions",),
        )
        return self.ask(request, queryset, "allow_purging", question, allow)

    @admin.action(description=_("Revoke purge permission"), permissions=["purge_people"])
    def withdraw_purging(self, request, queryset):
        def withdraw(user: User, data: dict[str, Any]) -> None:
            services.purge_permission_set(acting_user=request.user, user=user, allowed=False)

        question = BulkAction(
            _("Revoke purge permission"),
            _("Withdraw"),
            done=ngettext_lazy(
                "Purge permission revoked from %(n)d user.", "Purge permission revoked from %(n)d users.", "n"
            ),
            fields=("permissions",),
        )
        return self.ask(request, queryset, "withdraw_purging", question, withdraw)

    def has_give_codes_permission(self, request):
        """Only where a second factor is demanded: elsewhere everybody sets up their own."""
        account_id = account_id_of_administrator(request.user)
        demanded = account_id is not None and request.user.account.second_factor_demanded
        return demanded and request.user.has_perm(PURGE_PERMISSION)

    @admin.action(description=_("Give a code for a second factor"), permissions=["give_codes"])
    def second_factor_codes(self, request, queryset):
        """Shown once, on a page that the browser does not store."""
        rows = []
        for user in queryset.order_by("name", "pk")[:MOST_AT_ONCE]:
            try:
                rows.append((user, enrolment_code_give(acting_user=request.user, user=user), ""))
            except ServiceError as refusal:
                rows.append((user, "", str(refusal)))
        title = _("Codes for a second factor")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "rows": rows}
        response = TemplateResponse(request, "users/second_factor/codes_given.html", context)
        add_never_cache_headers(response)
        return response

    @admin.action(description=_("Take away a lost second factor"), permissions=["change"])
    def lost_factors(self, request, queryset):
        def take_away(user: User, data: dict[str, Any]) -> None:
            factors_take_away(acting_user=request.user, user=user)

        question = BulkAction(
            _("Take away a lost second factor"),
            _("Take away"),
            _(
                "Their password alone signs them in afterwards, and they are told by mail. Make sure that it is "
                "really they who have asked you."
            ),
            done=ngettext_lazy(
                "Second factor taken away from %(n)d user.", "Second factors taken away from %(n)d users.", "n"
            ),
            danger=True,
            fields=("second_factors",),
        )
        return self.ask(request, queryset, "lost_factors", question, take_away)

    @admin.action(description=_("Delete User"), permissions=["delete_people"])
    def delete_people(self, request, queryset):
        def delete(user: User, data: dict[str, Any]) -> None:
            services.user_delete(acting_user=request.user, user=user)

        return self.ask(request, queryset, "delete_people", DELETION, delete)

    def ask(
        self,
        request: HttpRequest,
        queryset: Any,
        action: str,
        question: BulkAction,
        do: Callable[[User, dict[str, Any]], None],
    ) -> HttpResponse | None:
        """Ask once, listing everybody; when the answer is posted, do it for each."""
        people = list(queryset.order_by("name", "pk")[: MOST_AT_ONCE + 1])
        if len(people) > MOST_AT_ONCE:
            text = _("Select at most %(most)d users at once. Nothing was changed.") % {"most": MOST_AT_ONCE}
            self.message_user(request, text, messages.ERROR)
            return None
        if not people:
            self.message_user(request, _("These users are not in this list any more."), messages.WARNING)
            return None
        answered = "apply" in request.POST
        form = question.form(people[0].account_id, request.POST if answered else None)
        if answered and form.is_valid():
            role = form.cleaned_data.get("role")
            told = {"role": Role(role).label} if role else {}
            self._do(request, people, question, lambda user: do(user, form.cleaned_data), told)
            return None
        return self._question_page(request, people, action, question, form, back=request.get_full_path())

    def _question_page(
        self, request: HttpRequest, people: list[User], action: str, question: BulkAction, form: Any, *, back: str
    ) -> HttpResponse:
        for user in people:
            user.role_labels = ", ".join(role_names(user))  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": question.title,
            "verb": question.verb,
            "explanation": question.explanation,
            "danger": question.danger,
            "form": form,
            "people": people,
            "action": action,
            "checkbox": ACTION_CHECKBOX_NAME,
            "back": back,
        }
        return TemplateResponse(request, "users/people_action.html", context)

    def _do(
        self,
        request: HttpRequest,
        people: list[User],
        question: BulkAction,
        do: Callable[[User], Any],
        told: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """Who it was done to. ``told``: what the sentence about them says besides their number."""
        done: list[int] = []
        refused = 0
        for user in people:
            try:
                do(user)
            except ServiceError as refusal:
                refused += 1
                if refused <= MOST_REFUSALS:
                    link = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[user.pk])
                    named = numbered(gettext("user"), user.pk, link)
                    self.message_user(request, format_html("{}: {}", named, str(refusal)), messages.ERROR)
            else:
                done.append(user.pk)
                self.log_change(request, user, [{"changed": {"fields": list(question.fields)}}])
        if refused > MOST_REFUSALS:
            text = ngettext("%(n)d more user was refused.", "%(n)d more users were refused.", refused - MOST_REFUSALS)
            self.message_user(request, text % {"n": refused - MOST_REFUSALS}, messages.ERROR)
        if done and question in (DELETION, DELETION_AND_PURGE):
            say_deleted(request, done)
        elif done:
            self.message_user(request, question.done % {"n": len(done), **(told or {})}, messages.SUCCESS)
        return done

    # ------------------------------------------------------------ on a person's own page

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}_leave"
        return [path("<int:pk>/leave/", self.admin_site.admin_view(self.leave_view), name=name), *super().get_urls()]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        oneself = str(request.user.pk) == object_id
        can_leave = not oneself and self.has_delete_people_permission(request)
        offered = {"can_leave": can_leave, "can_purge": can_leave and request.user.has_perm(PURGE_PERMISSION)}
        return super().change_view(request, object_id, form_url, {**offered, **(extra_context or {})})

    def leave_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Delete one person, and go on to the confirmation of their purge where that was asked for."""
        if not (self.has_change_permission(request) and self.has_delete_people_permission(request)):
            raise PermissionDenied
        person = self.get_object(request, str(pk))
        if person is None:
            raise Http404
        user: Any = request.user
        then_purge = request.GET.get(THEN) == "purge" and user.has_perm(PURGE_PERMISSION)
        question = DELETION_AND_PURGE if then_purge else DELETION
        its_page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[person.pk])
        if request.method != "POST":
            form = question.form(person.account_id, None)
            return self._question_page(request, [person], "delete_people", question, form, back=its_page)
        done = self._do(request, [person], question, lambda each: services.user_delete(acting_user=user, user=each))
        if not done:
            return HttpResponseRedirect(its_page)
        if not then_purge:
            return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
        draft = draft_begin(user=user, kind=DraftKind.CONFIRMATION, account_id=person.account_id, people=done)
        return HttpResponseRedirect(f"{reverse('admin:cleanup_purge')}?plan={draft.token.hex}")


def _is_back(user: Any) -> bool:
    """Whether a deleted user was brought back where somebody was to be added."""
    return getattr(user, "was_revived", False)


NAMES: Any = (None, {"fields": ("account", "name", "email", "unique_user_id")})


REGISTRATION: Any = (_("Registration"), {"fields": ("external_profile",)})


WORK: Any = (_("Work"), {"fields": ("profile", "manager", "locale", "time_zone")})


SIGN_IN: Any = (_("Sign-in"), {"fields": ("adobe_id", "new_password")})


INVITATION: Any = (_("Role and invitation"), {"fields": forms.ADDED})


SO_FAR = ("role_labels", "former_addresses", "source", "added_at", "last_login")


@admin.register(InternalUser)
class InternalUserAdmin(PeopleAdmin):
    form = forms.PersonForm
    kind = UserKind.INTERNAL
    fieldsets = (NAMES, WORK, SIGN_IN, (_("Activity"), {"fields": SO_FAR}))


@admin.register(ExternalUser)
class ExternalUserAdmin(PeopleAdmin):
    form = forms.ExternalPersonForm
    kind = UserKind.EXTERNAL
    list_display = ("person", "unique_user_id", "external_profile", "role_labels", "registered", "last_login")
    list_filter = (RoleFilter, GroupFilter, "external_profile", "registered")
    list_select_related = ("external_profile",)
    readonly_fields = (*PeopleAdmin.readonly_fields, "registered")
    own_actions = (*PeopleAdmin.own_actions[:2], "change_profile", "make_active", *PeopleAdmin.own_actions[2:])
    fieldsets = (NAMES, REGISTRATION, WORK, SIGN_IN, (_("Activity"), {"fields": ("registered", *SO_FAR)}))

    @admin.action(description=_("Change profile"), permissions=["change"])
    def change_profile(self, request, queryset):
        def change(user: User, data: dict[str, Any]) -> None:
            services.profile_change(acting_user=request.user, user=user, profile=data["profile"])

        question = BulkAction(
            _("Change profile"),
            _("Change"),
            done=ngettext_lazy("Profile changed for %(n)d user.", "Profile changed for %(n)d users.", "n"),
            form=forms.ChooseProfileForm,
            fields=("external_profile",),
        )
        return self.ask(request, queryset, "change_profile", question, change)

    @admin.action(description=_("Make User Active"), permissions=["change"])
    def make_active(self, request, queryset):
        def make(user: User, data: dict[str, Any]) -> None:
            services.user_make_active(acting_user=request.user, user=user)

        question = BulkAction(
            _("Make User Active"),
            _("Make active"),
            done=ngettext_lazy("%(n)d user is active now.", "%(n)d users are active now.", "n"),
            fields=("registered",),
        )
        return self.ask(request, queryset, "make_active", question, make)


@admin.register(User)
class AnyUserAdmin(TenantAdmin):
    """Not in the index: what forms search when they ask for a person, and where links to one lead."""

    account_path = "account"
    search_fields = ("name",)
    ordering = ("name", "pk")
    list_display = ("name", "email", "unique_user_id")
    actions = None

    def get_queryset(self, request):
        return people_in_use(super().get_queryset(request))

    def get_search_results(self, request, queryset, search_term):
        return people_found(queryset, search_term), False

    def has_module_permission(self, request):
        return False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def changelist_view(self, request, extra_context=None):
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:users_internaluser_changelist"))

    def change_view(self, request, object_id, form_url="", extra_context=None):
        user = self.get_object(request, object_id)
        page = "externaluser" if user.kind == UserKind.EXTERNAL else "internaluser"
        return HttpResponseRedirect(reverse(f"admin:users_{page}_change", args=[user.pk]))

    def history_view(self, request, object_id, extra_context=None):
        return self.change_view(request, object_id)
