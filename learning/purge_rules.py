"""What a purge does to courses, learning records, posts and comments."""

from __future__ import annotations

from django.utils.translation import gettext_lazy, ngettext_lazy
from django.utils.translation import gettext_noop as _

from purge.rules import (
    Blank,
    Consequence,
    Delete,
    Detach,
    EraseFile,
    ExemptTable,
    HandOver,
    Keep,
    ModelRules,
    Redact,
    Unassign,
    Withdraw,
    WithRow,
)

NEEDS_INSTRUCTOR = Consequence(
    path="learning.services.sessions_without_instructor",
    kind="session_without_instructor",
    label=gettext_lazy("Session needs an instructor"),
    news=gettext_lazy("Sessions have lost their last instructor: give them a new one."),
    page="admin:learning_unstaffedsession_changelist",
    model="learning.Session",
    foretold="learning.selectors.sessions_losing_instructor",
    came=gettext_lazy("Session “%(name)s” would now be left without instructor."),
    went=gettext_lazy("Session “%(name)s” would not be left without instructor any more."),
    counted=ngettext_lazy("%(n)d session loses its instructor", "%(n)d sessions lose their instructor", "n"),
)

CONSEQUENCES = [NEEDS_INSTRUCTOR]

CATALOGUE = [
    ModelRules(
        model="learning.Course",
        noun=_("courses"),
        account="account",
        columns={
            "author": HandOver(),
            "code": Redact(numbered=True),
            "title": Redact(),
            "description": Redact(),
        },
    ),
    ModelRules(
        model="learning.Module",
        noun=_("modules"),
        account="course__account",
        columns={"title": Redact(), "content": Redact()},
    ),
    ModelRules(
        model="learning.Session",
        noun=_("sessions"),
        account="course__account",
        columns={
            "title": Redact(),
            "venue": Redact(),
            "organiser_email": Blank(),
            "notes": Redact(),
            "needs_instructor_reference": Keep(
                _("the ID of a purge request, which says nothing about whom it purged"),
                closed="written by code alone: the ID of a purge request",
            ),
        },
    ),
    ModelRules(
        model="learning.SessionInstructor",
        noun=_("session instructors"),
        account="session__course__account",
        columns={"user": Unassign(then_of="session", then=NEEDS_INSTRUCTOR.path)},
    ),
    ModelRules(
        model="learning.JobAid",
        noun=_("job aids"),
        account="account",
        columns={"created_by": HandOver(), "title": Redact(), "body": Redact(), "link": Redact()},
    ),
    ModelRules(
        model="learning.LearningPlan",
        noun=_("learning plans"),
        account="account",
        columns={"created_by": HandOver(), "name": Redact(), "description": Redact()},
    ),
    ModelRules(
        model="learning.LearningPlanCourse",
        noun=_("courses of learning plans"),
        account="plan__account",
        columns={},
    ),
    ModelRules(
        model="learning.Badge",
        noun=_("badges"),
        account="account",
        columns={"name": Redact(), "description": Redact()},
    ),
    ModelRules(
        model="learning.Skill",
        noun=_("skills"),
        account="account",
        columns={"name": Redact(), "description": Redact()},
    ),
    ModelRules(
        model="learning.ContentAudit",
        noun=_("content audits"),
        account="course__account",
        columns={"modified_by": Detach(), "remark": Redact()},
    ),
]

RECORDS = [
    ModelRules(
        model="learning.Enrolment",
        noun=_("enrolments"),
        account="user__account",
        columns={"user": Delete(), "enrolled_by": Detach(), "comment": Redact()},
    ),
    ModelRules(
        model="learning.WaitingListEntry",
        noun=_("waiting-list entries"),
        account="user__account",
        columns={"user": Delete()},
    ),
    ModelRules(
        model="learning.Attendance",
        noun=_("attendance records"),
        account="user__account",
        columns={"user": Delete(), "marked_by": Detach(), "remark": Redact()},
    ),
    ModelRules(
        model="learning.ModuleGrade",
        noun=_("module grades"),
        account="user__account",
        columns={"user": Delete(), "enrolment": WithRow(), "graded_by": Detach(), "remark": Redact()},
    ),
    ModelRules(
        model="learning.QuizAttempt",
        noun=_("quiz scores"),
        account="user__account",
        columns={"user": Delete(), "enrolment": WithRow()},
    ),
    ModelRules(
        model="learning.QuizAnswer",
        noun=_("quiz answers"),
        account="user__account",
        columns={"user": Delete(), "attempt": WithRow(), "text": Redact()},
    ),
    ModelRules(
        model="learning.Feedback",
        noun=_("feedback"),
        account="user__account",
        columns={"user": Delete(), "manager": Detach(), "learner_text": Redact(), "manager_text": Redact()},
    ),
    ModelRules(
        model="learning.Submission",
        noun=_("submissions"),
        account="user__account",
        columns={
            "user": Delete(),
            "enrolment": WithRow(),
            "file": EraseFile(listed=True),
            "text": Redact(),
            "reviewer": Detach(),
            "remarks": Redact(),
        },
    ),
    ModelRules(
        model="learning.ChecklistReview",
        noun=_("checklist reviews"),
        account="user__account",
        columns={"user": Delete(), "enrolment": WithRow(), "reviewer": Detach(), "remarks": Redact()},
    ),
    ModelRules(
        model="learning.ChecklistItem",
        noun=_("checklist items"),
        account="user__account",
        columns={"user": Delete(), "review": WithRow(), "text": Redact(), "remark": Redact()},
    ),
    ModelRules(
        model="learning.ExternalLearningRequest",
        noun=_("external learning requests"),
        account="user__account",
        columns={
            "user": Delete(),
            "title": Redact(),
            "description": Redact(),
            "proof": EraseFile(listed=True),
            "reviewer": Detach(),
            "remarks": Redact(),
        },
    ),
    ModelRules(
        model="learning.AssignedSkill",
        noun=_("assigned skills"),
        account="user__account",
        columns={"user": Delete(), "assigned_by": Detach()},
    ),
    ModelRules(
        model="learning.AwardedBadge",
        noun=_("awarded badges"),
        account="user__account",
        columns={"user": Delete(), "awarded_by": Detach(), "evidence": Redact()},
    ),
    ModelRules(
        model="learning.Certificate",
        noun=_("certificates"),
        account="user__account",
        columns={"user": Delete(), "number": Redact(), "file": EraseFile(listed=True)},
    ),
    ModelRules(
        model="learning.PointEntry",
        noun=_("points"),
        account="user__account",
        columns={"user": Delete(), "remark": Redact()},
    ),
    ModelRules(
        model="learning.LearningPlanAssignment",
        noun=_("learning plan assignments"),
        account="user__account",
        columns={"user": Delete(), "assigned_by": Detach()},
    ),
]

SOCIAL = [
    ModelRules(
        model="learning.Board",
        noun=_("boards"),
        account="account",
        columns={"creator": HandOver(), "name": Redact(), "description": Redact()},
    ),
    ModelRules(
        model="learning.BoardModerator",
        noun=_("board moderators"),
        account="board__account",
        columns={"user": Unassign()},
    ),
    ModelRules(
        model="learning.BoardMember",
        noun=_("board members"),
        account="board__account",
        columns={"user": Unassign()},
    ),
    ModelRules(
        model="learning.Post",
        noun=_("posts"),
        account="board__account",
        columns={
            "author": Withdraw(
                referenced_by=("learning.Comment.post", "learning.Mention.post"),
                empty={"title": "", "body": "", "removed": True},
            ),
            "title": Redact(),
            "body": Redact(),
        },
    ),
    ModelRules(
        model="learning.Comment",
        noun=_("comments"),
        account="post__board__account",
        columns={
            "author": Withdraw(
                referenced_by=("learning.Comment.parent", "learning.Mention.comment"),
                empty={"body": "", "removed": True},
            ),
            "post": Keep(_("a post that has comments is emptied, never deleted")),
            "parent": Keep(_("a comment that has replies is emptied, never deleted")),
            "body": Redact(),
        },
    ),
    ModelRules(
        model="learning.Mention",
        noun=_("mentions"),
        account="user__account",
        columns={"user": Delete(), "author": Delete(), "post": WithRow(), "comment": WithRow()},
    ),
]

RULES = [*CATALOGUE, *RECORDS, *SOCIAL]

EXEMPT: list[ExemptTable] = []
