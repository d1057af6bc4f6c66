"""Courses, sessions, records and boards in the admin. People's own records are looked at, not typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import URLField
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from learning import models, services
from users.services import ServiceError
from users.tenancy import ReadOnlyAdmin, ServiceForm, TenantAdmin, TenantTabularInline
from users.tenancy.active_people import ActivePeopleForm
from users.tenancy.file_admin import DownloadAdmin


class RecordAdmin(ReadOnlyAdmin):
    """A learner's record."""

    account_path = "user__account"
    search_fields: ClassVar[tuple[str, ...]] = ("user__name", "user__email", "user__unique_user_id")
    list_select_related: ClassVar[tuple[str, ...]] = ("user",)


class FileRecordAdmin(DownloadAdmin):
    """A learner's record with a file."""

    account_path = RecordAdmin.account_path
    search_fields: ClassVar[tuple[str, ...]] = RecordAdmin.search_fields
    list_select_related: ClassVar[tuple[str, ...]] = ("user",)


class PartialUpdateAdmin(TenantAdmin):
    """Writes what the form changed and nothing else: a purge may have changed the rest of the row meanwhile."""

    def save_model(self, request, obj, form, change: bool) -> None:
        if change:
            obj.save(update_fields=form.changed_data)
        else:
            super().save_model(request, obj, form, change)


# ---------------------------------------------------------------- catalogue


class ModuleInline(TenantTabularInline):
    model = models.Module
    extra = 0
    fields = ("position", "title", "kind", "content")

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(models.Course)
class CourseAdmin(TenantAdmin):
    list_display = ("title", "code", "kind", "state", "author_label", "published_at")
    list_filter = ("kind", "state")
    search_fields = ("title", "code")
    typed_columns = ("code",)
    typed_label = _("or type the course's code")
    list_select_related = ("author",)
    fields = ("account", "code", "title", "description", "kind", "state", "author", "published_at")
    readonly_fields = ("state", "published_at")
    form = ActivePeopleForm
    autocomplete_fields = ("author",)
    inlines = (ModuleInline,)
    actions = ("publish", "retire")

    @admin.display(description=_("author"), ordering="author__name")
    def author_label(self, course: models.Course) -> str:
        return course.author_label

    @admin.action(description=_("Publish"), permissions=["change"])
    def publish(self, request, queryset) -> None:
        self._each(request, queryset, services.course_publish)

    @admin.action(description=_("Retire"), permissions=["change"])
    def retire(self, request, queryset) -> None:
        self._each(request, queryset, services.course_retire)

    def _each(self, request, queryset, act: Callable[..., None]) -> None:
        done = 0
        for course in queryset:
            try:
                act(acting_user=request.user, course=course)
            except ServiceError as error:
                self.message_user(request, f"{course.pk}: {error}", messages.WARNING)
            else:
                done += 1
        if done:
            text = ngettext("%(n)d course changed.", "%(n)d courses changed.", done)
            self.message_user(request, text % {"n": done}, messages.SUCCESS)


class InstructorInline(TenantTabularInline):
    """Who teaches: rows are added and taken away, each through its service."""

    model = models.SessionInstructor
    can_delete = True
    form = ActivePeopleForm
    autocomplete_fields = ("user",)
    extra = 1
    fields = ("user",)

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return bool(request.user.has_perm("learning.change_session"))


class DaysToCome(admin.DateFieldListFilter):
    """For what is mostly ahead: Django's own choices look back."""

    def __init__(self, field, request, params, model, model_admin, field_path):
        super().__init__(field, request, params, model, model_admin, field_path)
        any_date, today, _past_week, *longer = self.links
        begins: Any = today[1][self.lookup_kwarg_since]
        to_come = {self.lookup_kwarg_since: begins}
        week = {**to_come, self.lookup_kwarg_until: begins + timedelta(days=8)}
        self.links = (any_date, (_("To come"), to_come), today, (_("Next 7 days"), week), *longer)


class SessionAdmin(PartialUpdateAdmin):
    account_path = "course__account"
    list_display: tuple[str, ...] = (
        "title",
        "course",
        "starts_at",
        "ends_at",
        "venue",
        "state",
        "instructors",
    )
    list_filter: ClassVar[tuple[Any, ...]] = ("state", ("starts_at", DaysToCome))
    search_fields = ("title", "course__title", "venue")
    list_select_related = ("course",)
    fields = (
        "course",
        "title",
        "starts_at",
        "ends_at",
        "venue",
        "seats",
        "organiser_email",
        "notes",
        "state",
        "needs_instructor_since",
        "needs_instructor_reference",
    )
    autocomplete_fields = ("course",)
    readonly_fields = ("state", "needs_instructor_since", "needs_instructor_reference")
    inlines = (InstructorInline,)
    actions = ("cancel",)

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("instructor_links__user")

    @admin.display(description=_("instructors"))
    def instructors(self, session: models.Session) -> str:
        return ", ".join(link.user.name for link in session.instructor_links.all()) or "–"

    def save_formset(self, request, form, formset, change) -> None:
        if formset.model is not models.SessionInstructor:
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        session = models.Session.objects.get(pk=form.instance.pk)
        for link in formset.new_objects:
            made = services.session_instructor_assign(acting_user=request.user, session=session, user=link.user)
            link.pk = made.pk  # for the log
        for link in formset.deleted_objects:
            services.session_instructor_remove(acting_user=request.user, session=session, user=link.user)

    @admin.action(description=_("Cancel sessions"), permissions=["change"])
    def cancel(self, request, queryset) -> None:
        for session in queryset:
            services.session_cancel(acting_user=request.user, session=session)
        text = ngettext("%(n)d session cancelled.", "%(n)d sessions cancelled.", len(queryset))
        self.message_user(request, text % {"n": len(queryset)}, messages.SUCCESS)


admin.site.register(models.Session, SessionAdmin)


@admin.register(models.UnstaffedSession)
class UnstaffedSessionAdmin(SessionAdmin):
    """Sessions that a purge left without instructor: open one, choose somebody, save."""

    list_display = (
        "title",
        "course",
        "starts_at",
        "venue",
        "needs_instructor_since",
        "needs_instructor_reference",
    )
    list_filter = (("starts_at", DaysToCome),)

    def get_queryset(self, request):
        return super().get_queryset(request).need_instructor()

    def response_change(self, request, obj: models.Session) -> HttpResponse:
        if self.get_queryset(request).filter(pk=obj.pk).exists():
            return super().response_change(request, obj)
        self.message_user(request, _("The session does not need an instructor any more."), messages.SUCCESS)
        return redirect("admin:learning_unstaffedsession_changelist")

    def has_add_permission(self, request, obj=None) -> bool:
        return False


@admin.register(models.JobAid)
class JobAidAdmin(TenantAdmin):
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    list_display = ("title", "created_by", "created_at")
    search_fields = ("title",)
    form = ActivePeopleForm
    autocomplete_fields = ("created_by",)
    list_select_related = ("created_by",)
    fields = ("account", "title", "body", "link", "created_by")


class PlanCourseInline(TenantTabularInline):
    model = models.LearningPlanCourse
    can_delete = True
    autocomplete_fields = ("course",)
    extra = 0
    fields = ("position", "course")


@admin.register(models.LearningPlan)
class LearningPlanAdmin(TenantAdmin):
    list_display = ("name", "trigger", "created_by", "created_at")
    list_filter = ("trigger",)
    search_fields = ("name",)
    form = ActivePeopleForm
    autocomplete_fields = ("created_by",)
    list_select_related = ("created_by",)
    fields = ("account", "name", "description", "trigger", "created_by")
    inlines = (PlanCourseInline,)


@admin.register(models.Badge, models.Skill)
class NamedAdmin(TenantAdmin):
    list_display = ("name", "description")
    search_fields = ("name",)
    fields = ("account", "name", "description")


@admin.register(models.ContentAudit)
class ContentAuditAdmin(ReadOnlyAdmin):
    account_path = "course__account"
    list_display = ("at", "course", "action", "modified_by")
    list_filter = ("action", "at")
    search_fields = ("course__title", "course__code")
    list_select_related = ("course", "modified_by")


# ---------------------------------------------------------------- records


class EnrolmentForm(ServiceForm):
    def perform(self) -> models.Enrolment:
        row = services.enrolment_create(acting_user=self.acting_user, or_wait=False, **self.cleaned_data)
        assert isinstance(row, models.Enrolment)
        return row


@admin.register(models.Enrolment)
class EnrolmentAdmin(RecordAdmin):
    list_display = ("user", "course", "session", "state", "source", "progress", "enrolled_at", "completed_at")
    list_filter = ("state", "source", "enrolled_at")
    search_fields = (*RecordAdmin.search_fields, "course__title")
    list_select_related = ("user", "course", "session")
    form = EnrolmentForm
    autocomplete_fields = ("user", "course", "session")
    add_fields = ("user", "course", "session", "comment", "due_at")

    def has_add_permission(self, request, obj=None) -> bool:
        return bool(request.user.has_perm("learning.add_enrolment"))

    def get_fields(self, request, obj=None):
        return self.add_fields if obj is None else super().get_fields(request, obj)


@admin.register(models.WaitingListEntry)
class WaitingListEntryAdmin(RecordAdmin):
    list_display = ("user", "session", "joined_at")
    list_select_related = ("user", "session")


@admin.register(models.Attendance)
class AttendanceAdmin(RecordAdmin):
    list_display = ("user", "session", "present", "marked_by", "marked_at")
    list_filter = ("present", "marked_at")
    list_select_related = ("user", "session", "marked_by")


@admin.register(models.ModuleGrade)
class ModuleGradeAdmin(RecordAdmin):
    list_display = ("user", "module", "grade", "graded_by", "graded_at")
    list_filter = ("graded_at",)
    list_select_related = ("user", "module", "graded_by")


@admin.register(models.QuizAttempt)
class QuizAttemptAdmin(RecordAdmin):
    list_display = ("user", "module", "score", "maximum", "finished_at")
    list_filter = ("finished_at",)
    list_select_related = ("user", "module")


@admin.register(models.QuizAnswer)
class QuizAnswerAdmin(RecordAdmin):
    list_display = ("user", "attempt", "question", "correct")
    list_filter = ("correct",)
    list_select_related = ("user", "attempt")


@admin.register(models.Feedback)
class FeedbackAdmin(RecordAdmin):
    list_display = ("user", "course", "rating", "manager", "given_at")
    list_filter = ("rating", "given_at")
    list_select_related = ("user", "course", "manager")


@admin.register(models.Submission)
class SubmissionAdmin(FileRecordAdmin):
    list_display = ("user", "module", "state", "reviewer", "submitted_at")
    list_filter = ("state", "submitted_at")
    list_select_related = ("user", "module", "reviewer")


@admin.register(models.ChecklistReview)
class ChecklistReviewAdmin(RecordAdmin):
    list_display = ("user", "module", "reviewer", "reviewed_at")
    list_filter = ("reviewed_at",)
    list_select_related = ("user", "module", "reviewer")


@admin.register(models.ChecklistItem)
class ChecklistItemAdmin(RecordAdmin):
    list_display = ("user", "review", "text", "passed")
    list_filter = ("passed",)
    list_select_related = ("user", "review")


@admin.register(models.ExternalLearningRequest)
class ExternalLearningRequestAdmin(FileRecordAdmin):
    file_field = "proof"
    list_display = ("user", "title", "state", "reviewer", "requested_at")
    list_filter = ("state", "requested_at")
    list_select_related = ("user", "reviewer")


@admin.register(models.AssignedSkill)
class AssignedSkillAdmin(RecordAdmin):
    list_display = ("user", "skill", "level", "assigned_by", "assigned_at", "achieved_at")
    list_filter = ("level", "assigned_at")
    list_select_related = ("user", "skill", "assigned_by")


@admin.register(models.AwardedBadge)
class AwardedBadgeAdmin(RecordAdmin):
    list_display = ("user", "badge", "awarded_by", "awarded_at")
    list_filter = ("awarded_at",)
    list_select_related = ("user", "badge", "awarded_by")


@admin.register(models.Certificate)
class CertificateAdmin(FileRecordAdmin):
    list_display = ("user", "course", "number", "issued_at", "expires_at")
    list_filter = ("issued_at",)
    search_fields = (*RecordAdmin.search_fields, "number")
    list_select_related = ("user", "course")


@admin.register(models.PointEntry)
class PointEntryAdmin(RecordAdmin):
    list_display = ("user", "points", "reason", "at")
    list_filter = ("reason", "at")


@admin.register(models.LearningPlanAssignment)
class LearningPlanAssignmentAdmin(RecordAdmin):
    list_display = ("user", "plan", "assigned_by", "assigned_at")
    list_filter = ("assigned_at",)
    list_select_related = ("user", "plan", "assigned_by")


# ---------------------------------------------------------------- boards


class ModeratorInline(TenantTabularInline):
    model = models.BoardModerator
    can_delete = True
    form = ActivePeopleForm
    autocomplete_fields = ("user",)
    extra = 0
    fields = ("user",)


@admin.register(models.Board)
class BoardAdmin(TenantAdmin):
    list_display = ("name", "state", "creator", "created_at")
    list_filter = ("state",)
    search_fields = ("name",)
    form = ActivePeopleForm
    autocomplete_fields = ("creator",)
    list_select_related = ("creator",)
    fields = ("account", "name", "description", "state", "creator")
    inlines = (ModeratorInline,)


class WrittenAdmin(ReadOnlyAdmin):
    """Posts and comments: looked at, and taken away by a moderator."""

    list_filter = ("removed", "created_at")
    search_fields: ClassVar[tuple[str, ...]] = ("author__name", "body")
    actions = ("remove",)

    def remove_one(self, request, row) -> None:
        raise NotImplementedError

    @admin.display(description=_("author"), ordering="author__name")
    def author_label(self, row) -> str:
        return row.author.name if row.author else "–"

    @admin.action(description=_("Remove"), permissions=["moderate"])
    def remove(self, request, queryset) -> None:
        done = 0
        for row in queryset:
            try:
                self.remove_one(request, row)
            except ServiceError as error:
                self.message_user(request, str(error), messages.WARNING)
            else:
                done += 1
        if done:
            self.message_user(
                request, ngettext("%(n)d removed.", "%(n)d removed.", done) % {"n": done}, messages.SUCCESS
            )

    def has_moderate_permission(self, request) -> bool:
        return bool(request.user.has_perm(f"learning.change_{self.opts.model_name}"))


@admin.register(models.Post)
class PostAdmin(WrittenAdmin):
    account_path = "board__account"
    list_display = ("__str__", "title", "board", "author_label", "removed", "created_at")
    search_fields = (*WrittenAdmin.search_fields, "title")
    list_select_related = ("board", "author")

    def remove_one(self, request, row: models.Post) -> None:
        services.post_remove(acting_user=request.user, post=row)


@admin.register(models.Comment)
class CommentAdmin(WrittenAdmin):
    account_path = "post__board__account"
    list_display = ("__str__", "post", "author_label", "removed", "created_at")
    list_select_related = ("post", "author")

    def remove_one(self, request, row: models.Comment) -> None:
        services.comment_remove(acting_user=request.user, comment=row)
