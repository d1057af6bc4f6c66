"""Requests to a provider, whose addresses a customer has typed: never into this site's own network.

It is looked at where it ends, not what its name says: the address that the socket has reached, before anything is sent.
Redirects are not followed, proxies of the environment not used, answers are short, and whoever answers drop by drop is
hung up on.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
import threading
import time
from typing import Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

#: For each step of a conversation, and for all of it.
SECONDS = 5
LONGEST_ANSWER = 200_000


class NotOutside(OSError):
    """It would have gone into a network that this site does not ask."""

    def __init__(self) -> None:
        super().__init__("not an address outside")


def may_be_reached(address: str, *, plain: bool) -> bool:
    """Whether an address may be asked: one that anybody can reach, by https; or in a network that the settings name."""
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    if any(found in network for network in settings.LMS_PROVIDER_NETWORKS if found.version == network.version):
        return True
    return found.is_global and not found.is_multicast and not plain


def _checked(connection: Any, *, plain: bool) -> Any:
    if not may_be_reached(connection.getpeername()[0], plain=plain):
        connection.close()
        raise NotOutside
    return connection


class _Bounded:
    """The socket's own time limit begins again with each byte."""

    sock: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._limit = threading.Timer(SECONDS, self._hang_up)
        self._limit.daemon = True
        self._limit.start()

    def _hang_up(self) -> None:
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if hasattr(self, "_limit"):
            self._limit.cancel()
        super().close()  # type: ignore[misc]


class _PlainConnection(_Bounded, HTTPConnection):
    def _new_conn(self) -> Any:
        return _checked(super()._new_conn(), plain=True)


class _Connection(_Bounded, HTTPSConnection):
    def _new_conn(self) -> Any:
        return _checked(super()._new_conn(), plain=False)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _Pool}

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        until = time.monotonic() + SECONDS
        answer = super().send(*args, **{**kwargs, "stream": True})
        try:
            answer._content = _body(answer, until)
        except HTTPError as error:
            raise requests.RequestException from error
        finally:
            answer.close()
        return answer


def _body(answer: requests.Response, until: float) -> bytes:
    body = b""
    while piece := answer.raw.read1(8192, decode_content=True):
        body += piece
        if len(body) > LONGEST_ANSWER or time.monotonic() > until:
            break
    if len(body) > LONGEST_ANSWER or time.monotonic() > until:
        # Hung up on, it looks like the end.
        raise requests.RequestException("too long for an answer of a provider")
    if answer.is_redirect:
        raise requests.RequestException("a redirect is no answer of a provider")
    return body


def session() -> requests.Session:
    """For the library: ``requests.Session``, with a time limit for each request."""
    outgoing = requests.Session()
    outgoing.trust_env = False
    for scheme in ("http://", "https://"):
        outgoing.mount(scheme, _Adapter())
    outgoing.request = functools.partial(outgoing.request, timeout=SECONDS, allow_redirects=False)  # type: ignore[method-assign]
    return outgoing
