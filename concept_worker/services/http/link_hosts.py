"""Hosts of the links in the answers of the providers in use; each adapter names its own."""

from __future__ import annotations

from collections.abc import Sequence

from concept_worker.settings import Provider, Settings


def provider_hosts(settings: Settings) -> tuple[str, ...]:
    """Return the hosts, each once; `*.` stands for any name below."""
    providers = dict.fromkeys((*settings.picture_providers, *settings.palette_providers))
    return tuple(dict.fromkeys(host for provider in providers for host in _hosts_of(provider, settings)))


def _hosts_of(provider: Provider, settings: Settings) -> Sequence[str]:
    """Return the hosts of one provider; its module is imported only when the provider is in use."""
    match provider:
        case Provider.OFFLINE | Provider.GEMINI | Provider.OPENAI_RESPONSES:
            return ()  # answers with bytes
        case Provider.JIGSAWSTACK:
            from concept_worker.services.providers.jigsawstack import wire as jigsawstack

            return jigsawstack.LINK_HOSTS
        case Provider.OPENAI:
            from concept_worker.services.providers.openai_images.profile import known_profile

            return known_profile(settings.openai_base_url).link_hosts
        case Provider.RUNWARE:
            from concept_worker.services.providers.runware import wire as runware

            return runware.HOSTS
        case Provider.REPLICATE:
            from concept_worker.services.providers.replicate import wire as replicate

            return replicate.LINK_HOSTS
        case Provider.FAL:
            from concept_worker.services.providers.fal import wire as fal

            return fal.LINK_HOSTS
