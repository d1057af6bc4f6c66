"""What the queue calls: an id in, a service called. No exception leaves but the class of its error."""

from __future__ import annotations

import logging

from django.db import close_old_connections, connection, transaction

from purge.tasks import at_the_boundary, sign_of_life
from purge.worker.queue import enqueue
from users.apps import declared
from users.drafts import drafts_clear
from users.imports.services import TASK, import_file_erase, user_import_fail, user_import_run
from users.invitations.tokens import link_for
from users.models import FormerEmail, LoginEvent, User, UserState
from users.proofs.services import address_proof_send, domain_proofs_renew, domains_about_to_end, proofs_clear
from users.second_factor.enrolment import enrolment_codes_clear
from users.services import sessions_clear
from users.sign_in.devices import browsers_clear
from users.sign_in.forgotten import FURTHER_TASK, links_for
from users.sign_in.limits import tries_clear
from users.sign_in.staying import browser_words
from users.wall import across_accounts

logger = logging.getLogger(__name__)


@at_the_boundary
@across_accounts("an import is found by its number; the work is done within its account")
def run_import(log_id: int) -> str:
    """Work on one user import for a time slice."""
    sign_of_life()
    try:
        outcome = user_import_run(log_id=log_id)
    except Exception as error:  # noqa: BLE001 - the task boundary
        failure = type(error).__name__
    else:
        if outcome == "more":
            enqueue(TASK, log_id)
        return outcome
    logger.warning("import %s failed: %s", log_id, failure)
    if not connection.in_atomic_block:
        close_old_connections()
    user_import_fail(log_id=log_id, error=failure)
    return "failed"


@at_the_boundary
@across_accounts("what has run out is cleared in every account")
def clear_sessions() -> int:
    """Remove the sessions that have run out, counts of tries to sign in that say nothing any more, and codes for
    setting up a second factor and purges not confirmed that are too old.

    The number of sessions removed.
    """
    sign_of_life()
    tries_clear()
    browsers_clear()
    enrolment_codes_clear()
    drafts_clear()
    return sessions_clear()


@at_the_boundary
@across_accounts("people of several accounts share a mailbox")
def forgotten_password(*user_ids: int) -> int:
    """Have a mail written to those who share a mailbox and have forgotten a password; the users given are some of them.
    How many accounts it names."""
    return _forgotten_mail(user_ids, after=0)


@at_the_boundary
@across_accounts("people of several accounts share a mailbox")
def forgotten_password_further(after: int, *user_ids: int) -> int:
    """The next mail, where one does not name all the accounts: of those whose row comes after this one."""
    return _forgotten_mail(user_ids, after=after)


def _forgotten_mail(user_ids: tuple[int, ...], *, after: int) -> int:
    sign_of_life()
    links, last = links_for(user_ids, after=after)
    if links:
        for function in declared("when_a_password_is_forgotten"):
            function(links=links)
    if last is not None:
        enqueue(FURTHER_TASK, last, *user_ids)
    return len(links)


@at_the_boundary
@across_accounts("a person is found by number and told")
def send_invitation(user_id: int) -> bool:
    """Have somebody sent the link by which they set their first password."""
    sign_of_life()
    user = User.objects.select_related("account").filter(pk=user_id, state=UserState.ACTIVE).first()
    if user is None or not user.is_active or not user.signs_in_here or user.has_usable_password():
        return False
    for function in declared("when_somebody_is_invited"):
        function(user_id=user.pk, url=link_for(user))
    return True


@at_the_boundary
@across_accounts("a person is found by number and told")
def tell_of_new_browser(event_id: int) -> bool:
    """Have somebody told of a sign-in with a browser that was never used before."""
    sign_of_life()
    event = LoginEvent.objects.filter(pk=event_id).first()
    if event is None:
        return False
    for function in declared("when_a_browser_is_new"):
        function(user_id=event.user_id, at=event.at, browser=browser_words(event.user_agent))
    return True


@at_the_boundary
@across_accounts("a person is found by number and told")
def tell_of_second_factor(user_id: int) -> bool:
    """Have somebody told that a second factor of theirs was set up, used up or removed."""
    sign_of_life()
    for function in declared("when_a_second_factor_changes"):
        function(user_id=user_id)
    return True


@at_the_boundary
@across_accounts("a person is found by number and told")
def tell_of_changed_sign_in(user_id: int, moved: int) -> bool:
    """Have somebody told that their email or login was changed. ``moved``: 1 where the email was: then at the address
    that they had before."""
    sign_of_life()
    former = FormerEmail.objects.filter(user_id=user_id, email__isnull=False).order_by("-ended_at", "-pk").first()
    if moved and former is None:
        return False  # it has been erased since, or the change was taken back
    for function in declared("when_a_sign_in_changes"):
        function(user_id=user_id, at_address=str(former.email) if moved and former is not None else "")
    return True


@at_the_boundary
@across_accounts("a proof is found by its number; the mail is to no user")
def send_proof_link(proof_id: int) -> bool:
    """Have the link written to an address of which an account says that it is its own."""
    sign_of_life()
    made = address_proof_send(pk=proof_id)
    if made is None:
        return False
    row, link = made
    for function in declared("when_an_address_is_to_be_proved"):
        function(row=row, link=link)
    return True


@at_the_boundary
@across_accounts("what is over is looked at for every account")
def renew_proofs() -> int:
    """Look again for the records of domains whose year is nearly over, have their accounts told where one is not there,
    and forget what is over. How many were renewed."""
    sign_of_life()
    proofs_clear()
    renewed = domain_proofs_renew()
    with transaction.atomic():
        for row, stage in domains_about_to_end():
            for function in declared("when_a_domains_year_ends"):
                function(row=row, stage=stage)
    return renewed


@at_the_boundary
@across_accounts("a file is found by the number of its import and erased")
def erase_import_file(log_id: int) -> bool:
    """Erase the file of an import that a purge closed while it was read."""
    sign_of_life()
    return import_file_erase(log_id=log_id)
