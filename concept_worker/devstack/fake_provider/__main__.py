"""`python -m concept_worker.devstack.fake_provider`: the fake in a process of its own.

Prints one line of JSON with its addresses and its key, then serves until SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from concept_worker.devstack.fake_provider.faults import Fault, Latency
from concept_worker.devstack.fake_provider.offline_artist import OfflineArtist
from concept_worker.devstack.fake_provider.pictures import PlainArtist
from concept_worker.devstack.fake_provider.server import FakeProvider
from concept_worker.devstack.fake_provider.studio import FakeProviderOptions

_KEY = "CONCEPT_FAKE_PROVIDER_KEY"  # key of the wires and of the control paths; every user may read a command line


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the command line says."""
    parsed = _parser().parse_args(arguments)
    fake = FakeProvider(
        FakeProviderOptions(
            api_key=os.environ.get(_KEY) or parsed.api_key,
            control_key=os.environ.get(_KEY),
            latency=dict(parsed.latency),
            speed=parsed.speed,
            seed=parsed.seed,
            cache=not parsed.no_cache,
            honours_keys=parsed.honour_keys,
            result_links=parsed.result_links,
            requests_per_second=parsed.requests_per_second,
            artist=OfflineArtist() if parsed.artist == "offline" else PlainArtist(),
        ),
        port=parsed.port,
    )
    fake.faults.add(*parsed.fault)
    where = {"url": fake.url, "openai_url": fake.openai_url, "runware_url": fake.runware_url, "api_key": fake.api_key}
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()
    fake.serve()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="concept_worker.devstack.fake_provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--api-key", default="fake-key")
    parser.add_argument(
        "--latency",
        type=_latency,
        action="append",
        default=[],
        metavar="ENDPOINT=LOW:HIGH[:MODE]",
        help="seconds of work, such as image=8:28 or palettes=6:6.4; may be given more than once",
    )
    parser.add_argument("--speed", type=float, default=1.0, help="20 makes every second last 50 ms")
    parser.add_argument("--seed", type=int, default=0, help="of durations and of faults with a probability")
    parser.add_argument(
        "--fault",
        type=Fault.model_validate_json,
        action="append",
        default=[],
        metavar="JSON",
        help='such as {"kind": "status", "status": 503, "endpoint": "image", "probability": 0.2}',
    )
    parser.add_argument("--artist", choices=("plain", "offline"), default="plain", help="offline draws real logos")
    parser.add_argument("--no-cache", action="store_true", help="draw again for identical requests")
    parser.add_argument("--honour-keys", action="store_true", help="OpenAI: answer a known idempotency key from memory")
    parser.add_argument("--result-links", action="store_true", help="OpenAI: answer with links, not base64")
    parser.add_argument("--requests-per-second", type=int, default=None, help="more get 429; not counted by default")
    return parser


def _latency(text: str) -> tuple[str, Latency]:
    endpoint, _, numbers = text.partition("=")
    values = [float(number) for number in numbers.split(":")]
    if not endpoint or not 1 <= len(values) <= 3:
        raise argparse.ArgumentTypeError("write ENDPOINT=LOW:HIGH or ENDPOINT=LOW:HIGH:MODE")
    high = values[1] if len(values) > 1 else values[0]
    return endpoint, Latency(low=values[0], high=high, mode=values[2] if len(values) > 2 else None)


if __name__ == "__main__":
    main()
