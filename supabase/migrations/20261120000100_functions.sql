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
--   {"outcome": "poison", "interruptions": n}     so many executions never came back: give it up
--   {"outcome": "done", "output": …, "task": …}   finished before: here is what it returned
--   {"outcome": "go", "task": …}                  the step is yours
create function public.begin_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_progress integer, p_lease_seconds double precision,
    p_max_interruptions integer
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
        return jsonb_build_object('outcome', 'poison', 'interruptions', v_step.interruptions);
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
        'output', v_step.output, 'task', to_jsonb(v_task));
end
$$;

-- A sign of life of a running step. False when the run is no longer the current one, or the step is not this owner's.
create function public.extend_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_lease_seconds double precision
) returns boolean
language plpgsql security invoker set search_path = '' as $$
declare
    v_until timestamptz := now() + make_interval(secs => p_lease_seconds);
begin
    update public.tasks set lease_expires_at = greatest(lease_expires_at, v_until)
    where id = p_task_id and run = p_run and status = 'processing';
    if not found then
        return false;
    end if;
    update public.task_steps set lease_expires_at = v_until
    where task_id = p_task_id and step = p_step and state = 'running' and run = p_run and owner = p_owner;
    return found;
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
            lease_expires_at = now() + make_interval(secs => p_lease_seconds)
        where id = p_task_id;
    end if;

    return jsonb_build_object(
        'current', v_task.run = p_run and v_task.status in ('processing', 'completed'),
        'output', v_output, 'status', v_task.status);
end
$$;

-- Put a step down until its next try; the row shows why and when. A wait that somebody else imposed (a closed circuit,
-- a full rate limit) is no attempt. Returns {"current": …, "attempts": n}.
create function public.wait_step(
    p_task_id uuid, p_run integer, p_step text, p_owner text, p_reason text, p_is_attempt boolean,
    p_delay_seconds double precision, p_lease_seconds double precision
) returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_attempts integer;
    v_next timestamptz := now() + make_interval(secs => p_delay_seconds);
begin
    perform 1 from public.tasks where id = p_task_id and run = p_run and status = 'processing' for update;
    if not found then
        return jsonb_build_object('current', false, 'attempts', 0);
    end if;

    update public.task_steps
    set state = 'waiting', lease_expires_at = null, attempts = attempts + p_is_attempt::integer
    where task_id = p_task_id and step = p_step and state = 'running' and owner = p_owner
    returning attempts into v_attempts;

    update public.tasks
    set lease_expires_at = v_next + make_interval(secs => p_lease_seconds),
        metadata = metadata || jsonb_build_object('retry', jsonb_build_object(
            'step', p_step, 'attempt', coalesce(v_attempts, 0), 'next_at', v_next, 'reason', p_reason))
    where id = p_task_id;
    return jsonb_build_object('current', true, 'attempts', coalesce(v_attempts, 0));
end
$$;

-- Forget checkpoints whose bytes are gone, and let the lease end: the next run does these steps again.
-- False when the run is no longer the current one.
create function public.forget_steps(p_task_id uuid, p_run integer, p_steps text[]) returns boolean
language plpgsql security invoker set search_path = '' as $$
begin
    update public.tasks set lease_expires_at = now(), enqueued_at = null
    where id = p_task_id and run = p_run and status = 'processing';
    if not found then
        return false;
    end if;
    delete from public.task_steps where task_id = p_task_id and step = any (p_steps);
    update public.task_steps set state = 'waiting', lease_expires_at = null
    where task_id = p_task_id and state = 'running' and run = p_run;
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

-- Rows that look stalled: pending ones that nobody claims, and runs whose lease is over. Whether their message is only
-- waiting in a queue is the broker's to say; then `hold_tasks`, else `resume_tasks`.
create function public.stalled_tasks(p_pending_seconds double precision, p_limit integer)
returns setof public.tasks
language sql stable security invoker set search_path = '' as $$
    select * from public.tasks
    where (status = 'pending' and coalesce(enqueued_at, created_at) < now() - make_interval(secs => p_pending_seconds))
        or (status = 'processing' and lease_expires_at < now() and (
            enqueued_at is null or enqueued_at < lease_expires_at
            or enqueued_at < now() - make_interval(secs => p_pending_seconds)))
    order by created_at
    limit p_limit;
$$;

-- Take stalled rows in order to enqueue them; each row is handed to one housekeeper. A run that used up its claims is
-- failed here instead.
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

-- A backlog is not a stall: rows whose message still waits in a queue are left alone for another while.
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

-- Every accepted row ends: what is older than the deadline fails. Returns how many.
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

-- A new pending task with the inputs of a failed or canceled one, and with those of its checkpoints that do not depend on
-- where its pictures lie. The old row stays as it is. Nothing when the row is not this user's or not over.
create function public.retry_task(p_task_id uuid, p_user_id uuid, p_steps text[]) returns setof public.tasks
language plpgsql security invoker set search_path = '' as $$
declare
    v_new public.tasks;
begin
    insert into public.tasks (user_id, type, metadata, retry_of)
    select user_id, type, metadata - 'retry', id from public.tasks
    where id = p_task_id and user_id = p_user_id and status in ('failed', 'canceled')
    returning * into v_new;
    if not found then
        return;
    end if;
    insert into public.task_steps (task_id, step, state, run, owner, tries, output, started_at, finished_at)
    select v_new.id, step, state, 0, owner, tries, output, started_at, finished_at from public.task_steps
    where task_id = p_task_id and state = 'done' and step = any (p_steps);
    return next v_new;
end
$$;

-- Objects that no row refers to, older than the limit, and not of a run that is still open.
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

-- Of these ids of tasks, the ones that are still open.
create function public.open_tasks(p_task_ids uuid[]) returns setof uuid
language sql stable security invoker set search_path = '' as $$
    select id from public.tasks where id = any (p_task_ids) and status in ('pending', 'processing');
$$;

-- Concepts older than the limit, with their variations and tasks; with `p_dry_run` only counted. Their objects are then
-- orphans. Never the original of a refinement that is still open. Returns the object paths let go of, and how many concepts.
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

do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid::regprocedure from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace
            and p.proname in (
                'claim_task', 'begin_step', 'extend_step', 'finish_step', 'wait_step', 'forget_steps', 'transition_task',
                'store_concept', 'stalled_tasks', 'resume_tasks', 'hold_tasks', 'expire_tasks', 'retry_task',
                'orphan_objects', 'open_tasks', 'expire_concepts')
    loop
        execute format('revoke execute on function %s from public, anon, authenticated', v_function);
        execute format('grant execute on function %s to service_role', v_function);
    end loop;
end
$$;
