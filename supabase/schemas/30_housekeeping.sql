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

-- Return objects older than the limit that no row refers to, outside the folders of open runs and of stored concepts: a new
-- step's object is no orphan.
create function public.orphan_objects(p_buckets text[], p_older_seconds double precision, p_limit integer)
returns table (bucket_id text, name text)
language sql stable security invoker set search_path = '' as $$
    select o.bucket_id, o.name from storage.objects as o
    where o.bucket_id = any (p_buckets)
        and o.created_at < now() - make_interval(secs => p_older_seconds)
        and not exists (select 1 from public.concepts as c where c.image_path = o.name)
        and not exists (select 1 from public.concepts as c where c.task_id::text = split_part(o.name, '/', 2))
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
    if not p_dry_run then
        delete from public.tasks where result_id = any (v_ids) and status = 'completed';
        -- Another round may have deleted some of them meanwhile: they are its own.
        select array_agg(id) into v_ids from (
            select id from public.concepts where id = any (v_ids) order by id for update
        ) as locked;
    end if;
    select coalesce(jsonb_agg(path), '[]'::jsonb) into v_paths from (
        select image_path as path from public.concepts where id = any (v_ids)
        union all
        select image_path from public.color_variations where concept_id = any (v_ids)
    ) as pictures;
    if not p_dry_run then
        delete from public.concepts where id = any (v_ids);
    end if;
    return jsonb_build_object('concepts', coalesce(array_length(v_ids, 1), 0), 'paths', v_paths);
end
$$;
