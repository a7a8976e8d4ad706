-- The verbs of a run, atomic and on the database's clock. Called over rpc by the service role only.
-- Every function locks the task row first, so that two of them never wait for each other in a circle.

-- Claim: a pending row, or one whose claim died (its lease is over). Returns the row of the new run, or nothing.
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

-- Begin a step: fence, extend the lease, show stage and progress, take the checkpoint or return its output.
--   {"outcome": "stale"}                          the run is over or another one took its place: stop quietly
--   {"outcome": "held", "seconds": s}             another execution is at this step for s seconds yet
--   {"outcome": "done", "output": …, "task": …}   finished before: here is what it returned
--   {"outcome": "go", "tries": n, "task": …}      the step is yours
create function public.begin_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_progress integer, p_lease_seconds double precision
) returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_until timestamptz := now() + make_interval(secs => p_lease_seconds);
    v_task public.tasks;
    v_step public.task_steps;
begin
    select * into v_task from public.tasks where id = p_task_id for update;
    if not found or v_task.run <> p_run or v_task.status not in ('processing', 'completed') then
        return jsonb_build_object('outcome', 'stale');
    end if;

    insert into public.task_steps as s (task_id, step, state, run, owner, lease_expires_at)
    values (p_task_id, p_step, 'running', p_run, p_owner, v_until)
    on conflict (task_id, step) do update
        set state = 'running', run = excluded.run, owner = excluded.owner, tries = s.tries + 1,
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
    end if;

    -- A completed row stays as it is; only its last step, delivered again, comes here.
    if v_task.status = 'processing' then
        update public.tasks
        set stage = p_step, progress = greatest(progress, p_progress), lease_expires_at = v_until,
            metadata = metadata - 'retry'
        where id = p_task_id
        returning * into v_task;
    end if;

    return jsonb_build_object(
        'outcome', case when v_step.state = 'done' then 'done' else 'go' end,
        'output', v_step.output, 'tries', v_step.tries, 'task', to_jsonb(v_task));
end
$$;

-- Finish a step: the first output wins and is returned, with whether the run is still the current one.
create function public.finish_step(
    p_task_id uuid, p_run integer, p_step text, p_output jsonb, p_progress integer, p_lease_seconds double precision
) returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_task public.tasks;
    v_output jsonb;
begin
    select * into v_task from public.tasks where id = p_task_id for update;
    if not found then
        return jsonb_build_object('current', false, 'output', p_output);
    end if;

    update public.task_steps
    set state = 'done', output = coalesce(output, p_output), lease_expires_at = null,
        finished_at = coalesce(finished_at, now())
    where task_id = p_task_id and step = p_step
    returning output into v_output;

    if v_task.run = p_run and v_task.status = 'processing' then
        update public.tasks
        set progress = greatest(progress, p_progress),
            lease_expires_at = now() + make_interval(secs => p_lease_seconds)
        where id = p_task_id;
    end if;

    return jsonb_build_object(
        'current', v_task.run = p_run and v_task.status in ('processing', 'completed'), 'output', v_output);
end
$$;

-- Put a step down until its next try; the row shows why and when. False when the run is no longer the current one.
create function public.wait_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_reason text, p_delay_seconds double precision,
    p_lease_seconds double precision
) returns boolean
language plpgsql security invoker set search_path = '' as $$
declare
    v_tries integer;
    v_next timestamptz := now() + make_interval(secs => p_delay_seconds);
begin
    perform 1 from public.tasks where id = p_task_id and run = p_run and status = 'processing' for update;
    if not found then
        return false;
    end if;

    update public.task_steps set state = 'waiting', lease_expires_at = null
    where task_id = p_task_id and step = p_step and state = 'running' and owner = p_owner
    returning tries into v_tries;

    update public.tasks
    set lease_expires_at = v_next + make_interval(secs => p_lease_seconds),
        metadata = metadata || jsonb_build_object('retry', jsonb_build_object(
            'step', p_step, 'attempt', coalesce(v_tries, 0), 'next_at', v_next, 'reason', p_reason))
    where id = p_task_id;
    return true;
end
$$;

-- Move a row along its states. Returns the row, or nothing when the row, the run or the move is not there.
-- `p_run` null means whichever run is current; 0 means a row that nobody has claimed.
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

-- Store a concept with its variations and complete its task, in one transaction: no completed row without a
-- concept, no concept of a row that was canceled in between, and storing twice stores once.
-- Returns the concept's id, or null when the run is no longer the current one.
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

-- Rows to enqueue again: pending ones whose message seems lost, and runs whose lease is over. A row that used up
-- its runs is failed here. Safe when several housekeepers run: a row is handed to one of them.
create function public.reconcile_tasks(p_pending_seconds double precision, p_max_runs integer, p_limit integer)
returns setof public.tasks
language plpgsql security invoker set search_path = '' as $$
begin
    update public.tasks
    set status = 'failed', lease_expires_at = null,
        error_message = 'The run was interrupted too many times and was given up. Please try again.'
    where status = 'processing' and lease_expires_at < now() and run >= p_max_runs;

    return query
    update public.tasks
    set enqueued_at = now()
    where id in (
        select t.id from public.tasks as t
        where (t.status = 'pending' or (t.status = 'processing' and t.lease_expires_at < now()))
            and coalesce(t.enqueued_at, t.created_at) < now() - make_interval(secs => p_pending_seconds)
        order by t.created_at
        limit p_limit
        for update skip locked
    )
    returning *;
end
$$;

do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid::regprocedure from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace
            and p.proname in ('claim_task', 'begin_step', 'finish_step', 'wait_step', 'transition_task',
                'store_concept', 'reconcile_tasks')
    loop
        execute format('revoke execute on function %s from public, anon, authenticated', v_function);
        execute format('grant execute on function %s to service_role', v_function);
    end loop;
end
$$;
