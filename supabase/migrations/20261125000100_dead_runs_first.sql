-- Dead runs are found first, whatever waits, and each search reads only what it returns: one index for each kind of row.

-- Of the index on status and lease, two partial ones are left: deaths, and runs that were enqueued again since theirs.
drop index public.tasks_open_idx;
create index tasks_lease_idx on public.tasks (lease_expires_at)
    where status = 'processing' and (enqueued_at is null or enqueued_at < lease_expires_at);
create index tasks_enqueued_idx on public.tasks (enqueued_at)
    where status = 'processing' and enqueued_at >= lease_expires_at;
create index tasks_pending_idx on public.tasks (coalesce(enqueued_at, created_at)) where status = 'pending';
create index tasks_open_created_at_idx on public.tasks (created_at) where status in ('pending', 'processing');

-- End the leases of runs with a step that died and none that lives, however long another one of theirs waits: at the time
-- of the death, in rows that are locked first. A step that begins locks its row too, so no fresh lease is ended.
-- Returns the tasks with a step that died, for who looks further.
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

-- Take runs that are certainly dead in order to enqueue them, without asking the broker: a step died and none lives, or
-- the run forgot checkpoints. Each row is handed to one housekeeper; a run out of claims is failed here instead.
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

-- New: at most `p_limit` of each kind, the certain first: runs whose lease is over, runs that were enqueued again and not
-- claimed since, pending rows.
create or replace function public.stalled_tasks(p_pending_seconds double precision, p_limit integer)
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

do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid::regprocedure from pg_catalog.pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname in ('end_dead_leases', 'resume_dead_tasks')
    loop
        execute format('revoke execute on function %s from public, anon, authenticated', v_function);
        execute format('grant execute on function %s to service_role', v_function);
    end loop;
end
$$;

notify pgrst, 'reload schema';
