"""A name server for the tests: authoritative for what a test publishes, on a free port of loopback."""

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest


class NameServer(threading.Thread):
    """``records``: name → texts of its TXT records. ``silent``: whether it leaves questions unanswered."""

    def __init__(self):
        super().__init__(daemon=True)
        self.records, self.asked, self.silent = {}, [], False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def run(self):
        while True:
            try:
                wire, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            question = dns.message.from_wire(wire)
            name = question.question[0].name.to_text(omit_final_dot=True).lower()
            self.asked.append(name)
            if self.silent:
                continue
            answer = dns.message.make_response(question)
            answer.flags |= dns.flags.AA
            if name not in self.records:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            for text in self.records.get(name, ()):
                record = dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", text)
                answer.find_rrset(answer.answer, record.name, 1, 16, create=True).update(record)
            self.socket.sendto(answer.to_wire(), sender)


@pytest.fixture
def name_server(settings):
    server = NameServer()
    server.start()
    settings.LMS_NAME_SERVERS = [("127.0.0.1", server.port)]
    yield server
    server.socket.close()
