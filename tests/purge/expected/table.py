"""A line per column: what must have happened to it. By hand, from the specification; never from a purge rule.

Columns that can hold nothing of a person (numbers, dates, fixed choices, references to other things) have no line: they
must be as they were, unless ``also`` or ``then`` of another line says otherwise.
"""

from __future__ import annotations

from dataclasses import replace

from tests.purge.expected.outcomes import (
    ANY_TIME,
    BLANKED,
    EMPTIED,
    ENDED,
    FILE,
    FILE_OF_ONES_OWN,
    FILE_THAT_MENTIONS,
    FILTER,
    GOES,
    GOES_BY_NUMBER,
    HEIR,
    IMPORT_FILE,
    LISTED,
    LOGIN,
    NUMBERED,
    REDACTED,
    STAYS,
    WITH_ROW,
    WITHDRAWN,
    Model,
    Outcome,
    model,
)


def stops(outcome: Outcome) -> Outcome:
    """The connector that the setting belongs to is disabled, its schedule off; the setting is remembered by name."""
    return replace(outcome, then="connector stops")


def silences(outcome: Outcome) -> Outcome:
    """The webhook calls nobody any more."""
    return replace(outcome, then="webhook stops")


USERS = {
    "users.Account": model(
        "pk",
        # Whoever created a trial account and goes: it is without creator, and stays.
        creator=EMPTIED.with_(creator_missing=True),
        name=REDACTED,
        subdomain=STAYS,
        time_zone=STAYS,
        support_emails=LISTED,
        sender_name=REDACTED,
        sender_email=BLANKED,
        footer_links=REDACTED,
        peer_admin_email=BLANKED,
        catalog_share_email=BLANKED,
        import_mapping=REDACTED,
    ),
    "users.User": model(
        "account",
        login_id=STAYS,
        password=STAYS,
        name=REDACTED,
        # What somebody who stays signs in with is theirs.
        email=STAYS,
        email_key=STAYS,
        adobe_id=STAYS,
        adobe_key=STAYS,
        same_mailbox_as=EMPTIED,
        # Somebody else's address as a Unique User ID: the account is told, since imports go by it.
        unique_user_id=replace(BLANKED.with_(unique_id_sort=None), then="account is told"),
        unique_id_sort=STAYS,
        profile=REDACTED,
        manager=EMPTIED,
        locale=BLANKED,
        time_zone=BLANKED,
        bio=REDACTED,
        avatar=FILE,
        deleted_month=STAYS,
        deleted_by=EMPTIED,
    ),
    "users.User_groups": model("user__account", user=GOES),
    "users.User_user_permissions": model("user__account", user=GOES),
    "users.UserRole": model("user__account", user=GOES),
    "users.FormerEmail": model(
        "user__account", user=GOES, email=BLANKED.with_(email_key=None), email_key=BLANKED.with_(email=None)
    ),
    "users.ExternalProfile": model("account", name=REDACTED, manager_email=BLANKED),
    "users.SelfRegistrationProfile": model("account", name=REDACTED, manager=EMPTIED),
    "users.UserGroup": model(
        "account",
        name=REDACTED,
        description=REDACTED,
        creator=HEIR,
        # A group named after the team of somebody who goes.
        team_of=EMPTIED.with_(retired=True, name="Retired team"),
    ),
    "users.GroupMember": model("group__account", user=GOES),
    "users.GroupExclusion": model("group__account", user=GOES),
    "users.ActiveField": model("account", name=NUMBERED, allowed_values=REDACTED),
    "users.ActiveFieldValue": model("user__account", user=GOES, value=REDACTED),
    "users.Session": model(None, user=GOES, session_key=STAYS, browser=STAYS, ip_address=WITH_ROW, session_data=ENDED),
    "users.KnownBrowser": model("user__account", user=GOES, digest=STAYS),
    "users.EnrolmentCode": model("user__account", user=GOES, digest=STAYS),
    "users.IdentityProvider": model(
        "account", public_id=STAYS, name=REDACTED, server_url=REDACTED, client_id=REDACTED, secret=BLANKED
    ),
    "users.ProvedAddress": model(
        "account",
        purpose=STAYS,
        # Whose address is gone has agreed to nothing any more.
        email=BLANKED.with_(digest="", link_until=None, valid_until=None),
        digest=STAYS,
        asked_by=EMPTIED,
    ),
    "users.ProvedDomain": model("account", domain=STAYS, token=STAYS, asked_by=EMPTIED),
    "users.Tries": model(None, digest=STAYS),
    "users.LoginEvent": model("user__account", user=GOES, ip_address=WITH_ROW, user_agent=REDACTED),
    "users.UserAudit": model("user__account", user=GOES, actor=EMPTIED, event=STAYS, fields=STAYS),
    # What somebody has begun to purge goes with them; what is about an address is about nobody without it.
    "users.PurgeDraft": model("account", user=GOES, address=BLANKED, people=STAYS, facts=STAYS, note=REDACTED),
    "users.DeletedCount": model("account", month=STAYS),
    "users.ImportLog": model(
        "account",
        started_by=EMPTIED,
        file=IMPORT_FILE,
        error_file=IMPORT_FILE,
        encoding=STAYS,
        delimiter=STAYS,
        mapping=STAYS,
        failure=STAYS,
    ),
    "users.ImportRowError": model("log__account", reason=STAYS),
    "users.ImportNote": model("log__account", reference=STAYS),
}

LEARNING = {
    # Content stays; whoever purged, or the account's heir, is its author.
    "learning.Course": model("account", code=NUMBERED, title=REDACTED, description=REDACTED, author=HEIR),
    "learning.Module": model("course__account", title=REDACTED, content=REDACTED),
    "learning.Session": model(
        "course__account",
        title=REDACTED,
        venue=REDACTED,
        organiser_email=BLANKED,
        notes=REDACTED,
        needs_instructor_reference=STAYS,
    ),
    # A session left without instructor stays, and says that it needs one.
    "learning.SessionInstructor": model("session__course__account", user=replace(GOES, then="session needs one")),
    "learning.JobAid": model("account", title=REDACTED, body=REDACTED, link=REDACTED, created_by=HEIR),
    "learning.LearningPlan": model("account", name=REDACTED, description=REDACTED, created_by=HEIR),
    "learning.LearningPlanCourse": model("plan__account"),
    "learning.Badge": model("account", name=REDACTED, description=REDACTED),
    "learning.Skill": model("account", name=REDACTED, description=REDACTED),
    "learning.ContentAudit": model("course__account", modified_by=EMPTIED, remark=REDACTED),
    "learning.Enrolment": model("user__account", user=GOES, enrolled_by=EMPTIED, comment=REDACTED),
    "learning.WaitingListEntry": model("user__account", user=GOES),
    "learning.Attendance": model("user__account", user=GOES, marked_by=EMPTIED, remark=REDACTED),
    "learning.ModuleGrade": model("user__account", user=GOES, graded_by=EMPTIED, remark=REDACTED),
    "learning.QuizAttempt": model("user__account", user=GOES),
    "learning.QuizAnswer": model("user__account", user=GOES, text=REDACTED),
    "learning.Feedback": model(
        "user__account", user=GOES, learner_text=REDACTED, manager=EMPTIED, manager_text=REDACTED
    ),
    "learning.Submission": model(
        "user__account", user=GOES, file=FILE_OF_ONES_OWN, text=REDACTED, reviewer=EMPTIED, remarks=REDACTED
    ),
    "learning.ChecklistReview": model("user__account", user=GOES, reviewer=EMPTIED, remarks=REDACTED),
    "learning.ChecklistItem": model("user__account", user=GOES, text=REDACTED, remark=REDACTED),
    "learning.ExternalLearningRequest": model(
        "user__account",
        user=GOES,
        title=REDACTED,
        description=REDACTED,
        proof=FILE_OF_ONES_OWN,
        reviewer=EMPTIED,
        remarks=REDACTED,
    ),
    "learning.AssignedSkill": model("user__account", user=GOES, assigned_by=EMPTIED),
    "learning.AwardedBadge": model("user__account", user=GOES, awarded_by=EMPTIED, evidence=REDACTED),
    "learning.Certificate": model("user__account", user=GOES, number=REDACTED, file=FILE_OF_ONES_OWN),
    "learning.PointEntry": model("user__account", user=GOES, remark=REDACTED),
    "learning.LearningPlanAssignment": model("user__account", user=GOES, assigned_by=EMPTIED),
    "learning.Board": model("account", name=REDACTED, description=REDACTED, creator=HEIR),
    "learning.BoardModerator": model("board__account", user=GOES),
    "learning.BoardMember": model("board__account", user=GOES),
    # Where others replied, or were mentioned, it stays as "removed", without text and author.
    "learning.Post": model(
        "board__account",
        author=WITHDRAWN.with_(title="", body="", removed=True),
        title=REDACTED,
        body=REDACTED,
    ),
    "learning.Comment": model("post__board__account", author=WITHDRAWN.with_(body="", removed=True), body=REDACTED),
    "learning.Mention": model("user__account", author=GOES, user=GOES),
}

MESSAGING = {
    "messaging.EmailTemplate": model(
        "account", subject=REDACTED, body=REDACTED, html_body=REDACTED, signature=REDACTED
    ),
    "messaging.Announcement": model("account", author=HEIR, title=REDACTED, body=REDACTED),
    # Mails to the person and mails about the person go.
    "messaging.MailLog": model(
        "account",
        recipient=GOES,
        recipient_email=BLANKED,
        manager_email=BLANKED,
        subject=REDACTED,
        body=REDACTED,
        message_id=STAYS,
        about=GOES,
    ),
    "messaging.Notification": model(
        "recipient__account",
        recipient=GOES,
        reference=STAYS,
        about=GOES,
        title=REDACTED,
        text=REDACTED,
        link=REDACTED,
    ),
    "messaging.ReportSubscription": model("account", owner=GOES, alternate_email=BLANKED),
    # One that others share is theirs too.
    "messaging.SavedReport": model("account", owner=WITHDRAWN, name=REDACTED, filters=REDACTED),
    "messaging.SavedReportShare": model("report__account", user=GOES),
    "messaging.TranscriptDownload": model(
        "account", generated_by=GOES, pasted_addresses=LISTED, file=FILE_THAT_MENTIONS
    ),
}

SETTING = stops(BLANKED)
LOGIN_SETTING = stops(LOGIN)
FILTER_SETTING = stops(FILTER)

CONNECTORS = {
    "connectors.Connector": model(
        "account", name=REDACTED, contact=stops(EMPTIED), mapping=stops(REDACTED), disabled_reference=STAYS
    ),
    "connectors.FtpSettings": model(
        "connector__account",
        host=SETTING,
        user_name=LOGIN_SETTING,
        secret=SETTING,
        folder=SETTING,
        contact_email=SETTING,
    ),
    "connectors.BoxSettings": model("connector__account", account_email=SETTING, folder=SETTING),
    "connectors.SalesforceSettings": model(
        "connector__account",
        org_url=SETTING,
        login=LOGIN_SETTING,
        secret=SETTING,
        filter_field=SETTING,
        filter_value=FILTER_SETTING,
    ),
    "connectors.WorkdaySettings": model(
        "connector__account",
        host=SETTING,
        tenant=SETTING,
        isu_user_name=LOGIN_SETTING,
        secret=SETTING,
        manager_filter=FILTER_SETTING,
        manager=stops(EMPTIED),
    ),
    "connectors.AzureAdSettings": model(
        "connector__account",
        tenant=SETTING,
        client_id=SETTING,
        secret=SETTING,
        manager_filter=FILTER_SETTING,
        manager=stops(EMPTIED),
    ),
    "connectors.ZoomSettings": model(
        "connector__account", zoom_account=SETTING, client_id=SETTING, secret=SETTING, super_admin_email=SETTING
    ),
    "connectors.AdobeConnectSettings": model(
        "connector__account", url=SETTING, admin_email=SETTING, admin_login=LOGIN_SETTING, secret=SETTING
    ),
    "connectors.TeamsSettings": model(
        "connector__account", tenant=SETTING, client_id=SETTING, secret=SETTING, admin_user_email=SETTING
    ),
    "connectors.GenericSettings": model("connector__account", values=stops(REDACTED)),
    "connectors.BlankedSetting": model("connector__account", setting=STAYS, reference=STAYS, settled_by=EMPTIED),
    "connectors.ConnectorRun": model(
        "connector__account", started_by=EMPTIED, error=REDACTED, error_file=FILE_THAT_MENTIONS
    ),
    "connectors.ExternalApplication": model(
        "account",
        name=REDACTED,
        organisation=REDACTED,
        contact_email=BLANKED,
        owner=HEIR,
        redirect_url=REDACTED,
        description=REDACTED,
    ),
    "connectors.ApplicationGrant": model("user__account", user=GOES),
    "connectors.ApiToken": model("user__account", user=GOES, name=REDACTED, digest=WITH_ROW),
    "connectors.Webhook": model(
        "account",
        name=REDACTED,
        url=silences(REDACTED),
        user_name=silences(LOGIN),
        secret=silences(BLANKED),
        disabled_reference=STAYS,
        created_by=EMPTIED,
    ),
    "connectors.XapiStatement": model("account", user=GOES, actor_mbox=BLANKED, verb=REDACTED, statement=REDACTED),
}

PURGE = {
    "purge.PurgeRequest": model(
        "account_id",
        initiator=EMPTIED,
        reference=STAYS,
        replays=STAYS,
        external_reference=STAYS,
        policy=STAYS,
        key_fingerprint=STAYS,
        held_reason=STAYS,
        error_class=STAYS,
        error_step=STAYS,
        begun_by=STAYS,
    ),
    "purge.FollowUp": model("account_id", kind=STAYS, model=STAYS, done_by=EMPTIED),
    "purge.LedgerEntry": model(None, event=STAYS, actor=EMPTIED, facts=STAYS),
    "purge.PossibleMention": model("account_id", table=STAYS, column=STAYS, row=STAYS),
    "purge.StaffNamesShown": model("account_id", actor=EMPTIED),
    "purge.RegisterNote": model("account_id", ticket=STAYS, reason=REDACTED, changed_by=EMPTIED),
    "purge.LookUp": model("account_id", actor=EMPTIED, digest=STAYS, form=STAYS),
    # The notice is answered by the person's being purged: it names nobody then.
    "purge.ImsNotice": model(
        "account_id",
        user=EMPTIED.with_(state="purged", identifier="", closed_at=ANY_TIME),
        identifier=BLANKED.with_(state="purged", closed_at=ANY_TIME),
        closed_by=EMPTIED,
    ),
}

#: What the engine itself writes while it works: its tables name nobody, and other tests look at what is in them.
WORKING_TABLES = {
    "purge.Subject": model(None, earlier_state=STAYS, stuck_table=STAYS),
    "purge.Identifier": model(None, value=STAYS, written=STAYS, form=STAYS),
    "purge.IdentifierSet": model(None, everywhere=STAYS, there=STAYS, names=STAYS, kinds=STAYS),
    "purge.SuppressionHash": model(None, digest=STAYS, form=STAYS, key_fingerprint=STAYS),
    "purge.PurgeStep": model(None, key=STAYS, words=STAYS),
    "purge.ReachedRows": model("account_id", model=STAYS),
    "purge.DoomedFile": model(None, name=STAYS),
    "purge.FileReading": model(None, model=STAYS, digest=STAYS),
    "purge.UnopenedFile": model("account_id", table=STAYS, column=STAYS),
    "purge.Residue": model(None, table=STAYS, column=STAYS, row=STAYS),
    "purge.EvidencePeriod": model(None, kind=STAYS),
    "purge.EvidenceCount": model("account_id"),
    "purge.PatrolPass": model(None, armed_by=STAYS),
    "purge.RestoreDrill": model(None),
    "purge.WorkerBeat": model(None, name=STAYS, trouble=STAYS),
    "purge.Lease": model(None, name=STAYS),
    "purge.Standstill": model(None, code=STAYS),
    "purge.Installation": model(
        None, server_system=STAYS, server_timeline=STAYS, releases=STAYS, people_keyed_by=STAYS
    ),
    "purge.Established": model(None),
    "purge.NotCovered": model(None, name=STAYS),
    "purge.JournalMark": model(None, chain=STAYS),
    "purge.JournalChain": model(None, name=STAYS, digest=STAYS),
    "purge.JournalAlarm": model(None, chain=STAYS, reference=STAYS, event=STAYS),
    "django_q.Schedule": model(
        None,
        name=STAYS,
        func=STAYS,
        hook=STAYS,
        args=STAYS,
        kwargs=STAYS,
        cron=STAYS,
        task=STAYS,
        cluster=STAYS,
        intended_date_kwarg=STAYS,
    ),
    "django_q.Task": model(
        None,
        id=STAYS,
        name=STAYS,
        func=STAYS,
        hook=STAYS,
        args=STAYS,
        kwargs=STAYS,
        result=STAYS,
        group=STAYS,
        cluster=STAYS,
    ),
    "django_q.OrmQ": model(None, key=STAYS, payload=STAYS),
    # Never written; that they go with their owner is shown in tests/users/second_factor.
    "account.EmailConfirmation": model("email_address__user__account", email_address=GOES, key=STAYS),
    "socialaccount.SocialToken": Model(
        "account__user__account", {"account": GOES, "token": STAYS, "token_secret": STAYS}, False
    ),
    "socialaccount.SocialApp": model(
        None,
        provider=STAYS,
        provider_id=STAYS,
        name=STAYS,
        client_id=STAYS,
        secret=STAYS,
        key=STAYS,
        settings=STAYS,
    ),
}

DJANGO = {
    "mfa.Authenticator": model("user__account", user=GOES, type=STAYS, data=STAYS),
    "socialaccount.SocialAccount": model("user__account", user=GOES, provider=STAYS, uid=STAYS, extra_data=STAYS),
    "account.EmailAddress": model("user__account", user=GOES, email=NUMBERED),
    # An entry belongs to the account of whoever acted; what the platform's own people did may concern every customer.
    "admin.LogEntry": model(
        "user__account",
        staff=True,
        user=GOES,
        object_id=GOES_BY_NUMBER,
        object_repr=REDACTED,
        change_message=REDACTED,
    ),
    "auth.Group": model(None, name=NUMBERED),
    "auth.Group_permissions": model(None),
    "auth.Permission": model(None, name=STAYS, codename=STAYS),
    "contenttypes.ContentType": model(None, app_label=STAYS, model=STAYS),
}

#: The tables that are compared row by row.
COMPARED = {**USERS, **LEARNING, **MESSAGING, **CONNECTORS, **PURGE, **DJANGO}
TABLE = {**COMPARED, **WORKING_TABLES}
