"""The paid providers by name: the only place that lists them. A provider's package is imported when it is in use."""

from __future__ import annotations

from concept_worker.services.providers.vendor import Vendor
from concept_worker.settings import Provider, Settings


def provider_hosts(settings: Settings) -> tuple[str, ...]:
    """Return the hosts that links in the answers of the providers in use lead to, each once."""
    providers = dict.fromkeys((*settings.picture_providers, *settings.palette_providers))
    vendors = [vendor_of(provider) for provider in providers if provider is not Provider.OFFLINE]
    return tuple(dict.fromkeys(host for vendor in vendors for host in vendor.link_hosts(settings)))


def vendor_of(provider: Provider) -> Vendor:
    """Return the vendor of this name.

    Raises:
        ValueError: the illustrator, which is no vendor.
    """
    match provider:
        case Provider.JIGSAWSTACK:
            from concept_worker.services.providers.jigsawstack import JIGSAWSTACK

            return JIGSAWSTACK
        case Provider.OPENAI:
            from concept_worker.services.providers.openai_images import OPENAI

            return OPENAI
        case Provider.OPENAI_RESPONSES:
            from concept_worker.services.providers.openai_responses import OPENAI_RESPONSES

            return OPENAI_RESPONSES
        case Provider.RUNWARE:
            from concept_worker.services.providers.runware import RUNWARE

            return RUNWARE
        case Provider.GEMINI:
            from concept_worker.services.providers.gemini import GEMINI

            return GEMINI
        case Provider.REPLICATE:
            from concept_worker.services.providers.replicate import REPLICATE

            return REPLICATE
        case Provider.FAL:
            from concept_worker.services.providers.fal import FAL

            return FAL
        case Provider.OFFLINE:
            raise ValueError("the illustrator is no vendor")
