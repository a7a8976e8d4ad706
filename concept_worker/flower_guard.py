"""Flower behind a password, at its own address only; installed when Celery's command line has Flower.

Flower is open without a password, leaves `/metrics` and `/healthcheck` open with one, answers to any Host (so that a
web page whose name leads to this machine may read it), and runs a `flowerconfig.py` of the working directory.
"""

from __future__ import annotations

import hmac
import os
import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any

import flower.command
from flower.app import Flower
from tornado.httputil import HTTPServerRequest
from tornado.options import options
from tornado.web import RequestHandler

from concept_worker.logging import get_logger
from concept_worker.settings import get_settings

log = get_logger(__name__)

_LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]", "::1")


def install() -> None:
    """Let Celery's `flower` command start the guarded one."""
    flower.command.Flower = GuardedFlower
    options.conf = os.devnull  # another one must be named: --conf


class GuardedFlower(Flower):  # type: ignore[misc]  # Flower has no types
    """Flower, every page of which asks for the Host and the password first."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        settings = get_settings()
        self._hosts = {*_LOCAL_HOSTS, *(host.strip().lower() for host in settings.flower_hosts.split(",") if host)}
        if not options.basic_auth and not options.auth:
            options.basic_auth = (settings.flower_basic_auth.get_secret_value() or _nobodys_password()).split(",")

    def find_handler(self, request: HTTPServerRequest, **more: Any) -> Any:
        """The page, or a refusal in its place."""
        if request.host_name.lower() not in self._hosts:
            says = "Flower answers to its own address only; name others in CONCEPT_FLOWER_HOSTS."
            return self.get_handler_delegate(request, Refusal, {"status": 403, "says": says})
        if options.basic_auth and not _has_password(request):
            return self.get_handler_delegate(request, Refusal, {"status": 401, "says": "Name and password, please."})
        return super().find_handler(request, **more)


class Refusal(RequestHandler):
    """Answers every method with the same words."""

    def initialize(self, status: int, says: str) -> None:
        """Take over the status and the words."""
        self._refused_with, self._says = status, says

    def check_xsrf_cookie(self) -> None:
        """Nothing is done here that would have to be protected."""

    def prepare(self) -> None:
        """Answer, before any method is looked for."""
        self.set_status(self._refused_with)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if self._refused_with == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="Flower"')
        self.finish(self._says)


def _has_password(request: HTTPServerRequest) -> bool:
    scheme, _, coded = request.headers.get("Authorization", "").partition(" ")
    try:
        given = b64decode(coded, validate=True)
    except (NotBase64, ValueError):
        return False
    known = [each.encode() for each in options.basic_auth]
    return scheme.lower() == "basic" and any([hmac.compare_digest(given, each) for each in known])


def _nobodys_password() -> str:
    """One that nobody knows: a deployment goes on without Flower rather than with an open one."""
    log.warning("flower is locked", mend="set FLOWER_BASIC_AUTH=name:password")
    return f"nobody:{secrets.token_urlsafe(32)}"
