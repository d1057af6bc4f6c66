"""What a customer types as a provider's address makes this site ask nobody in its own network."""

import contextlib
import socket
import threading
import time
from ipaddress import ip_network

import pytest
import requests

from users.identity_provider.outgoing import may_be_reached, session

OUTSIDE = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]
INSIDE = [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "ff02::1",
]  # fmt: skip


def test_only_what_anybody_can_reach_and_only_by_https(settings):
    assert [address for address in OUTSIDE if not may_be_reached(address, plain=False)] == []
    assert [address for address in OUTSIDE if may_be_reached(address, plain=True)] == []
    assert [address for address in INSIDE if may_be_reached(address, plain=False)] == []
    settings.LMS_PROVIDER_NETWORKS = [ip_network("10.0.0.0/8"), ip_network("fc00::/7")]
    assert may_be_reached("10.0.0.1", plain=True)
    assert may_be_reached("::ffff:10.0.0.1", plain=True)
    assert may_be_reached("fd00:ec2::254", plain=False)
    assert not may_be_reached("192.168.1.1", plain=False)


@pytest.fixture
def neighbour():
    """A server in the site's own network: what it was sent, and in which pieces it answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard, answers = [], []

    def serve():
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2)
                heard.append(connection.recv(65536))
                for piece in answers[0] if heard[-1] else ():
                    connection.sendall(piece)
                    time.sleep(0.1 if len(answers[0]) > 1 else 0)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/", heard, answers
    listener.close()
    thread.join(timeout=5)


def refuses(url):
    with pytest.raises(requests.RequestException):
        session().get(url)


def test_a_neighbour_is_told_nothing_even_by_a_name_or_a_redirect(neighbour, settings, monkeypatch):
    url, heard, answers = neighbour
    answers.append([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"])
    for each in (url, url.replace("127.0.0.1", "localhost"), url.replace("http:", "https:")):
        refuses(each)
    assert b"".join(heard) == b""
    settings.LMS_PROVIDER_NETWORKS = [ip_network("127.0.0.0/8")]
    assert session().get(url).json() == {}
    answers[0] = [b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"]
    refuses(url)
    answers[0] = [b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n" + b" " * 300_000]
    refuses(url)
    # Drop by drop, in the head and in the body: each drop comes in time, all of them do not.
    monkeypatch.setattr("users.identity_provider.outgoing.SECONDS", 0.5)
    for drops in ([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 40], [b"HTTP/1.1 200 OK\r\n\r\n", *[b" "] * 40]):
        answers[0] = drops
        begun = time.monotonic()
        refuses(url)
        assert time.monotonic() - begun < 2.5
