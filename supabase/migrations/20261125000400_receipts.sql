-- Paid calls whose picture is not here yet. A receipt (a link to follow, or a job to ask for) is written before anything
-- else is done with the answer; the next execution finds it and pays nothing. Lost answers that may have been charged are
-- counted apart from other trouble.

alter table public.task_steps
    add column receipt jsonb,                         -- a secret: no user reads this table
    add column unknowns integer not null default 0;   -- of the attempts, those that may have been charged for nothing

-- A step that is done has its output; its receipt is of no more use.
create function public.drop_receipt() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.receipt := null;
    return new;
end
$$;

create trigger task_steps_drop_receipt before insert or update on public.task_steps
    for each row when (new.state = 'done' and new.receipt is not null) execute function public.drop_receipt();

-- Keep the receipt of what a step paid for, or drop it (null). Whichever execution is at the step now gets it; a receipt
-- that another one wrote stays. Returns whether it was written.
create function public.keep_receipt(p_task_id uuid, p_step text, p_owner text, p_receipt jsonb) returns boolean
language plpgsql security invoker set search_path = '' as $$
begin
    update public.task_steps set receipt = p_receipt
    where task_id = p_task_id and step = p_step and state <> 'done' and (owner = p_owner or receipt is null);
    return found;
end
$$;

-- New: with "go" comes the receipt that an earlier execution left, and with "stale" that of what may be canceled.
create or replace function public.begin_step(
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

-- New parameter: whether the answer was lost and the call may have been charged. Returns the sum of those too.
drop function public.wait_step(uuid, integer, text, text, text, boolean, double precision, double precision);
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

-- New: receipts go along, so that trying again collects what is paid for instead of buying it again.
create or replace function public.retry_task(
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

do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid::regprocedure from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace
            and p.proname in ('begin_step', 'wait_step', 'keep_receipt', 'drop_receipt')
    loop
        execute format('revoke execute on function %s from public, anon, authenticated', v_function);
        execute format('grant execute on function %s to service_role', v_function);
    end loop;
end
$$;

notify pgrst, 'reload schema';
