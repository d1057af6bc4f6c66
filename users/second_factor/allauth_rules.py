"""What a purge does to the tables of django-allauth, of which only two are used."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from purge.rules import Delete, Keep, ModelRules, Redact

BY_CODE = "written by code alone: fixed words and random texts"
UNUSED = Keep(
    _("never written: providers of an account are rows of its own, sealed"),
    closed="no page and no code makes a row of this table",
)

RULES = [
    ModelRules(
        "mfa.Authenticator",
        _("second factors"),
        "user__account",
        {
            "user": Delete(),
            "data": Keep(
                _("sealed secrets, and what a browser answered, in base64; the row goes with its owner"),
                closed="written by code alone: sealed texts, base64, and the kind of a browser in our words",
            ),
        },
    ),
    ModelRules(
        "socialaccount.SocialAccount",
        _("links to identity providers"),
        "user__account",
        {
            "user": Delete(),
            "provider": Keep(_("the provider's number here, a random text"), closed=BY_CODE),
            "uid": Keep(
                _("a keyed digest of what the provider calls the person; the row goes with it"),
                closed=BY_CODE,
            ),
            "extra_data": Keep(_("left empty: nothing that a provider says is kept"), closed="no code writes into it"),
        },
    ),
    # Not used, and treated all the same: the tables are there.
    ModelRules(
        "socialaccount.SocialToken",
        _("tokens of identity providers"),
        "account__user__account",
        {
            "account": Delete(via="account__user"),
            "token": Keep(_("never written: no token is kept"), closed="no code makes a row of this table"),
            "token_secret": Keep(_("never written: no token is kept"), closed="no code makes a row of this table"),
        },
    ),
    ModelRules(
        "socialaccount.SocialApp",
        _("providers as the library has them"),
        None,
        dict.fromkeys(("provider", "provider_id", "name", "client_id", "secret", "key", "settings"), UNUSED),
    ),
    ModelRules(
        "account.EmailAddress",
        _("addresses as the library has them"),
        "user__account",
        {"user": Delete(), "email": Redact(numbered=True)},
    ),
    ModelRules(
        "account.EmailConfirmation",
        _("confirmations as the library has them"),
        "email_address__user__account",
        {
            "email_address": Delete(via="email_address__user"),
            "key": Keep(_("a random text; the row goes with its owner"), closed=BY_CODE),
        },
    ),
]
