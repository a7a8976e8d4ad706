"""The command `token`: an access token of a user, for a browser or curl beside the embedded stack."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from uuid import UUID

from dotenv import dotenv_values

from concept_worker.errors import ConceptWorkerError
from concept_worker.ownership import read_own, trusted_owners
from concept_worker.settings import DEV_ENV_FILE

_SETTING = "SUPABASE_JWT_SECRET"


class NoSecret(ConceptWorkerError):
    """An error: there is no secret to sign a token with."""


@dataclass(frozen=True)
class Token:
    """An access token, and the time (seconds since 1970) at which it expires."""

    access_token: str
    user_id: str
    expires_at: int


def make_token(user_id: UUID, *, seconds: int, is_anonymous: bool) -> Token:
    """Sign a token as Supabase Auth would; nobody is asked whether the user exists.

    Raises:
        NoSecret: neither the environment nor a running `concept-worker dev` has the project's JWT secret.
    """
    from concept_worker.devstack.keys import sign_user_token

    kept = dotenv_values(stream=StringIO(read_own(Path(DEV_ENV_FILE), trusted_owners()) or ""))
    secret = os.environ.get(_SETTING) or kept.get(_SETTING)
    if not secret:
        raise NoSecret(
            f"{_SETTING} is not set; run this where `concept-worker dev` runs, or set it to your project's JWT secret"
        )
    claims = {"sub": str(user_id), "is_anonymous": is_anonymous}
    token = sign_user_token(secret, claims, seconds)
    return Token(token, str(user_id), int(time.time()) + seconds)
