-- Three changes to how steps begin, finish and wait.
--   A step's last try is given alone: one such try at a time, so that a step which kills its worker ends without taking
--   those that only shared the worker with it.
--   A step that waits for long keeps its run's lease: a step beside it that begins, ends or waits for less does not
--   shorten it.
--   Whoever finds a run over learns what became of the task, so that what it made for a canceled one can be removed.

create index task_steps_suspects_idx on public.task_steps (interruptions) where state = 'running' and interruptions > 0;

-- New: a step that may be interrupted only once more waits, visibly, while another such step runs; one that is given up
-- is not running any more; and with "stale" come the task's status and user, null when it was deleted.
create or replace function public.begin_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_progress integer, p_lease_seconds double precision,
    p_max_interruptions integer
) returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_until timestamptz := now() + make_interval(secs => p_lease_seconds);
    v_task public.tasks;
    v_step public.task_steps;
    v_free timestamptz;  -- when the other last try is over, as far as its lease tells
begin
    select * into v_task from public.tasks where id = p_task_id for update;
    if not found or v_task.run <> p_run or v_task.status not in ('processing', 'completed') then
        return jsonb_build_object('outcome', 'stale', 'status', v_task.status, 'user_id', v_task.user_id);
    end if;

    insert into public.task_steps as s (task_id, step, state, run, owner, lease_expires_at)
    values (p_task_id, p_step, 'running', p_run, p_owner, v_until)
    on conflict (task_id, step) do update
        set state = 'running', run = excluded.run, owner = excluded.owner, tries = s.tries + 1,
            interruptions = s.interruptions + (s.state = 'running')::integer,
            lease_expires_at = excluded.lease_expires_at, started_at = now()
        where s.state = 'waiting'
            or (s.state = 'running' and (s.run < excluded.run or s.lease_expires_at < now()))
    returning * into v_step;

    if not found then
        select * into v_step from public.task_steps where task_id = p_task_id and step = p_step;
        if v_step.state = 'running' then
            return jsonb_build_object(
                'outcome', 'held', 'seconds', extract(epoch from v_step.lease_expires_at - now()));
        end if;
    elsif v_step.interruptions >= p_max_interruptions then
        update public.task_steps set state = 'waiting', lease_expires_at = null
        where task_id = p_task_id and step = p_step;  -- nobody is at it
        return jsonb_build_object('outcome', 'poison', 'interruptions', v_step.interruptions);
    elsif v_step.interruptions > 0 and v_step.interruptions = p_max_interruptions - 1 then
        -- Whoever looks for others is alone at it; the lock ends with this call.
        perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('concept_worker.last_try', 0));
        select max(lease_expires_at) into v_free from public.task_steps
        where state = 'running' and interruptions > 0 and interruptions = p_max_interruptions - 1
            and lease_expires_at > now() and (task_id, step) <> (p_task_id, p_step);
        if v_free is not null then
            update public.task_steps set state = 'waiting', lease_expires_at = null, tries = tries - 1
            where task_id = p_task_id and step = p_step;
            update public.tasks
            set stage = p_step,
                lease_expires_at = greatest(lease_expires_at, v_free + make_interval(secs => p_lease_seconds)),
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
        'output', v_step.output, 'task', to_jsonb(v_task));
end
$$;

-- New: the lease only grows.
create or replace function public.finish_step(
    p_task_id uuid, p_run integer, p_step text, p_output jsonb, p_progress integer, p_lease_seconds double precision
) returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_task public.tasks;
    v_output jsonb;
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

    if v_task.run = p_run and v_task.status = 'processing' then
        update public.tasks
        set progress = greatest(progress, p_progress),
            lease_expires_at = greatest(lease_expires_at, now() + make_interval(secs => p_lease_seconds))
        where id = p_task_id;
    end if;

    return jsonb_build_object(
        'current', v_task.run = p_run and v_task.status in ('processing', 'completed'),
        'output', v_output, 'status', v_task.status);
end
$$;

-- New: the lease only grows; and what became of the task, when the run is over.
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
    if not found or v_task.run <> p_run or v_task.status <> 'processing' then
        return jsonb_build_object('current', false, 'status', v_task.status, 'user_id', v_task.user_id);
    end if;

    update public.task_steps
    set state = 'waiting', lease_expires_at = null, attempts = attempts + p_is_attempt::integer
    where task_id = p_task_id and step = p_step and state = 'running' and owner = p_owner
    returning attempts into v_attempts;

    update public.tasks
    set lease_expires_at = greatest(lease_expires_at, v_next + make_interval(secs => p_lease_seconds)),
        metadata = metadata || jsonb_build_object('retry', jsonb_build_object(
            'step', p_step, 'attempt', coalesce(v_attempts, 0), 'next_at', v_next, 'reason', p_reason))
    where id = p_task_id;
    return jsonb_build_object('current', true, 'attempts', coalesce(v_attempts, 0));
end
$$;
