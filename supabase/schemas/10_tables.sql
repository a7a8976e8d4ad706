-- Tables of concept_worker: what users watch (tasks), what steps remember (task_steps), what runs leave behind
-- (concepts, color_variations). Users read their own rows; only the service role writes.

create table public.tasks (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    type text not null constraint tasks_type_known check (type in ('concept_generation', 'concept_refinement')),
    status text not null default 'pending'
        constraint tasks_status_known check (status in ('pending', 'processing', 'completed', 'failed', 'canceled')),
    stage text,                                   -- the step that began last
    progress smallint not null default 0 constraint tasks_progress_percent check (progress between 0 and 100),
    run integer not null default 0 constraint tasks_run_counts check (run >= 0),  -- claims so far: the fence
    lease_expires_at timestamptz,                 -- a claim without a heartbeat ends here
    enqueued_at timestamptz,                      -- when housekeeping last sent the message again
    retry_of uuid,                                -- the task that ended badly and whose checkpoints this one took over
    result_id uuid,                               -- the concept; no foreign key: a row outlives its concept
    error_message text constraint tasks_error_short check (char_length(error_message) <= 1000),
    metadata jsonb not null default '{}'::jsonb,  -- the inputs, and under "retry" what a waiting step waits for
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    started_at timestamptz,
    completed_at timestamptz,
    constraint tasks_completed_has_result
        check (status <> 'completed' or (result_id is not null and completed_at is not null)),
    constraint tasks_failed_has_reason check (status <> 'failed' or error_message is not null),
    constraint tasks_processing_has_lease check (status <> 'processing' or (run > 0 and lease_expires_at is not null))
);

create index tasks_user_id_created_at_idx on public.tasks (user_id, created_at desc);
create index tasks_result_id_idx on public.tasks (result_id);

-- One index for each search of housekeeping, so that it reads no more than it returns.
create index tasks_lease_idx on public.tasks (lease_expires_at)
    where status = 'processing' and (enqueued_at is null or enqueued_at < lease_expires_at);  -- the lease is over
create index tasks_enqueued_idx on public.tasks (enqueued_at)
    where status = 'processing' and enqueued_at >= lease_expires_at;  -- enqueued again, not claimed since
create index tasks_pending_idx on public.tasks (coalesce(enqueued_at, created_at)) where status = 'pending';
create index tasks_open_created_at_idx on public.tasks (created_at) where status in ('pending', 'processing');

create table public.task_steps (
    task_id uuid not null references public.tasks (id) on delete cascade,
    step text not null,
    state text not null constraint task_steps_state_known check (state in ('running', 'waiting', 'done')),
    run integer not null,                         -- the run that took the step last
    owner text not null,                          -- the execution that took it last
    lease_expires_at timestamptz,                 -- of a running step: until then nobody else takes it
    tries integer not null default 1,             -- executions
    attempts integer not null default 0,          -- of them, those that met transient trouble
    interruptions integer not null default 0,     -- of them, those that never reported an end
    output jsonb,                                 -- the checkpoint: what the step returned
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    receipt jsonb,                                -- of a paid call whose picture is not here yet; a secret
    unknowns integer not null default 0,          -- of the attempts, those that may have been charged for nothing
    primary key (task_id, step),
    constraint task_steps_done_has_output check (state <> 'done' or output is not null)
);

create index task_steps_suspects_idx on public.task_steps (interruptions) where state = 'running' and interruptions > 0;
create index task_steps_running_idx on public.task_steps (task_id, run) where state = 'running';
create index task_steps_lease_idx on public.task_steps (lease_expires_at) where state = 'running';

create table public.concepts (
    id uuid primary key default gen_random_uuid(),
    task_id uuid unique references public.tasks (id) on delete set null,  -- storing twice stores once
    user_id uuid not null references auth.users (id) on delete cascade,
    logo_description text not null,
    theme_description text not null,
    image_path text not null,
    image_url text,
    is_anonymous boolean not null default true,
    -- Of a refinement: what was asked, of which image, and what had to stay.
    refinement_prompt text,
    original_concept_id uuid references public.concepts (id) on delete set null,
    original_image_path text,
    original_image_url text,
    preserve_aspects text[] not null default '{}',
    created_at timestamptz not null default now(),
    provider text,                                -- that drew the base image; null where it is not known
    model text
);

create index concepts_original_concept_id_idx on public.concepts (original_concept_id);
create index concepts_user_id_created_at_idx on public.concepts (user_id, created_at desc);

create table public.color_variations (
    id uuid primary key default gen_random_uuid(),
    concept_id uuid not null references public.concepts (id) on delete cascade,
    position smallint not null constraint color_variations_position_counts check (position >= 1),
    palette_name text not null,
    palette_source text not null default 'provider'
        constraint color_variations_source_known check (palette_source in ('provider', 'local')),
    colors jsonb not null,
    description text,
    image_path text not null,
    image_url text,
    created_at timestamptz not null default now(),
    unique (concept_id, position)
);

create index concepts_image_path_idx on public.concepts (image_path);
create index concepts_created_at_idx on public.concepts (created_at);
create index color_variations_image_path_idx on public.color_variations (image_path);

-- A terminal row never changes, by whichever way a late writer comes.
create function public.guard_task_update() returns trigger
language plpgsql set search_path = '' as $$
begin
    if old.status in ('completed', 'failed', 'canceled') then
        raise exception 'task is already %', old.status using errcode = 'P0001';
    end if;
    new.updated_at := now();
    return new;
end
$$;

create trigger tasks_guard_update before update on public.tasks
    for each row execute function public.guard_task_update();

-- A done step has its output; its receipt is of no more use.
create function public.drop_receipt() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.receipt := null;
    return new;
end
$$;

create trigger task_steps_drop_receipt before insert or update on public.task_steps
    for each row when (new.state = 'done' and new.receipt is not null) execute function public.drop_receipt();
