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
    perform from public.tasks where id = p_task_id for update;
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
        refinement_prompt, original_concept_id, original_image_path, original_image_url, preserve_aspects,
        provider, model)
    select p_task_id, v_task.user_id, c.logo_description, c.theme_description, c.image_path, c.image_url,
        coalesce(c.is_anonymous, true),
        -- An original that was deleted meanwhile is no reason to lose the refinement.
        c.refinement_prompt, (select o.id from public.concepts as o where o.id = c.original_concept_id),
        c.original_image_path, c.original_image_url, coalesce(c.preserve_aspects, '{}'), c.provider, c.model
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
