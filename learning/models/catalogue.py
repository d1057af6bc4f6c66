"""What an account offers to learn: made by authors, taught by instructors, owned by the account."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.wall import OfAccount, WalledQuerySet


class CourseKind(models.TextChoices):
    SELF_PACED = "self_paced", _("Self-paced")
    CLASSROOM = "classroom", _("Classroom")
    VIRTUAL = "virtual", _("Virtual classroom")
    BLENDED = "blended", _("Blended")


class CourseState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    RETIRED = "retired", _("Retired")


class Course(OfAccount):
    """A course. ``author`` is a reference, not a copied name; null is shown as "Former author"."""

    account = models.ForeignKey("users.Account", models.PROTECT, related_name="courses", verbose_name=_("account"))
    code = models.CharField(_("code"), max_length=60)
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    kind = models.CharField(_("kind"), max_length=20, choices=CourseKind.choices, default=CourseKind.SELF_PACED)
    state = models.CharField(_("state"), max_length=20, choices=CourseState.choices, default=CourseState.DRAFT)
    author = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="authored_courses",
        verbose_name=_("author"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    published_at = models.DateTimeField(_("published"), null=True, blank=True)

    class Meta:
        verbose_name = _("course")
        verbose_name_plural = _("courses")
        ordering = ("title", "id")
        constraints = (models.UniqueConstraint(fields=("account", "code"), name="learning_course_code_in_account"),)

    def __str__(self) -> str:
        return self.title

    @property
    def author_label(self) -> str:
        """Who is shown as its author."""
        return str(self.author) if self.author else str(_("Former author"))


class ModuleKind(models.TextChoices):
    CONTENT = "content", _("Content")
    QUIZ = "quiz", _("Quiz")
    SUBMISSION = "submission", _("File submission")
    CHECKLIST = "checklist", _("Checklist")
    CLASSROOM = "classroom", _("Classroom")


class Module(OfAccount):
    """One part of a course."""

    course = models.ForeignKey(Course, models.PROTECT, related_name="modules", verbose_name=_("course"))
    title = models.CharField(_("title"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=ModuleKind.choices, default=ModuleKind.CONTENT)
    content = models.TextField(_("content"), blank=True, default="")
    position = models.PositiveIntegerField(_("position"), default=1)

    class Meta:
        verbose_name = _("module")
        verbose_name_plural = _("modules")
        ordering = ("course", "position", "id")

    def __str__(self) -> str:
        return self.title


class SessionState(models.TextChoices):
    SCHEDULED = "scheduled", _("Scheduled")
    CANCELLED = "cancelled", _("Cancelled")


class SessionQuerySet(WalledQuerySet["Session"]):
    def still_to_come(self) -> SessionQuerySet:
        """Not cancelled and not over: those that somebody has to teach. Without dates counts as to come."""
        to_come = Q(ends_at__isnull=True) | Q(ends_at__gt=timezone.now())
        return self.filter(to_come, state=SessionState.SCHEDULED)

    def need_instructor(self) -> SessionQuerySet:
        """Lost their last instructor by a purge, are still to come, and nobody who is here teaches them."""
        taught = SessionInstructor.objects.in_use().values("session_id")
        return self.still_to_come().filter(needs_instructor_since__isnull=False).exclude(pk__in=taught)


class Session(OfAccount):
    """A dated sitting of a classroom course.

    ``needs_instructor_since``: when it lost its last instructor through a purge; null again with a new one.
    """

    course = models.ForeignKey(Course, models.PROTECT, related_name="sessions", verbose_name=_("course"))
    title = models.CharField(_("title"), max_length=200)
    state = models.CharField(_("state"), max_length=20, choices=SessionState.choices, default=SessionState.SCHEDULED)
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    venue = models.CharField(_("venue"), max_length=200, blank=True, default="")
    seats = models.PositiveIntegerField(_("seats"), default=20, validators=[MinValueValidator(1)])
    organiser_email = models.EmailField(_("organiser's email"), max_length=320, blank=True, default="")
    notes = models.TextField(_("notes"), blank=True, default="")
    needs_instructor_since = models.DateTimeField(_("needs an instructor since"), null=True, editable=False)
    needs_instructor_reference = models.CharField(
        _("purge request"), max_length=16, blank=True, default="", editable=False
    )

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ("-starts_at", "-id")
        constraints = (
            models.CheckConstraint(
                name="learning_session_ends_after_start",
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
            ),
        )
        indexes = (
            models.Index(
                fields=("needs_instructor_since",),
                name="learning_session_needs",
                condition=Q(needs_instructor_since__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.title


class UnstaffedSession(Session):
    """The same rows as a page of their own: sessions that need an instructor."""

    class Meta:
        proxy = True
        verbose_name = _("session that needs an instructor")
        verbose_name_plural = _("sessions that need an instructor")
        ordering = ("starts_at", "id")


class SessionInstructorQuerySet(WalledQuerySet["SessionInstructor"]):
    def in_use(self) -> SessionInstructorQuerySet:
        """Of people who are not deleted: the others teach nobody, though their rows stay until a purge."""
        return self.filter(user__deleted_at__isnull=True)


class SessionInstructor(OfAccount):
    """Who teaches a session. Deleted people stand here too (:meth:`SessionInstructorQuerySet.in_use`)."""

    session = models.ForeignKey(Session, models.PROTECT, related_name="instructor_links", verbose_name=_("session"))
    user = models.ForeignKey(
        "users.User", models.PROTECT, related_name="instructor_links", verbose_name=_("instructor")
    )
    assigned_at = models.DateTimeField(_("assigned"), default=timezone.now, editable=False)

    objects = SessionInstructorQuerySet.as_manager()

    class Meta:
        verbose_name = _("session instructor")
        verbose_name_plural = _("session instructors")
        constraints = (models.UniqueConstraint(fields=("session", "user"), name="learning_instructor_once"),)

    def __str__(self) -> str:
        return f"session {self.session_id}, user {self.user_id}"


class JobAid(OfAccount):
    """A short document to work by, outside any course."""

    account = models.ForeignKey("users.Account", models.PROTECT, related_name="job_aids", verbose_name=_("account"))
    title = models.CharField(_("title"), max_length=200)
    body = models.TextField(_("text"), blank=True, default="")
    link = models.URLField(_("link"), max_length=500, blank=True, default="")
    created_by = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="created_job_aids",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("job aid")
        verbose_name_plural = _("job aids")
        ordering = ("title", "id")

    def __str__(self) -> str:
        return self.title


class LearningPlanTrigger(models.TextChoices):
    MANUAL = "manual", _("Assigned by hand")
    NEW_LEARNER = "new_learner", _("When a learner is added")
    GROUP = "group", _("When somebody joins a group")
    COMPLETION = "completion", _("When a course is completed")


class LearningPlan(OfAccount):
    """Courses that are assigned together when something happens."""

    account = models.ForeignKey(
        "users.Account", models.PROTECT, related_name="learning_plans", verbose_name=_("account")
    )
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    trigger = models.CharField(
        _("trigger"), max_length=20, choices=LearningPlanTrigger.choices, default=LearningPlanTrigger.MANUAL
    )
    created_by = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="created_learning_plans",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("learning plan")
        verbose_name_plural = _("learning plans")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class LearningPlanCourse(OfAccount):
    """A course of a learning plan."""

    plan = models.ForeignKey(LearningPlan, models.CASCADE, related_name="course_links", verbose_name=_("learning plan"))
    course = models.ForeignKey(Course, models.PROTECT, related_name="plan_links", verbose_name=_("course"))
    position = models.PositiveIntegerField(_("position"), default=1)

    class Meta:
        verbose_name = _("course of a learning plan")
        verbose_name_plural = _("courses of learning plans")
        ordering = ("plan", "position", "id")
        constraints = (models.UniqueConstraint(fields=("plan", "course"), name="learning_plan_course_once"),)

    def __str__(self) -> str:
        return f"plan {self.plan_id}, course {self.course_id}"


class Badge(OfAccount):
    """A badge that an account awards."""

    account = models.ForeignKey("users.Account", models.PROTECT, related_name="badges", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")

    class Meta:
        verbose_name = _("badge")
        verbose_name_plural = _("badges")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class Skill(OfAccount):
    """A skill that an account's courses teach."""

    account = models.ForeignKey("users.Account", models.PROTECT, related_name="skills", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")

    class Meta:
        verbose_name = _("skill")
        verbose_name_plural = _("skills")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class ContentAuditAction(models.TextChoices):
    CREATED = "created", _("Created")
    CHANGED = "changed", _("Changed")
    PUBLISHED = "published", _("Published")
    RETIRED = "retired", _("Retired")


class ContentAudit(OfAccount):
    """Who changed which course when."""

    course = models.ForeignKey(Course, models.PROTECT, related_name="audits", verbose_name=_("course"))
    action = models.CharField(_("action"), max_length=20, choices=ContentAuditAction.choices)
    modified_by = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="content_audits",
        verbose_name=_("modified by"),
    )
    at = models.DateTimeField(_("at"), default=timezone.now, editable=False)
    remark = models.TextField(_("remark"), blank=True, default="")

    class Meta:
        verbose_name = _("content audit")
        verbose_name_plural = _("content audits")
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.get_action_display()}: course {self.course_id}"
