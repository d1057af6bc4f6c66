"""Courses, learning records and boards. Whatever hangs together is in one account."""

from __future__ import annotations

from datetime import timedelta

import factory
from django.core.files.base import ContentFile
from django.utils import timezone

from learning import models
from tests.factories.users import AccountFactory, UserFactory


class CourseFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Course

    account = factory.SubFactory(AccountFactory)
    code = factory.Sequence("C-{}".format)
    title = factory.Sequence("Course {}".format)
    description = "What this course teaches."
    state = models.CourseState.PUBLISHED
    author = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..account"))


class ModuleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Module

    course = factory.SubFactory(CourseFactory)
    title = factory.Sequence("Module {}".format)
    content = "Read this."
    position = factory.Sequence(lambda number: number + 1)


class SessionFactory(factory.django.DjangoModelFactory):
    """A session of next week, without instructors: see :class:`SessionInstructorFactory`."""

    class Meta:
        model = models.Session

    course = factory.SubFactory(CourseFactory, kind=models.CourseKind.CLASSROOM)
    title = factory.Sequence("Session {}".format)
    starts_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))
    ends_at = factory.LazyAttribute(lambda session: session.starts_at and session.starts_at + timedelta(hours=2))
    venue = "Room 12"
    organiser_email = "rooms@training.example"
    notes = "Bring a pen."


class SessionInstructorFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.SessionInstructor

    session = factory.SubFactory(SessionFactory)
    user = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..session.course.account"))


class JobAidFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.JobAid

    account = factory.SubFactory(AccountFactory)
    title = factory.Sequence("Job aid {}".format)
    body = "First this, then that."
    created_by = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..account"))


class LearningPlanFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.LearningPlan

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence("Plan {}".format)
    description = "For everybody new."
    created_by = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..account"))


class LearningPlanCourseFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.LearningPlanCourse

    plan = factory.SubFactory(LearningPlanFactory)
    course = factory.SubFactory(CourseFactory, account=factory.SelfAttribute("..plan.account"))


class BadgeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Badge

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence("Badge {}".format)


class SkillFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Skill

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence("Skill {}".format)


class ContentAuditFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ContentAudit

    course = factory.SubFactory(CourseFactory)
    action = models.ContentAuditAction.CHANGED
    modified_by = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..course.account"))


# ---------------------------------------------------------------- records


class EnrolmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Enrolment

    user = factory.SubFactory(UserFactory)
    course = factory.SubFactory(CourseFactory, account=factory.SelfAttribute("..user.account"))


class WaitingListEntryFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.WaitingListEntry

    user = factory.SubFactory(UserFactory)
    session = factory.SubFactory(SessionFactory, course__account=factory.SelfAttribute("...user.account"))


class AttendanceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Attendance

    user = factory.SubFactory(UserFactory)
    session = factory.SubFactory(SessionFactory, course__account=factory.SelfAttribute("...user.account"))


class OfAnEnrolment(factory.django.DjangoModelFactory):
    """A grandchild: of a module of the course in which ``user`` is enrolled."""

    class Meta:
        abstract = True

    user = factory.SubFactory(UserFactory)
    enrolment = factory.SubFactory(EnrolmentFactory, user=factory.SelfAttribute("..user"))
    module = factory.SubFactory(ModuleFactory, course=factory.SelfAttribute("..enrolment.course"))


class ModuleGradeFactory(OfAnEnrolment):
    class Meta:
        model = models.ModuleGrade

    grade = 80


class QuizAttemptFactory(OfAnEnrolment):
    class Meta:
        model = models.QuizAttempt

    score = 70


class QuizAnswerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.QuizAnswer

    user = factory.SubFactory(UserFactory)
    attempt = factory.SubFactory(QuizAttemptFactory, user=factory.SelfAttribute("..user"))
    question = factory.Sequence(lambda number: number + 1)
    text = "Because it is so."


class FeedbackFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Feedback

    user = factory.SubFactory(UserFactory)
    course = factory.SubFactory(CourseFactory, account=factory.SelfAttribute("..user.account"))
    rating = 4
    learner_text = "Very clear."
    manager_text = "It shows at work."


class SubmissionFactory(OfAnEnrolment):
    class Meta:
        model = models.Submission

    file = factory.LazyFunction(lambda: ContentFile(b"my homework", name="homework.txt"))
    text = "Here it is."


class ChecklistReviewFactory(OfAnEnrolment):
    class Meta:
        model = models.ChecklistReview

    reviewer = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..user.account"))
    remarks = "Well done."


class ChecklistItemFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ChecklistItem

    user = factory.SubFactory(UserFactory)
    review = factory.SubFactory(ChecklistReviewFactory, user=factory.SelfAttribute("..user"))
    position = factory.Sequence(lambda number: number + 1)
    text = "Wears a helmet"


class ExternalLearningRequestFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ExternalLearningRequest

    user = factory.SubFactory(UserFactory)
    title = "First aid"
    description = "A course of the Red Cross."
    proof = factory.LazyFunction(lambda: ContentFile(b"proof", name="proof.pdf"))


class AssignedSkillFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.AssignedSkill

    user = factory.SubFactory(UserFactory)
    skill = factory.SubFactory(SkillFactory, account=factory.SelfAttribute("..user.account"))


class AwardedBadgeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.AwardedBadge

    user = factory.SubFactory(UserFactory)
    badge = factory.SubFactory(BadgeFactory, account=factory.SelfAttribute("..user.account"))


class CertificateFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Certificate

    user = factory.SubFactory(UserFactory)
    course = factory.SubFactory(CourseFactory, account=factory.SelfAttribute("..user.account"))
    number = factory.Sequence("CERT-{}".format)
    file = factory.LazyFunction(lambda: ContentFile(b"certificate", name="certificate.pdf"))


class PointEntryFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.PointEntry

    user = factory.SubFactory(UserFactory)
    points = 10


class LearningPlanAssignmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.LearningPlanAssignment

    user = factory.SubFactory(UserFactory)
    plan = factory.SubFactory(LearningPlanFactory, account=factory.SelfAttribute("..user.account"))


# ---------------------------------------------------------------- boards


class BoardFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Board

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence("Board {}".format)
    creator = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..account"))


class BoardModeratorFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.BoardModerator

    board = factory.SubFactory(BoardFactory)
    user = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..board.account"))


class BoardMemberFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.BoardMember

    board = factory.SubFactory(BoardFactory)
    user = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..board.account"))


class PostFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Post

    board = factory.SubFactory(BoardFactory)
    author = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..board.account"))
    title = factory.Sequence("Post {}".format)
    body = "What do you think?"


class CommentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Comment

    post = factory.SubFactory(PostFactory)
    author = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..post.board.account"))
    body = "I think so too."


class MentionFactory(factory.django.DjangoModelFactory):
    """Somebody mentioned in a post; for a comment give ``post=None, comment=…``."""

    class Meta:
        model = models.Mention

    post = factory.SubFactory(PostFactory)
    author = factory.LazyAttribute(lambda mention: (mention.post or mention.comment).author)
    user = factory.LazyAttribute(lambda mention: UserFactory(account=mention.author.account))
