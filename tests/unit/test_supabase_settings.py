"""Addresses and keys as people have them: the wrong ones are named before anything is asked."""

from __future__ import annotations

import base64
import json
import re

import pytest

from concept_worker.settings import Settings

SECRET = "sb_secret_x"


def legacy(**claims: str) -> str:
    """A key as projects had them, a JWT."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2lnbmVk"


def trouble(url: str, key: str = SECRET) -> str:
    """What the settings say of them."""
    with pytest.raises(ValueError, match=r"^SUPABASE_") as caught:
        Settings(supabase_url=url, supabase_secret_key=key).require_supabase()
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("https://abcdefghijklmnopqrst.supabase.co", "abcdefghijklmnopqrst:"),
        ("https://supabase.example.com", ""),
        ("https://supabase.co", ""),
        ("http://kong:8000", ""),
        ("http://127.0.0.1:54321", ""),
        ("", ""),
    ],
)
def test_the_namespace_of_a_project(url: str, prefix: str) -> None:
    """A hosted one has a name that all processes know; a setting goes first, and `none` means none."""
    assert Settings(_env_file=None, supabase_url=url).redis_prefix == prefix
    assert Settings(_env_file=None, supabase_url=url, namespace="staging").redis_prefix == "staging:"
    assert Settings(_env_file=None, supabase_url=url, namespace="none").redis_prefix == ""


@pytest.mark.parametrize("name", ["a b", "a:b", "*", "-a", "ä", "a" * 65])
def test_a_namespace_that_is_no_name(name: str) -> None:
    """It is in every key, in patterns, and in what an operator types."""
    with pytest.raises(ValueError, match="CONCEPT_NAMESPACE"):
        Settings(_env_file=None, namespace=name)


def test_a_process_that_cannot_know_its_namespace() -> None:
    """Beat and Flower need no Supabase; without either they would speak to nobody."""
    with pytest.raises(ValueError, match="CONCEPT_NAMESPACE and SUPABASE_URL are not set"):
        Settings(_env_file=None, supabase_url="").require_namespace()
    Settings(_env_file=None, supabase_url="", namespace="none").require_namespace()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("db.example.co", "must begin with https://"),
        ("127.0.0.1:54321", "no address|must begin with https://"),
        ("HTTPS://db.example.co", "must begin with https://"),
        ("localhost:54321", "must begin with https://"),
        ("postgresql://postgres:word@db.example.co:5432/postgres", "must begin with https://"),
        ('"https://db.example.co"', "quotes"),
        ("'https://db.example.co'", "quotes"),
        ("https://db.example.co ", "spaces"),
        ("https://", "names no host"),
        ("https:///rest/v1", "names no host"),
        ("https://user:word@db.example.co", "no user"),
        ("https://db.example.co?apikey=x", "query"),
        ("https://db.example.co/rest/v1/", "must end before /rest/v1"),
        ("https://db.example.co/storage/v1", "must end before /storage/v1"),
        ("https://supabase.com/dashboard/project/abc", "dashboard"),
        ("https://db.abcdef.supabase.co", "database's address"),
        ("http://abcdef.supabase.co", "must begin with https://"),
        ("https://abcdef.supabase.co/project", "must end behind the host"),
    ],
)
def test_a_wrong_address_is_named(url: str, says: str) -> None:
    """With its mend, and not repeated: it may hold a password."""
    sentence = trouble(url)
    assert re.search(says, sentence)
    assert "word" not in sentence
    assert sentence.startswith("SUPABASE_URL ")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (legacy(role="anon", ref="db"), "public key"),
        (legacy(role="authenticated"), "public key"),
        ("sb_publishable_x", "public key"),
        (legacy(role="service_role", ref="other"), "another project"),
    ],
)
def test_a_key_for_something_else_is_named(key: str, says: str) -> None:
    """It would be refused with the first write of a run."""
    assert says in trouble("https://db.supabase.co", key)


@pytest.mark.parametrize("key", [legacy(role="service_role", ref="db"), legacy(role="service_role"), "a.b.c", "x"])
@pytest.mark.parametrize("url", ["https://db.supabase.co", "https://db.supabase.co/"])
def test_a_key_that_may_be_right_is_taken(url: str, key: str) -> None:
    """Only the server knows."""
    Settings(supabase_url=url, supabase_secret_key=key).require_supabase()


def test_a_key_of_a_project_with_a_name_of_its_own_is_taken() -> None:
    """Its host says nothing of the project."""
    key = legacy(role="service_role", ref="db")
    Settings(supabase_url="https://api.example.com", supabase_secret_key=key).require_supabase()


@pytest.mark.parametrize("key", ['"sb_secret_x"', "sb_secret_x\n", "sb secret", "schlüssel"])
def test_a_wrong_key_is_named(key: str) -> None:
    """And not shown."""
    sentence = trouble("https://db.example.co", key)
    assert sentence.startswith("SUPABASE_SECRET_KEY ")
    assert key not in sentence


@pytest.mark.parametrize(
    "url",
    ["https://abc.supabase.co", "https://abc.supabase.co/", "http://127.0.0.1:54321", "https://a.example/supabase",
     "http://[::1]:54321", "http://kong:8000"],
)  # fmt: skip
def test_a_good_one_is_taken(url: str) -> None:
    """Hosted, local, behind a path."""
    Settings(supabase_url=url, supabase_secret_key=SECRET).require_supabase()
