-- The schema of version 0.1.0: the files of supabase/schemas/ in their order.

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
    created_at timestamptz not null default now()
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

-- The verbs of a run: atomic, on the database's clock, called over rpc by the service role only. Each locks the task's row
-- first, so that two of them never wait for each other in a circle.

-- Return whether the run is the current one and may go on. A run that forgot checkpoints is over: its lease is 'epoch', and
-- only a claim goes on from there.
create function public.run_goes_on(p_task public.tasks, p_run integer) returns boolean
language sql immutable security invoker set search_path = '' as $$
    select p_task.run = p_run and p_task.lease_expires_at is distinct from 'epoch'::timestamptz;
$$;

-- Claim a pending row, or one whose lease is over. Returns the row of the new run, or nothing.
create function public.claim_task(p_task_id uuid, p_user_id uuid, p_lease_seconds double precision, p_max_runs integer)
returns setof public.tasks
language sql security invoker set search_path = '' as $$
    update public.tasks
    set status = 'processing',
        run = run + 1,
        started_at = coalesce(started_at, now()),
        lease_expires_at = now() + make_interval(secs => p_lease_seconds)
    where id = p_task_id
        and (p_user_id is null or user_id = p_user_id)
        and run < p_max_runs
        and (status = 'pending' or (status = 'processing' and lease_expires_at < now()))
    returning *;
$$;

-- Begin a step: fence, extend the run's lease, show stage and progress, take the checkpoint or return its output.
--   p_type             the type of the row that the message speaks of; null: not checked
--   p_needs            the steps whose checkpoints this one works on; with "go" their outputs come along, by step
--   p_takeover_seconds how long past its lease another execution keeps the step
-- Returns one of
--   {"outcome": "stale", "status": …, "user_id": …, "receipt": …}   the run is over; status is null when the task was deleted
--   {"outcome": "early"}                          the row has another type, or an input is missing: nothing was taken
--   {"outcome": "held", "seconds": s}             another execution has the step for s more seconds
--   {"outcome": "poison", "interruptions": n}     so many executions never reported an end: give the step up
--   {"outcome": "done", "output": …, "task": …}   the step is done: its output
--   {"outcome": "go", "task": …, "inputs": …, "receipt": …}   the caller has the step, and an earlier execution's receipt
-- A step's last try runs alone: one such try at a time, so that a step which kills its worker ends without the steps that
-- only share the worker with it.
create function public.begin_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_progress integer, p_lease_seconds double precision,
    p_max_interruptions integer, p_type text default null, p_needs text[] default '{}',
    p_takeover_seconds double precision default 0
) returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_lease interval := make_interval(secs => p_lease_seconds);
    v_until timestamptz := now() + make_interval(secs => p_lease_seconds);
    v_takeover interval := make_interval(secs => p_takeover_seconds);
    v_task public.tasks;
    v_step public.task_steps;
    v_inputs jsonb;
    v_free timestamptz;  -- when another execution is over, as far as its lease tells
begin
    select * into v_task from public.tasks where id = p_task_id for update;
    if not found or not public.run_goes_on(v_task, p_run) or v_task.status not in ('processing', 'completed') then
        return jsonb_build_object(
            'outcome', 'stale', 'status', v_task.status, 'user_id', v_task.user_id, 'receipt', (
                select receipt from public.task_steps where task_id = p_task_id and step = p_step));
    end if;

    select coalesce(jsonb_object_agg(step, output), '{}'::jsonb) into v_inputs from public.task_steps
    where task_id = p_task_id and step = any (p_needs) and state = 'done';
    if v_task.type <> p_type or (not v_inputs ?& p_needs and not exists (
        select from public.task_steps where task_id = p_task_id and step = p_step and state = 'done'))
    then
        return jsonb_build_object('outcome', 'early');
    end if;

    insert into public.task_steps as s (task_id, step, state, run, owner, lease_expires_at)
    values (p_task_id, p_step, 'running', p_run, p_owner, v_until)
    on conflict (task_id, step) do update
        set state = 'running', run = excluded.run, owner = excluded.owner, tries = s.tries + 1,
            interruptions = s.interruptions + (s.state = 'running')::integer,
            lease_expires_at = excluded.lease_expires_at, started_at = now()
        where s.state = 'waiting'
            or (s.state = 'running' and s.lease_expires_at + v_takeover < now())
    returning * into v_step;

    if not found then
        select * into v_step from public.task_steps where task_id = p_task_id and step = p_step;
        if v_step.state = 'running' then
            v_free := v_step.lease_expires_at + v_takeover;
            if v_step.run < p_run and v_task.status = 'processing' then
                update public.tasks
                set stage = p_step,
                    lease_expires_at = greatest(lease_expires_at, least(v_free, v_until) + v_lease),
                    metadata = metadata || jsonb_build_object('retry', jsonb_build_object(
                        'step', p_step, 'attempt', v_step.attempts, 'next_at', v_free, 'reason',
                        'an earlier execution of the step may still be at work; its answer is waited for'))
                where id = p_task_id;
            end if;
            return jsonb_build_object('outcome', 'held', 'seconds', extract(epoch from v_free - now()));
        end if;
    elsif v_step.interruptions >= p_max_interruptions then
        update public.task_steps set state = 'waiting', lease_expires_at = null
        where task_id = p_task_id and step = p_step;  -- no execution runs
        return jsonb_build_object('outcome', 'poison', 'interruptions', v_step.interruptions);
    elsif v_step.interruptions > 0 and v_step.interruptions = p_max_interruptions - 1 then
        -- Only one caller at a time searches; the advisory lock ends with the transaction.
        perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('concept_worker.last_try', 0));
        select max(lease_expires_at) into v_free from public.task_steps
        where state = 'running' and interruptions > 0 and interruptions = p_max_interruptions - 1
            and lease_expires_at > now() and (task_id, step) <> (p_task_id, p_step);
        if v_free is not null then
            update public.task_steps set state = 'waiting', lease_expires_at = null, tries = tries - 1
            where task_id = p_task_id and step = p_step;
            update public.tasks
            set stage = p_step,
                lease_expires_at = greatest(lease_expires_at, v_free + v_lease),
                metadata = metadata || jsonb_build_object('retry', jsonb_build_object(
                    'step', p_step, 'attempt', v_step.attempts, 'next_at', v_free, 'reason',
                    'the step may be what ended its workers; it waits for its last try, which it is given alone'))
            where id = p_task_id and status = 'processing';
            return jsonb_build_object('outcome', 'held', 'seconds', extract(epoch from v_free - now()));
        end if;
    end if;

    -- A completed row stays as it is; only its last step, delivered again, comes here.
    if v_task.status = 'processing' then
        update public.tasks
        set stage = p_step, progress = greatest(progress, p_progress),
            lease_expires_at = greatest(lease_expires_at, v_until),
            metadata = metadata - 'retry'
        where id = p_task_id
        returning * into v_task;
    end if;

    return jsonb_build_object(
        'outcome', case when v_step.state = 'done' then 'done' else 'go' end,
        'output', v_step.output, 'task', to_jsonb(v_task), 'inputs', v_inputs, 'receipt', v_step.receipt);
end
$$;

-- Extend the lease of a running step (heartbeat), also when a newer run has begun; the run's lease only when the run is the
-- current one. Returns false when the task is over or another execution has the step.
create function public.extend_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_lease_seconds double precision
) returns boolean
language plpgsql security invoker set search_path = '' as $$
declare
    v_until timestamptz := now() + make_interval(secs => p_lease_seconds);
    v_task public.tasks;
begin
    select * into v_task from public.tasks where id = p_task_id and status = 'processing' for update;
    if not found then
        return false;
    end if;
    update public.task_steps set lease_expires_at = v_until
    where task_id = p_task_id and step = p_step and state = 'running' and run = p_run and owner = p_owner;
    if not found then
        return false;
    end if;
    if public.run_goes_on(v_task, p_run) then
        update public.tasks set lease_expires_at = greatest(lease_expires_at, v_until) where id = p_task_id;
    end if;
    return true;
end
$$;

-- Finish a step: the first output wins and is returned, with whether the run may go on. The output is kept in any case.
create function public.finish_step(
    p_task_id uuid, p_run integer, p_step text, p_output jsonb, p_progress integer, p_lease_seconds double precision
) returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_task public.tasks;
    v_output jsonb;
    v_is_kept boolean;
begin
    select * into v_task from public.tasks where id = p_task_id for update;
    if not found then
        return jsonb_build_object('current', false, 'output', p_output, 'status', null);
    end if;

    update public.task_steps
    set state = 'done', output = coalesce(output, p_output), lease_expires_at = null,
        finished_at = coalesce(finished_at, now())
    where task_id = p_task_id and step = p_step
    returning output into v_output;
    v_is_kept := found;

    if public.run_goes_on(v_task, p_run) and v_task.status = 'processing' then
        update public.tasks
        set progress = greatest(progress, p_progress),
            lease_expires_at = greatest(lease_expires_at, now() + make_interval(secs => p_lease_seconds))
        where id = p_task_id;
    end if;

    return jsonb_build_object(
        'current', v_is_kept and public.run_goes_on(v_task, p_run) and v_task.status in ('processing', 'completed'),
        'output', v_output, 'status', v_task.status);
end
$$;

-- Release a step until its next try; the row shows why and when. An execution of a run that is over releases its step too.
--   p_is_attempt  whether the wait counts as an attempt; a closed circuit or a full rate limit does not
--   p_is_unknown  whether the answer was lost and the call may have been charged
-- Returns {"current": …, "attempts": n, "unknowns": n}, or the task's status and user when the run is over.
create function public.wait_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_reason text, p_is_attempt boolean,
    p_delay_seconds double precision, p_lease_seconds double precision, p_is_unknown boolean default false
) returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_task public.tasks;
    v_attempts integer;
    v_unknowns integer;
    v_next timestamptz := now() + make_interval(secs => p_delay_seconds);
begin
    select * into v_task from public.tasks where id = p_task_id for update;
    update public.task_steps
    set state = 'waiting', lease_expires_at = null, attempts = attempts + p_is_attempt::integer,
        unknowns = unknowns + p_is_unknown::integer
    where task_id = p_task_id and step = p_step and state = 'running' and owner = p_owner
    returning attempts, unknowns into v_attempts, v_unknowns;

    if v_task.id is null or not public.run_goes_on(v_task, p_run) or v_task.status <> 'processing' then
        return jsonb_build_object('current', false, 'status', v_task.status, 'user_id', v_task.user_id);
    end if;

    update public.tasks
    set lease_expires_at = greatest(lease_expires_at, v_next + make_interval(secs => p_lease_seconds)),
        metadata = metadata || jsonb_build_object('retry', jsonb_build_object(
            'step', p_step, 'attempt', coalesce(v_attempts, 0), 'next_at', v_next, 'reason', p_reason))
    where id = p_task_id;
    return jsonb_build_object(
        'current', true, 'attempts', coalesce(v_attempts, 0), 'unknowns', coalesce(v_unknowns, 0));
end
$$;

-- Keep the receipt of what a step paid for, or drop it (null). The execution at the step writes it; another execution's
-- receipt stays. Returns whether it was written.
create function public.keep_receipt(p_task_id uuid, p_step text, p_owner text, p_receipt jsonb) returns boolean
language plpgsql security invoker set search_path = '' as $$
begin
    update public.task_steps set receipt = p_receipt
    where task_id = p_task_id and step = p_step and state <> 'done' and (owner = p_owner or receipt is null);
    return found;
end
$$;

-- Forget checkpoints whose bytes are gone, and end the run at once: the next run does these steps again. Running steps stay
-- with their executions, whose answers are wanted. Returns false when the run is not the current one.
create function public.forget_steps(p_task_id uuid, p_run integer, p_steps text[]) returns boolean
language plpgsql security invoker set search_path = '' as $$
declare
    v_task public.tasks;
begin
    select * into v_task from public.tasks where id = p_task_id and status = 'processing' for update;
    if not found or not public.run_goes_on(v_task, p_run) then
        return false;
    end if;
    update public.tasks set lease_expires_at = 'epoch', enqueued_at = null where id = p_task_id;
    delete from public.task_steps where task_id = p_task_id and step = any (p_steps) and state = 'done';
    return true;
end
$$;

-- Move a row along its states. Returns the row, or nothing when the row, the run or the move is not there.
-- `p_run` null means the current run, 0 a row that was never claimed.
create function public.transition_task(
    p_task_id uuid, p_run integer, p_status text, p_result_id uuid, p_error_message text,
    p_lease_seconds double precision
) returns setof public.tasks
language sql security invoker set search_path = '' as $$
    update public.tasks
    set status = p_status,
        run = case when p_status = 'processing' and status = 'pending' then run + 1 else run end,
        result_id = coalesce(p_result_id, result_id),
        error_message = case when p_status = 'failed' then p_error_message else error_message end,
        progress = case when p_status = 'completed' then 100 else progress end,
        started_at = case when p_status = 'processing' then coalesce(started_at, now()) else started_at end,
        completed_at = case when p_status = 'completed' then now() else completed_at end,
        lease_expires_at = case
            when p_status = 'processing' then now() + make_interval(secs => p_lease_seconds) end,
        metadata = metadata - 'retry'
    where id = p_task_id
        and (p_run is null or run = p_run)
        and (
            (p_status = 'processing' and status in ('pending', 'processing'))
            or (p_status = 'completed' and status = 'processing')
            or (p_status in ('failed', 'canceled') and status in ('pending', 'processing'))
        )
    returning *;
$$;

-- Store a concept with its variations and complete its task, in one transaction: no completed row without a concept, no
-- concept of a canceled row, and storing twice stores once. Returns the concept's id, or null when the run is over.
create function public.store_concept(p_task_id uuid, p_run integer, p_concept jsonb, p_variations jsonb)
returns uuid
language plpgsql security invoker set search_path = '' as $$
declare
    v_task public.tasks;
    v_concept_id uuid;
begin
    select * into v_task from public.tasks where id = p_task_id for update;
    if not found or v_task.run <> p_run or v_task.status not in ('processing', 'completed') then
        return null;
    end if;
    if v_task.status = 'completed' then
        return v_task.result_id;
    end if;

    insert into public.concepts (
        task_id, user_id, logo_description, theme_description, image_path, image_url, is_anonymous,
        refinement_prompt, original_concept_id, original_image_path, original_image_url, preserve_aspects)
    select p_task_id, v_task.user_id, c.logo_description, c.theme_description, c.image_path, c.image_url,
        coalesce(c.is_anonymous, true),
        -- An original that was deleted meanwhile is no reason to lose the refinement.
        c.refinement_prompt, (select o.id from public.concepts as o where o.id = c.original_concept_id),
        c.original_image_path, c.original_image_url, coalesce(c.preserve_aspects, '{}')
    from jsonb_populate_record(null::public.concepts, p_concept) as c
    returning id into v_concept_id;

    insert into public.color_variations (
        concept_id, position, palette_name, palette_source, colors, description, image_path, image_url)
    select v_concept_id, v.position, v.palette_name, v.palette_source, v.colors, v.description, v.image_path,
        v.image_url
    from jsonb_populate_recordset(null::public.color_variations, p_variations) as v;

    update public.tasks
    set status = 'completed', result_id = v_concept_id, progress = 100, completed_at = now(),
        lease_expires_at = null, metadata = metadata - 'retry'
    where id = p_task_id;
    return v_concept_id;
end
$$;

-- What housekeeping asks: which runs are dead, which rows stalled, what is past its time, what is referred to by no row.

-- End the leases of runs with a step that died and no living one, although another step of the run may wait for long. The
-- lease ends at the time of the death, in rows that are locked first: a step that begins locks its row too.
-- Returns the tasks with a dead step.
create function public.end_dead_leases() returns uuid[]
language plpgsql volatile security invoker set search_path = '' as $$
declare
    v_died uuid[];
    v_suspects uuid[];
begin
    select array_agg(distinct task_id) into v_died from public.task_steps
    where state = 'running' and lease_expires_at < now();
    if v_died is null then
        return v_died;
    end if;

    select array_agg(id) into v_suspects from (
        select t.id from public.tasks as t
        where t.id = any (v_died) and t.status = 'processing' and t.lease_expires_at > now()
        order by t.id
        for update skip locked
    ) as locked;

    update public.tasks as t
    set lease_expires_at = dead.since
    from (
        select s.task_id, s.run, max(s.lease_expires_at) as since from public.task_steps as s
        where s.task_id = any (v_suspects) and s.state = 'running'
        group by s.task_id, s.run
    ) as dead
    where t.id = dead.task_id and t.run = dead.run and dead.since < now();

    -- A task that is over has no step to take over: release what died in it, so that the next search does not read it.
    update public.task_steps as s set state = 'waiting', lease_expires_at = null
    where s.task_id = any (v_died) and s.state = 'running' and s.lease_expires_at < now() and exists (
        select from public.tasks as t
        where t.id = s.task_id and t.status in ('completed', 'failed', 'canceled'));
    return v_died;
end
$$;

-- Take certainly dead runs in order to enqueue them, without asking the broker: a step died and none lives, or the run forgot
-- checkpoints. Each row goes to one housekeeper; a run out of claims fails here instead.
create function public.resume_dead_tasks(
    p_pending_seconds double precision, p_max_runs integer, p_limit integer
) returns setof public.tasks
language plpgsql volatile security invoker set search_path = '' as $$
declare
    v_died uuid[] := public.end_dead_leases();
    v_dead uuid[];
begin
    select array_agg(id) into v_dead from (
        select t.id from public.tasks as t
        where t.id = any (v_died) and t.status = 'processing' and t.lease_expires_at < now()
            and (t.enqueued_at is null or t.enqueued_at < t.lease_expires_at)
            and exists (
                select from public.task_steps as s
                where s.task_id = t.id and s.run = t.run and s.state = 'running' and s.lease_expires_at < now())
        order by t.lease_expires_at
        limit p_limit
    ) as died;
    v_dead := v_dead || array(
        select id from public.tasks
        where status = 'processing' and (enqueued_at is null or enqueued_at < lease_expires_at)
            and lease_expires_at = 'epoch'
        limit p_limit);
    return query select * from public.resume_tasks(v_dead, p_pending_seconds, p_max_runs);
end
$$;

-- Return rows that look stalled, at most `p_limit` of each kind, the certain kinds first: runs whose lease is over, runs that
-- were enqueued again and not claimed since, pending rows. The broker knows whether their message only waits in a queue:
-- then `hold_tasks`, else `resume_tasks`.
create function public.stalled_tasks(p_pending_seconds double precision, p_limit integer)
returns setof public.tasks
language plpgsql volatile security invoker set search_path = '' as $$
declare
    v_before timestamptz := now() - make_interval(secs => p_pending_seconds);
begin
    perform public.end_dead_leases();

    return query
    select * from public.tasks
    where status = 'processing' and (enqueued_at is null or enqueued_at < lease_expires_at)
        and lease_expires_at < now()
    order by lease_expires_at
    limit p_limit;

    return query
    select * from public.tasks
    where status = 'processing' and enqueued_at >= lease_expires_at and enqueued_at < v_before
    order by enqueued_at
    limit p_limit;

    return query
    select * from public.tasks
    where status = 'pending' and coalesce(enqueued_at, created_at) < v_before
    order by coalesce(enqueued_at, created_at)
    limit p_limit;
end
$$;

-- Take stalled rows in order to enqueue them; each row goes to one housekeeper. A run out of claims fails here instead.
create function public.resume_tasks(p_task_ids uuid[], p_pending_seconds double precision, p_max_runs integer)
returns setof public.tasks
language plpgsql security invoker set search_path = '' as $$
begin
    update public.tasks
    set status = 'failed', lease_expires_at = null, metadata = metadata - 'retry',
        error_message = 'The run was interrupted too many times and was given up. Please try again.'
    where id = any (p_task_ids) and status = 'processing' and lease_expires_at < now() and run >= p_max_runs;

    return query
    update public.tasks
    set enqueued_at = now()
    where id in (
        select t.id from public.tasks as t
        where t.id = any (p_task_ids)
            and ((t.status = 'pending'
                    and coalesce(t.enqueued_at, t.created_at) < now() - make_interval(secs => p_pending_seconds))
                or (t.status = 'processing' and t.lease_expires_at < now() and (
                    t.enqueued_at is null or t.enqueued_at < t.lease_expires_at
                    or t.enqueued_at < now() - make_interval(secs => p_pending_seconds))))
        order by t.id
        for update skip locked
    )
    returning *;
end
$$;

-- Leave rows alone for another while whose message still waits in a queue: a backlog is no stall.
create function public.hold_tasks(p_task_ids uuid[], p_lease_seconds double precision) returns integer
language sql security invoker set search_path = '' as $$
    with held as (
        update public.tasks
        set enqueued_at = case when status = 'pending' then now() else enqueued_at end,
            lease_expires_at = case
                when status = 'processing' then now() + make_interval(secs => p_lease_seconds) end
        where id = any (p_task_ids) and status in ('pending', 'processing')
        returning 1
    )
    select count(*)::integer from held;
$$;

-- Fail what is older than the deadline: every accepted row ends. Returns how many.
create function public.expire_tasks(p_deadline_seconds double precision) returns integer
language sql security invoker set search_path = '' as $$
    with expired as (
        update public.tasks
        set status = 'failed', lease_expires_at = null, metadata = metadata - 'retry',
            error_message = 'The task could not be finished in time. Please try again.'
        where status in ('pending', 'processing') and created_at < now() - make_interval(secs => p_deadline_seconds)
        returning 1
    )
    select count(*)::integer from expired;
$$;

-- Return the open ones of these tasks.
create function public.open_tasks(p_task_ids uuid[]) returns setof uuid
language sql stable security invoker set search_path = '' as $$
    select id from public.tasks where id = any (p_task_ids) and status in ('pending', 'processing');
$$;

-- Return objects older than the limit that no row refers to, and that are not of an open run.
create function public.orphan_objects(p_buckets text[], p_older_seconds double precision, p_limit integer)
returns table (bucket_id text, name text)
language sql stable security invoker set search_path = '' as $$
    select o.bucket_id, o.name from storage.objects as o
    where o.bucket_id = any (p_buckets)
        and o.created_at < now() - make_interval(secs => p_older_seconds)
        and not exists (select 1 from public.concepts as c where c.image_path = o.name)
        and not exists (select 1 from public.color_variations as v where v.image_path = o.name)
        and not exists (
            select 1 from public.tasks as t
            where t.id::text = split_part(o.name, '/', 2) and t.status in ('pending', 'processing'))
    order by o.created_at
    limit p_limit;
$$;

-- Delete concepts older than the limit, with their variations and tasks; count them only with `p_dry_run`. Their objects are
-- orphans then. Originals of open refinements stay. Returns the paths of the objects, and how many concepts.
create function public.expire_concepts(p_older_seconds double precision, p_limit integer, p_dry_run boolean)
returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_ids uuid[];
    v_paths jsonb;
begin
    select array_agg(id) into v_ids from (
        select c.id from public.concepts as c
        where c.created_at < now() - make_interval(secs => p_older_seconds)
            and not exists (
                select 1 from public.tasks as t
                where t.status in ('pending', 'processing') and t.metadata ->> 'original_concept_id' = c.id::text)
        order by c.created_at
        limit p_limit
    ) as old;
    select coalesce(jsonb_agg(path), '[]'::jsonb) into v_paths from (
        select image_path as path from public.concepts where id = any (v_ids)
        union all
        select image_path from public.color_variations where concept_id = any (v_ids)
    ) as pictures;
    if not p_dry_run then
        delete from public.tasks where result_id = any (v_ids) and status = 'completed';
        delete from public.concepts where id = any (v_ids);
    end if;
    return jsonb_build_object('concepts', coalesce(array_length(v_ids, 1), 0), 'paths', v_paths);
end
$$;

-- What producers ask beside plain inserts and reads.

-- Create a pending task with the inputs of a failed or canceled one, and with those of its checkpoints and receipts that
-- `p_steps` names. The old row stays as it is. Returns nothing when the row is not this user's or not over; raises a duplicate
-- key when the id is taken, by an earlier try or by another task.
create function public.retry_task(
    p_task_id uuid, p_user_id uuid, p_steps text[], p_new_id uuid default null
) returns setof public.tasks
language plpgsql security invoker set search_path = '' as $$
declare
    v_new public.tasks;
begin
    insert into public.tasks (id, user_id, type, metadata, retry_of)
    select coalesce(p_new_id, gen_random_uuid()), user_id, type, metadata - 'retry', id from public.tasks
    where id = p_task_id and user_id = p_user_id and status in ('failed', 'canceled')
    returning * into v_new;
    if not found then
        return;
    end if;
    insert into public.task_steps (task_id, step, state, run, owner, tries, output, receipt, started_at, finished_at)
    select v_new.id, step, case when state = 'done' then 'done' else 'waiting' end, 0, owner, tries, output, receipt,
        started_at, finished_at
    from public.task_steps
    where task_id = p_task_id and step = any (p_steps) and (state = 'done' or receipt is not null);
    return next v_new;
end
$$;

-- Private buckets. An object's path is `{user id}/{task id}/{name}`; users read what lies under their own id.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values
    ('concept-images', 'concept-images', false, 20971520, array['image/png']),
    ('palette-images', 'palette-images', false, 20971520, array['image/png'])
on conflict (id) do update
    set public = excluded.public,
        file_size_limit = excluded.file_size_limit,
        allowed_mime_types = excluded.allowed_mime_types;

create policy "Users read their own images" on storage.objects
    for select to authenticated using (
        bucket_id in ('concept-images', 'palette-images')
        and (storage.foldername(name))[1] = (select auth.uid())::text
    );

-- Rights. The service role bypasses row level security; no other role writes.
alter table public.tasks enable row level security;
alter table public.task_steps enable row level security;
alter table public.concepts enable row level security;
alter table public.color_variations enable row level security;

revoke all on public.tasks, public.task_steps, public.concepts, public.color_variations from anon, authenticated;
grant select on public.tasks, public.concepts, public.color_variations to authenticated;
grant all on public.tasks, public.task_steps, public.concepts, public.color_variations to service_role;

create policy "Users read their own tasks" on public.tasks
    for select to authenticated using ((select auth.uid()) = user_id);

create policy "Users read their own concepts" on public.concepts
    for select to authenticated using ((select auth.uid()) = user_id);

create policy "Users read the variations of their own concepts" on public.color_variations
    for select to authenticated using (
        exists (
            select 1 from public.concepts
            where concepts.id = color_variations.concept_id and concepts.user_id = (select auth.uid())
        )
    );

-- Progress reaches the browser as updates of the task row, where the project has Realtime.
do $$
begin
    if exists (select 1 from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
        alter publication supabase_realtime add table public.tasks;
    end if;
end
$$;

-- Hosted projects open every new function to their users: close all of ours.
do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid::regprocedure from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname in (
            'begin_step', 'claim_task', 'drop_receipt', 'end_dead_leases', 'expire_concepts', 'expire_tasks', 'extend_step',
            'finish_step', 'forget_steps', 'guard_task_update', 'hold_tasks', 'keep_receipt', 'open_tasks',
            'orphan_objects', 'resume_dead_tasks', 'resume_tasks', 'retry_task', 'run_goes_on', 'stalled_tasks',
            'store_concept', 'transition_task', 'wait_step')
    loop
        execute format('revoke execute on function %s from public, anon, authenticated', v_function);
        execute format('grant execute on function %s to service_role', v_function);
    end loop;
end
$$;

notify pgrst, 'reload schema';
