"""Flower behind a password, at its own address only; installed when Celery's command line runs Flower.

Flower by itself is open without a password, leaves `/metrics` and `/healthcheck` open even with one, answers to any
Host (so a web page whose name leads to this machine can read it), and runs the working directory's `flowerconfig.py`.
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
    """Make Celery's `flower` command start the guarded Flower."""
    flower.command.Flower = GuardedFlower
    options.conf = os.devnull  # no configuration file unless --conf names one


class GuardedFlower(Flower):  # type: ignore[misc]  # Flower has no types
    """Flower with a check of Host and password before every page."""

    def __init__(self, **arguments: Any) -> None:
        settings = get_settings()
        try:
            settings.require_namespace()
        except ValueError as exc:
            raise SystemExit(f"Flower cannot start: {exc}") from None
        super().__init__(**arguments)
        self._hosts = {*_LOCAL_HOSTS, *(host.strip().lower() for host in settings.flower_hosts.split(",") if host)}
        if not options.basic_auth and not options.auth:
            options.basic_auth = (settings.flower_basic_auth.get_secret_value() or _locked()).split(",")

    def find_handler(self, request: HTTPServerRequest, **more: Any) -> Any:
        """Return the handler of the page, or of a refusal."""
        if request.host_name.lower() not in self._hosts:
            says = "Flower answers to its own address only; name others in CONCEPT_FLOWER_HOSTS."
            return self.get_handler_delegate(request, Refusal, {"status": 403, "says": says})
        if options.basic_auth and not _has_password(request):
            return self.get_handler_delegate(request, Refusal, {"status": 401, "says": "Name and password, please."})
        return super().find_handler(request, **more)


class Refusal(RequestHandler):
    """A handler that answers every method with one refusal."""

    def initialize(self, status: int, says: str) -> None:
        """Store the status and the sentence of the refusal."""
        self._refused_with, self._says = status, says

    def check_xsrf_cookie(self) -> None:
        """Check nothing: a refusal changes nothing that a forged request could abuse."""

    def prepare(self) -> None:
        """Answer before any method is called."""
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


def _locked() -> str:
    """Return a name and a random password, and log that Flower is locked: an open Flower would be worse than none."""
    log.warning("flower is locked", mend="set FLOWER_BASIC_AUTH=name:password")
    return f"nobody:{secrets.token_urlsafe(32)}"
