"""Links lead to hosts of what is in use; wrong sizes and missing keys are said at the start."""

from __future__ import annotations

from typing import Any

import pytest

from concept_worker.bootstrap import build_generator
from concept_worker.services.http.download import allowed_hosts
from concept_worker.services.providers.registry import provider_hosts
from concept_worker.settings import Settings

JIGSAWSTACK = "*.r2.cloudflarestorage.com"


def settings(**chosen: Any) -> Settings:
    """Settings of nothing else."""
    return Settings(_env_file=None, **chosen)


@pytest.mark.parametrize(
    ("chosen", "hosts"),
    [
        ({}, ()),
        ({"provider": "offline", "supabase_url": "https://abc.supabase.co"}, ("abc.supabase.co",)),
        ({"provider": "jigsawstack"}, (JIGSAWSTACK,)),
        ({"provider": "openai"}, ()),
        ({"provider": "openai", "openai_base_url": "https://api.x.ai/v1"}, ("imgen.x.ai",)),
        ({"provider": "offline", "palette_provider": "jigsawstack"}, (JIGSAWSTACK,)),
        ({"provider": "offline", "download_hosts": "a.example, *.b.example,"}, ("a.example", "*.b.example")),
    ],
)
def test_only_hosts_of_what_is_in_use(chosen: dict[str, Any], hosts: tuple[str, ...]) -> None:
    """A bucket service of everybody is no host of a deployment that does not use it."""
    named = settings(**chosen)
    assert allowed_hosts(named, provider_hosts(named)) == hosts


@pytest.mark.parametrize(
    "base", ["https://api.openai.com/v1", "https://mine.openai.azure.com/openai/deployments/x?api-version=1"]
)
@pytest.mark.parametrize(
    ("model", "side", "is_refused"),
    [
        ("gpt-image-2.5-flare", 512, True),
        ("gpt-image-2.5-flare", 1024, False),
        ("gpt-image-1", 512, True),
        ("gpt-image-1", 1024, False),
        ("somebody-elses", 512, False),
    ],
)
def test_a_size_that_the_model_refuses_is_said_at_the_start(base: str, model: str, side: int, is_refused: bool) -> None:
    """Where the model is known, and at its vendor's."""
    chosen = settings(
        provider="openai", openai_base_url=base, openai_api_key="k", openai_image_model=model, image_size=side
    )
    if is_refused:
        with pytest.raises(ValueError, match=r"^CONCEPT_IMAGE_SIZE: "):
            build_generator(chosen)
    else:
        build_generator(chosen).close()


@pytest.mark.parametrize(
    "chosen", [{"openai_size": "none"}, {"openai_base_url": "http://127.0.0.1:9/v1"}, {"palette_provider": "openai"}]
)
def test_a_size_that_is_not_sent_or_not_known_is_taken(chosen: dict[str, Any]) -> None:
    """A server of one's own has its own models, and palettes have no size."""
    provider = "offline" if "palette_provider" in chosen else "openai"
    build_generator(settings(provider=provider, openai_api_key="k", image_size=512, **chosen)).close()


@pytest.mark.parametrize(("provider", "name"), [("openai", "OPENAI_API_KEY"), ("jigsawstack", "JIGSAWSTACK_API_KEY")])
def test_a_vendor_without_a_key_is_refused(provider: str, name: str) -> None:
    """Every row would fail."""
    with pytest.raises(ValueError, match=f"^{name} is not set"):
        build_generator(settings(provider=provider))
