"""``manage.py purge_retry``"""

from purge.management.going_on import GoOnCommand
from purge.models import PurgeRequest
from purge.services import purge_retry
from purge.standing import Standing


class Command(GoOnCommand):
    help = (
        "Try a request again that needs attention, left residue, or waits after a failure. Shows the impact and asks, "
        "unless --yes is given."
    )
    example = "manage.py purge_retry PUR-7Q4M-2KX9-N --yes --wait"
    nothing = "Nothing was tried again"

    def may(self, stands: Standing) -> bool:
        return stands.can_retry

    def go_on(self, purge_request: PurgeRequest) -> PurgeRequest:
        return purge_retry(acting_user=None, purge_request=purge_request)
