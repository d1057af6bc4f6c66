"""``manage.py second_factor_code``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from users.models import ROLES_WITH_ACCESS, User, UserState
from users.second_factor.demand import is_demanded_of
from users.second_factor.enrolment import GOOD_FOR, enrolment_code_make, factors_reset
from users.second_factor.factors import has_second_factor
from users.services import ServiceError
from users.wall import across_accounts


class Command(BaseCommand):
    help = (
        "Makes a code with which a user sets up the first second factor that is demanded of them, at their sign-in. "
        "Hand it over in person or by a way that their password does not open. It is good once, for 24 hours, and "
        "stored nowhere. With --all, one for each user who needs one: after an upgrade, or when the demand is new. "
        "Example: manage.py second_factor_code --user 17"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--user", type=int, help="the number of the user, as the admin's address bar says")
        whom.add_argument("--all", action="store_true", help="everybody who needs a second factor and has none")
        parser.add_argument("--lost", action="store_true", help="take away what the user has and has lost")

    @across_accounts("an operator's command")
    def handle(self, *args: Any, **options: Any) -> None:
        if options["lost"] and options["all"]:
            raise CommandError("--lost is for one user.", returncode=2)
        people = _who_need_one() if options["all"] else [_user(options["user"])]
        for user in people:
            try:
                if options["lost"]:
                    factors_reset(acting_user=None, user=user)
                code = enrolment_code_make(acting_user=None, user=user)
            except ServiceError as refusal:
                raise CommandError(str(refusal)) from None
            self.stdout.write(f"{user.pk}\t{code}")
        hours = int(GOOD_FOR.total_seconds() // 3600)
        self.stderr.write(f"{len(people)} made (number of the user, code), good for {hours} hours.")


def _user(pk: int) -> User:
    user: User | None = User.objects.select_related("account").filter(pk=pk).first()
    if user is None:
        raise CommandError(f"There is no user {pk}.")
    return user


def _who_need_one() -> list[User]:
    people = User.objects.select_related("account").filter(state=UserState.ACTIVE).order_by("pk")
    # Whoever has no access to the admin signs in nowhere; few are left.
    access = Q(is_superuser=True) | Q(is_support=True) | Q(given_roles__role__in=ROLES_WITH_ACCESS)
    people = people.filter(access).distinct()
    return [user for user in people if user.is_staff and is_demanded_of(user) and not has_second_factor(user)]
