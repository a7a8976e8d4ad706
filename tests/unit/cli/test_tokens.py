"""`concept-worker token`: signed as Supabase Auth signs, with the secret of the project beside it."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import jwt
import pytest
from typer.testing import CliRunner

from concept_worker.cli.app import app
from concept_worker.cli.tokens import NoSecret, make_token
from concept_worker.ownership import replace_own
from concept_worker.settings import DEV_ENV_FILE

SECRET = "a secret of at least thirty-two characters"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder where nothing runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SUPABASE_JWT_SECRET", raising=False)


def test_it_is_a_users_token_beside_dev(tmp_path: Path) -> None:
    """The secret is read from the file that `dev` keeps."""
    (tmp_path / DEV_ENV_FILE).parent.mkdir()
    replace_own(tmp_path / DEV_ENV_FILE, f"SUPABASE_JWT_SECRET={SECRET}\n")
    user = str(uuid4())
    done = CliRunner().invoke(app, ["token", "--user", user, "--seconds", "60", "--anonymous", "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.output)
    claims = jwt.decode(printed["access_token"], SECRET, algorithms=["HS256"], audience="authenticated")
    assert (claims["sub"], claims["role"], claims["is_anonymous"]) == (user, "authenticated", True)
    assert (claims["exp"] - claims["iat"], printed["expires_at"] - claims["exp"] in (0, 1)) == (60, True)


def test_a_secret_of_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing but the token is printed, for a shell's `$(…)`."""
    monkeypatch.setenv("SUPABASE_JWT_SECRET", SECRET)
    done = CliRunner().invoke(app, ["token", "--user", str(uuid4())])
    assert jwt.decode(done.output.strip(), SECRET, algorithms=["HS256"], audience="authenticated")


def test_without_a_secret_it_says_where_one_is() -> None:
    """Instead of signing with nothing."""
    with pytest.raises(NoSecret, match="concept-worker dev"):
        make_token(uuid4(), seconds=60, is_anonymous=False)
