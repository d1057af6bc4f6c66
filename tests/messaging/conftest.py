"""A real mail server for the tests: what the product sends is read as it arrived."""

from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller


class Sink:
    """Keeps the mails it is given; refuses addresses in ``refused``."""

    def __init__(self):
        self.mails = []
        self.refused = set()

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in self.refused:
            return f"550 <{address}> unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        mail.recipients = list(envelope.rcpt_tos)
        self.mails.append(mail)
        return "250 OK"


class OnFreePort(Controller):
    """Listens where the system has a free port, and says which it is before it is asked for the first time."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def smtp(settings):
    """The mail server, in place of the tests' mail box in memory."""
    sink = Sink()
    controller = OnFreePort(sink, hostname="127.0.0.1", port=0)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield sink
    controller.stop()


@pytest.fixture
def queued():
    """What was put into the queue: (task, argument) in order."""
    from django_q.models import OrmQ

    def read():
        return [(row.func(), row.args()[0]) for row in OrmQ.objects.order_by("pk")]

    return read
