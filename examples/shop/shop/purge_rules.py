"""What a purge does to the shop's tables: a line per column that can hold a person."""

from django.utils.translation import gettext_noop as _

from purge.rules import Delete, Detach, Keep, ModelRules, Redact, WithRow

SIGN_IN = Keep("what a customer signs in with", closed="another customer's is theirs; the row goes with its owner")

RULES = [
    ModelRules(model="shop.Branch", noun=_("branches"), account="pk", columns={"name": Redact()}),
    ModelRules(
        model="shop.Customer",
        noun=_("customers"),
        account="branch",
        columns={
            "email": SIGN_IN,
            "email_key": SIGN_IN,
            "password": Keep("a hash, which goes with its owner", closed="written by code alone"),
            "name": Redact(but_own=("email",)),
            "state": Keep("one of three words", closed="written by code alone"),
        },
    ),
    ModelRules(
        model="shop.Order",
        noun=_("orders"),
        account="branch",
        columns={"customer": Detach(), "delivery_note": Redact()},
    ),
    ModelRules(
        model="shop.Review",
        noun=_("reviews"),
        account="author__branch",
        columns={"author": Delete(), "text": Redact()},
    ),
    ModelRules(
        model="shop.Photo",
        noun=_("photos"),
        account="customer__branch",
        columns={"customer": Delete(), "file": WithRow()},
    ),
]
