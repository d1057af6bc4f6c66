"""``manage.py purge_release``"""

from purge.management.going_on import GoOnCommand
from purge.models import PurgeRequest
from purge.services import purge_release
from purge.standing import Standing


class Command(GoOnCommand):
    help = "Let a request begin that waits for the platform's check. Shows the impact and asks, unless --yes is given."
    example = "manage.py purge_release PUR-7Q4M-2KX9-N --yes --wait"
    nothing = "Nothing was released"

    def may(self, stands: Standing) -> bool:
        return stands.can_release

    def go_on(self, purge_request: PurgeRequest) -> PurgeRequest:
        return purge_release(acting_user=None, purge_request=purge_request)
