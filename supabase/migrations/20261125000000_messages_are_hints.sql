-- Messages are hints. A step takes its inputs from the checkpoints of its task, and a message that comes before they are
-- there, or for a row of another type, takes nothing.
-- And what living executions pay for is kept: a step is taken over when its own lease is over, whichever run it is of.

create index task_steps_lease_idx on public.task_steps (lease_expires_at) where state = 'running';

-- Whether the run is the current one and may go on. A run that forgot checkpoints is over: its lease is 'epoch', and only
-- a claim goes on from there.
create function public.run_goes_on(p_task public.tasks, p_run integer) returns boolean
language sql immutable security invoker set search_path = '' as $$
    select p_task.run = p_run and p_task.lease_expires_at is distinct from 'epoch'::timestamptz;
$$;

-- New parameters; calls without them mean what they meant.
--   p_type             the type of the row that the message speaks of
--   p_needs            steps whose checkpoints this one works on; with "go" their outputs come along, by step
--   p_takeover_seconds how long past its lease another execution keeps the step
-- New outcome:
--   {"outcome": "early"}   the row has another type, or what the step needs is not there: nothing was taken
-- A step of an older run that is still at work is held for the newer one, which waits visibly and gets its output.
drop function public.begin_step(uuid, integer, text, text, integer, double precision, integer);
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
        return jsonb_build_object('outcome', 'stale', 'status', v_task.status, 'user_id', v_task.user_id);
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
        'output', v_step.output, 'task', to_jsonb(v_task), 'inputs', v_inputs);
end
$$;

-- New: a heartbeat keeps its step also when a newer run has begun; only that of the current run keeps the run's lease.
-- False when the task is over, or the step is not this owner's any more.
create or replace function public.extend_step(
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

-- New: a run that forgot checkpoints is over, and so is one whose step was forgotten. The output is kept all the same.
create or replace function public.finish_step(
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

-- New: an execution of a run that is over releases its step too, so that the next one need not wait for its lease.
create or replace function public.wait_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_reason text, p_is_attempt boolean,
    p_delay_seconds double precision, p_lease_seconds double precision
) returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_task public.tasks;
    v_attempts integer;
    v_next timestamptz := now() + make_interval(secs => p_delay_seconds);
begin
    select * into v_task from public.tasks where id = p_task_id for update;
    update public.task_steps
    set state = 'waiting', lease_expires_at = null, attempts = attempts + p_is_attempt::integer
    where task_id = p_task_id and step = p_step and state = 'running' and owner = p_owner
    returning attempts into v_attempts;

    if v_task.id is null or not public.run_goes_on(v_task, p_run) or v_task.status <> 'processing' then
        return jsonb_build_object('current', false, 'status', v_task.status, 'user_id', v_task.user_id);
    end if;

    update public.tasks
    set lease_expires_at = greatest(lease_expires_at, v_next + make_interval(secs => p_lease_seconds)),
        metadata = metadata || jsonb_build_object('retry', jsonb_build_object(
            'step', p_step, 'attempt', coalesce(v_attempts, 0), 'next_at', v_next, 'reason', p_reason))
    where id = p_task_id;
    return jsonb_build_object('current', true, 'attempts', coalesce(v_attempts, 0));
end
$$;

-- New: steps beside the forgotten ones are left to their executions: what they pay for is wanted. The run is over at once,
-- and no heartbeat brings it back.
create or replace function public.forget_steps(p_task_id uuid, p_run integer, p_steps text[]) returns boolean
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

do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid::regprocedure from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname in ('begin_step', 'run_goes_on')
    loop
        execute format('revoke execute on function %s from public, anon, authenticated', v_function);
        execute format('grant execute on function %s to service_role', v_function);
    end loop;
end
$$;

notify pgrst, 'reload schema';
