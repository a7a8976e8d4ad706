"""A picture behind a link is paid once, whatever the link does: real services, a fake provider over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import pytest

from concept_worker.bootstrap import build_services
from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.errors import ConceptWorkerError
from concept_worker.models import Receipt, TaskRow, TaskStatus, TaskType
from concept_worker.payloads import GenerationPayload
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.pipelines.registry import reusable_steps
from concept_worker.pipelines.services import Services
from concept_worker.services.concept_generator import Picture
from concept_worker.settings import Provider, Settings

PAYLOAD = GenerationPayload(logo_description="a heron in reeds", theme_description="quiet lake", num_palettes=1)


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    """A server of OpenAI's wire that answers with links to another host."""
    with FakeProvider(FakeProviderOptions(result_links=True, link_host="localhost")) as listening:
        yield listening


@contextmanager
def services_of(
    stack: Stack, fake: FakeProvider, hosts: str, provider: Provider = Provider.OPENAI
) -> Iterator[Services]:
    """Real services whose downloads may reach these hosts."""
    settings = Settings(
        supabase_url=stack.environment["SUPABASE_URL"],
        supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
        redis_url=stack.environment["REDIS_URL"],
        staging_url=stack.environment["CONCEPT_STAGING_URL"],
        provider=(provider,),
        replicate_api_token=fake.api_key,
        replicate_base_url=fake.url,
        openai_api_key=fake.api_key,
        openai_base_url=fake.openai_url,
        image_size=256,
        download_hosts=hosts,
        download_allow_http=True,
        download_allow_private=True,
    )
    built = build_services(settings)
    try:
        yield built
    finally:
        built.close()


def process(services: Services, row: TaskRow) -> TaskRow:
    """The row after its run in this process."""
    with suppress(ConceptWorkerError):
        GenerationTaskProcessor(row.id, row.user_id, PAYLOAD, services).process()
    return services.task_service.get_task(row.id, row.user_id)


def retried(services: Services, row: TaskRow) -> TaskRow:
    """A new task that goes on where the failed one ended."""
    return services.task_service.retry_task(row.id, row.user_id, reusable_steps(TaskType.GENERATION, TaskStatus.FAILED))


def new_row(services: Services, user_id: UUID) -> TaskRow:
    """A pending row with the payload."""
    return services.task_service.create_task(user_id, TaskType.GENERATION, PAYLOAD.model_dump(mode="json"))


def test_a_refused_host_is_mended_and_not_paid_again(stack: Stack, fake: FakeProvider, user_id: UUID) -> None:
    """The row names the mend; after it, `retry` follows the link that was kept."""
    with services_of(stack, fake, "img.example") as services:
        failed = process(services, new_row(services, user_id))
    assert failed.status is TaskStatus.FAILED
    assert "the operator must check the hosts" in str(failed.error_message)
    with services_of(stack, fake, "localhost") as services:
        again = process(services, retried(services, failed))
    assert again.status is TaskStatus.COMPLETED
    assert (fake.paid("image"), fake.paid()) == (1, 2)


def test_a_link_that_is_gone_is_bought_again_on_request(stack: Stack, fake: FakeProvider, user_id: UUID) -> None:
    """Nothing brings the first picture back; the receipt does not keep the user from a second one."""
    fake.faults.add(Fault(kind=FaultKind.STATUS, status=410, endpoint="result", times=1))
    with services_of(stack, fake, "localhost") as services:
        failed = process(services, new_row(services, user_id))
        assert "has expired" in str(failed.error_message)
        assert process(services, retried(services, failed)).status is TaskStatus.COMPLETED
    assert fake.paid("image") == 2


def test_a_crash_before_the_link_is_followed_costs_nothing(
    stack: Stack, fake: FakeProvider, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends between the provider's answer and the download; the next run finds the link."""

    class Killed(BaseException):
        """What no handler takes."""

    with services_of(stack, fake, "localhost") as services:
        row = new_row(services, user_id)
        with monkeypatch.context() as patch:

            def die(_: object) -> bytes:
                raise Killed

            patch.setattr(services.concept_service, "collect", die)
            with pytest.raises(Killed):
                process(services, row)
        services.task_service.update_task_status(row.id, TaskStatus.FAILED, error_message="killed")
        assert process(services, retried(services, row)).status is TaskStatus.COMPLETED
    assert fake.paid("image") == 1


def test_a_canceled_run_without_a_broker_cancels_its_job(
    stack: Stack, fake: FakeProvider, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run finds out when it wants to wait for the job; nobody else would tell the provider."""
    fake.faults.add(Fault(kind=FaultKind.CANNED, endpoint="job", body={"status": "processing", "output": None}))
    with services_of(stack, fake, "localhost", Provider.REPLICATE) as services:
        row = new_row(services, user_id)
        collect = services.concept_service.collect

        def canceled_meanwhile(receipt: Receipt) -> Picture:
            services.task_service.update_task_status(row.id, TaskStatus.CANCELED)
            return collect(receipt)

        monkeypatch.setattr(services.concept_service, "collect", canceled_meanwhile)
        assert process(services, row).status is TaskStatus.CANCELED
    assert [call.endpoint for call in fake.calls] == ["image", "poll", "cancel"]
