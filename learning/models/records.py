"""What a learner leaves behind: enrolments, scores, grades, files, certificates, points.

Every row carries ``user``, the learner it is about, grandchildren too: it goes with them in one indexed statement.
"Marked by", "assigned by" and "reviewer" are others, and become null when they go.
"""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from learning.models.catalogue import Badge, Course, LearningPlan, Module, Session, Skill
from users.wall import OfAccount


def person_file_path(row: Any, file_name: str) -> str:
    """Where a learner's file is stored: an opaque name under their public id. ``row`` has a ``user``."""
    return f"people/{row.user.public_id}/{uuid.uuid4().hex}{PurePosixPath(file_name).suffix[:10].lower()}"


class EnrolmentState(models.TextChoices):
    ENROLLED = "enrolled", _("Enrolled")
    STARTED = "started", _("Started")
    COMPLETED = "completed", _("Completed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class EnrolmentSource(models.TextChoices):
    SELF = "self", _("By the learner")
    MANAGER = "manager", _("By the manager")
    ADMINISTRATOR = "administrator", _("By an administrator")
    PLAN = "plan", _("By a learning plan")


class Enrolment(OfAccount):
    """A learner on a course, and on one of its sessions where it has some."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="enrolments", verbose_name=_("learner"))
    course = models.ForeignKey(Course, models.PROTECT, related_name="enrolments", verbose_name=_("course"))
    session = models.ForeignKey(
        Session, models.PROTECT, null=True, blank=True, related_name="enrolments", verbose_name=_("session")
    )
    state = models.CharField(_("state"), max_length=20, choices=EnrolmentState.choices, default=EnrolmentState.ENROLLED)
    source = models.CharField(
        _("enrolled how"), max_length=20, choices=EnrolmentSource.choices, default=EnrolmentSource.SELF
    )
    enrolled_by = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="given_enrolments",
        verbose_name=_("enrolled by"),
    )
    comment = models.TextField(_("comment"), blank=True, default="")
    enrolled_at = models.DateTimeField(_("enrolled"), default=timezone.now, editable=False)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    progress = models.PositiveSmallIntegerField(_("progress, %"), default=0, validators=[MaxValueValidator(100)])

    class Meta:
        verbose_name = _("enrolment")
        verbose_name_plural = _("enrolments")
        ordering = ("-enrolled_at", "-id")
        constraints = (models.UniqueConstraint(fields=("user", "course"), name="learning_enrolment_once"),)

    def __str__(self) -> str:
        return f"enrolment {self.pk}"


class WaitingListEntry(OfAccount):
    """A learner who waits for a seat in a session."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="waiting_entries", verbose_name=_("learner"))
    session = models.ForeignKey(Session, models.PROTECT, related_name="waiting_entries", verbose_name=_("session"))
    joined_at = models.DateTimeField(_("waits since"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("waiting-list entry")
        verbose_name_plural = _("waiting list")
        ordering = ("session", "joined_at", "id")
        constraints = (models.UniqueConstraint(fields=("session", "user"), name="learning_waiting_once"),)

    def __str__(self) -> str:
        return f"waiting-list entry {self.pk}"


class Attendance(OfAccount):
    """Whether a learner was there."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="attendances", verbose_name=_("learner"))
    session = models.ForeignKey(Session, models.PROTECT, related_name="attendances", verbose_name=_("session"))
    present = models.BooleanField(_("present"), default=True)
    marked_by = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="marked_attendances",
        verbose_name=_("marked by"),
    )
    marked_at = models.DateTimeField(_("marked"), default=timezone.now, editable=False)
    remark = models.TextField(_("remark"), blank=True, default="")

    class Meta:
        verbose_name = _("attendance")
        verbose_name_plural = _("attendance")
        ordering = ("-marked_at", "-id")
        constraints = (models.UniqueConstraint(fields=("session", "user"), name="learning_attendance_once"),)

    def __str__(self) -> str:
        return f"attendance {self.pk}"


class ModuleGrade(OfAccount):
    """The grade of one module of an enrolment."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="module_grades", verbose_name=_("learner"))
    enrolment = models.ForeignKey(Enrolment, models.PROTECT, related_name="module_grades", verbose_name=_("enrolment"))
    module = models.ForeignKey(Module, models.PROTECT, related_name="grades", verbose_name=_("module"))
    grade = models.DecimalField(
        _("grade"),
        max_digits=5,
        decimal_places=2,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("0 to 100"),
    )
    graded_by = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="given_grades", verbose_name=_("graded by")
    )
    graded_at = models.DateTimeField(_("graded"), default=timezone.now, editable=False)
    remark = models.TextField(_("remark"), blank=True, default="")

    class Meta:
        verbose_name = _("module grade")
        verbose_name_plural = _("module grades")
        ordering = ("-graded_at", "-id")
        constraints = (models.UniqueConstraint(fields=("enrolment", "module"), name="learning_grade_once"),)

    def __str__(self) -> str:
        return f"module grade {self.pk}"


class QuizAttempt(OfAccount):
    """One attempt at a quiz, with its score."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="quiz_attempts", verbose_name=_("learner"))
    enrolment = models.ForeignKey(Enrolment, models.PROTECT, related_name="quiz_attempts", verbose_name=_("enrolment"))
    module = models.ForeignKey(Module, models.PROTECT, related_name="quiz_attempts", verbose_name=_("quiz"))
    score = models.PositiveIntegerField(_("score"), default=0)
    maximum = models.PositiveIntegerField(_("of"), default=100)
    finished_at = models.DateTimeField(_("finished"), default=timezone.now)

    class Meta:
        verbose_name = _("quiz score")
        verbose_name_plural = _("quiz scores")
        ordering = ("-finished_at", "-id")

    def __str__(self) -> str:
        return f"quiz score {self.pk}"


class QuizAnswer(OfAccount):
    """One answer of an attempt; free text where the question asks for it."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="quiz_answers", verbose_name=_("learner"))
    attempt = models.ForeignKey(QuizAttempt, models.PROTECT, related_name="answers", verbose_name=_("attempt"))
    question = models.PositiveIntegerField(_("question"))
    text = models.TextField(_("answer"), blank=True, default="")
    correct = models.BooleanField(_("correct"), default=False)

    class Meta:
        verbose_name = _("quiz answer")
        verbose_name_plural = _("quiz answers")
        ordering = ("attempt", "question")
        constraints = (models.UniqueConstraint(fields=("attempt", "question"), name="learning_answer_once"),)

    def __str__(self) -> str:
        return f"quiz answer {self.pk}"


class Feedback(OfAccount):
    """What a learner thinks of a course, and what their manager sees of it at work later."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="feedbacks", verbose_name=_("learner"))
    course = models.ForeignKey(Course, models.PROTECT, related_name="feedbacks", verbose_name=_("course"))
    rating = models.PositiveSmallIntegerField(
        _("rating"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    learner_text = models.TextField(_("learner's words"), blank=True, default="")
    manager = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="manager_feedbacks", verbose_name=_("manager")
    )
    manager_text = models.TextField(_("manager's words"), blank=True, default="")
    given_at = models.DateTimeField(_("given"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        ordering = ("-given_at", "-id")
        constraints = (models.UniqueConstraint(fields=("user", "course"), name="learning_feedback_once"),)

    def __str__(self) -> str:
        return f"feedback {self.pk}"


class SubmissionState(models.TextChoices):
    WAITING = "waiting", _("Waiting for review")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")


class Submission(OfAccount):
    """A file that a learner hands in."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="submissions", verbose_name=_("learner"))
    enrolment = models.ForeignKey(Enrolment, models.PROTECT, related_name="submissions", verbose_name=_("enrolment"))
    module = models.ForeignKey(Module, models.PROTECT, related_name="submissions", verbose_name=_("module"))
    file = models.FileField(_("file"), upload_to=person_file_path, max_length=255, blank=True)
    text = models.TextField(_("accompanying text"), blank=True, default="")
    state = models.CharField(
        _("state"), max_length=20, choices=SubmissionState.choices, default=SubmissionState.WAITING
    )
    reviewer = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reviewed_submissions",
        verbose_name=_("reviewer"),
    )
    remarks = models.TextField(_("remarks"), blank=True, default="")
    submitted_at = models.DateTimeField(_("submitted"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        ordering = ("-submitted_at", "-id")

    def __str__(self) -> str:
        return f"submission {self.pk}"


class ChecklistReview(OfAccount):
    """What a reviewer saw a learner do."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="checklist_reviews", verbose_name=_("learner"))
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="checklist_reviews", verbose_name=_("enrolment")
    )
    module = models.ForeignKey(Module, models.PROTECT, related_name="checklist_reviews", verbose_name=_("checklist"))
    reviewer = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="given_checklist_reviews",
        verbose_name=_("reviewer"),
    )
    remarks = models.TextField(_("remarks"), blank=True, default="")
    reviewed_at = models.DateTimeField(_("reviewed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("checklist review")
        verbose_name_plural = _("checklist reviews")
        ordering = ("-reviewed_at", "-id")

    def __str__(self) -> str:
        return f"checklist review {self.pk}"


class ChecklistItem(OfAccount):
    """One line of a checklist review."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="checklist_items", verbose_name=_("learner"))
    review = models.ForeignKey(ChecklistReview, models.PROTECT, related_name="items", verbose_name=_("review"))
    position = models.PositiveIntegerField(_("position"))
    text = models.CharField(_("what was looked at"), max_length=300)
    passed = models.BooleanField(_("passed"), default=False)
    remark = models.TextField(_("remark"), blank=True, default="")

    class Meta:
        verbose_name = _("checklist item")
        verbose_name_plural = _("checklist items")
        ordering = ("review", "position")
        constraints = (models.UniqueConstraint(fields=("review", "position"), name="learning_item_once"),)

    def __str__(self) -> str:
        return f"checklist item {self.pk}"


class RequestState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")


class ExternalLearningRequest(OfAccount):
    """Something learnt elsewhere that a learner wants to have recorded, with a proof."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="external_requests", verbose_name=_("learner"))
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    proof = models.FileField(_("proof"), upload_to=person_file_path, max_length=255, blank=True)
    state = models.CharField(_("state"), max_length=20, choices=RequestState.choices, default=RequestState.WAITING)
    reviewer = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reviewed_external_requests",
        verbose_name=_("reviewer"),
    )
    remarks = models.TextField(_("remarks"), blank=True, default="")
    requested_at = models.DateTimeField(_("requested"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("external learning request")
        verbose_name_plural = _("external learning requests")
        ordering = ("-requested_at", "-id")

    def __str__(self) -> str:
        return f"external learning request {self.pk}"


class SkillLevel(models.IntegerChoices):
    BASIC = 1, _("Basic")
    INTERMEDIATE = 2, _("Intermediate")
    ADVANCED = 3, _("Advanced")


class AssignedSkill(OfAccount):
    """A skill that a learner is to reach, or has reached."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="assigned_skills", verbose_name=_("learner"))
    skill = models.ForeignKey(Skill, models.PROTECT, related_name="assignments", verbose_name=_("skill"))
    level = models.PositiveSmallIntegerField(_("level"), choices=SkillLevel.choices, default=SkillLevel.BASIC)
    assigned_by = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="given_skills", verbose_name=_("assigned by")
    )
    assigned_at = models.DateTimeField(_("assigned"), default=timezone.now, editable=False)
    achieved_at = models.DateTimeField(_("achieved"), null=True, blank=True)

    class Meta:
        verbose_name = _("assigned skill")
        verbose_name_plural = _("assigned skills")
        ordering = ("-assigned_at", "-id")
        constraints = (models.UniqueConstraint(fields=("user", "skill"), name="learning_skill_once"),)

    def __str__(self) -> str:
        return f"assigned skill {self.pk}"


class AwardedBadge(OfAccount):
    """A badge that a learner has."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="awarded_badges", verbose_name=_("learner"))
    badge = models.ForeignKey(Badge, models.PROTECT, related_name="awards", verbose_name=_("badge"))
    awarded_by = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="given_badges", verbose_name=_("awarded by")
    )
    evidence = models.TextField(_("evidence"), blank=True, default="")
    awarded_at = models.DateTimeField(_("awarded"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("awarded badge")
        verbose_name_plural = _("awarded badges")
        ordering = ("-awarded_at", "-id")

    def __str__(self) -> str:
        return f"awarded badge {self.pk}"


class Certificate(OfAccount):
    """The certificate of a completed course, as a file that names the learner."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="certificates", verbose_name=_("learner"))
    course = models.ForeignKey(Course, models.PROTECT, related_name="certificates", verbose_name=_("course"))
    number = models.CharField(_("number"), max_length=60, blank=True, default="")
    file = models.FileField(_("file"), upload_to=person_file_path, max_length=255, blank=True)
    issued_at = models.DateTimeField(_("issued"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        ordering = ("-issued_at", "-id")

    def __str__(self) -> str:
        return f"certificate {self.pk}"


class PointReason(models.TextChoices):
    COURSE = "course", _("Course completed")
    POST = "post", _("Post written")
    FEEDBACK = "feedback", _("Feedback given")
    MANUAL = "manual", _("Given by hand")


class PointEntry(OfAccount):
    """Points won or lost in the game of learning."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="point_entries", verbose_name=_("learner"))
    points = models.IntegerField(_("points"))
    reason = models.CharField(_("reason"), max_length=20, choices=PointReason.choices, default=PointReason.COURSE)
    remark = models.CharField(_("remark"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("point entry")
        verbose_name_plural = _("points")
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"point entry {self.pk}"


class LearningPlanAssignment(OfAccount):
    """A learner under a learning plan."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="plan_assignments", verbose_name=_("learner"))
    plan = models.ForeignKey(LearningPlan, models.PROTECT, related_name="assignments", verbose_name=_("learning plan"))
    assigned_by = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="given_plans", verbose_name=_("assigned by")
    )
    assigned_at = models.DateTimeField(_("assigned"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("learning plan assignment")
        verbose_name_plural = _("learning plan assignments")
        ordering = ("-assigned_at", "-id")
        constraints = (models.UniqueConstraint(fields=("user", "plan"), name="learning_plan_once"),)

    def __str__(self) -> str:
        return f"learning plan assignment {self.pk}"
