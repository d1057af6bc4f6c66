"""Templates, announcements, mails, notifications, reports and downloads."""

from __future__ import annotations

import factory
from django.core.files.base import ContentFile

from messaging import models
from tests.factories.users import AccountFactory, UserFactory


class EmailTemplateFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.EmailTemplate

    account = factory.SubFactory(AccountFactory)
    event = factory.Iterator(models.TemplateEvent.values)
    subject = "Welcome to {account}"
    body = "Hello {name}, start here: {link}"
    signature = "Your training team"


class AnnouncementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Announcement

    account = factory.SubFactory(AccountFactory)
    author = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..account"))
    title = factory.Sequence("Announcement {}".format)
    body = "The canteen is closed on Monday."


class MailLogFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.MailLog

    account = factory.SubFactory(AccountFactory)
    kind = models.MailKind.REMINDER
    recipient_email = factory.Sequence("reader{}@mail.example".format)
    subject = "A course is due"
    body = "Please finish it."


class NotificationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Notification

    recipient = factory.SubFactory(UserFactory)
    account = factory.SelfAttribute("recipient.account")
    kind = models.NotificationKind.LEARNING
    title = "A learner has finished"
    text = "Somebody has finished a course."


class ReportSubscriptionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ReportSubscription

    account = factory.SubFactory(AccountFactory)
    owner = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..account"))
    report = models.ReportKind.COMPLETION


class SavedReportFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.SavedReport

    account = factory.SubFactory(AccountFactory)
    owner = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..account"))
    name = factory.Sequence("Report {}".format)
    report = models.ReportKind.TRANSCRIPT


class SavedReportShareFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.SavedReportShare

    report = factory.SubFactory(SavedReportFactory)
    user = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..report.account"))


class TranscriptDownloadFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.TranscriptDownload

    account = factory.SubFactory(AccountFactory)
    generated_by = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..account"))
    file = factory.LazyFunction(lambda: ContentFile(b"name,course\n", name="transcripts.csv"))
