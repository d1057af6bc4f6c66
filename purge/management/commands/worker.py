"""``manage.py worker``"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from purge.worker.supervisor import Supervisor


class Command(BaseCommand):
    help = (
        "Run the worker: the queue's cluster with a watchdog, and what puts lost work in again. Ends on SIGTERM or "
        "Ctrl-C after the work it has begun. Example: manage.py worker"
    )
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        code = Supervisor().run()
        if code:
            sys.exit(code)
