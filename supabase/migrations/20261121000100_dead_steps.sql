-- A run is stalled as soon as nobody lives at a step of it that died, however long another step of it waits: the wait
-- keeps the run's lease, and hid the death for as long as it lasted.

create index task_steps_running_idx on public.task_steps (task_id, run) where state = 'running';

-- New: runs whose step died and that have no living one lose their lease. It is ended at the time of the death, in rows
-- that are locked first: whoever begins a step locks its row too, so nobody's fresh lease is ended.
create or replace function public.stalled_tasks(p_pending_seconds double precision, p_limit integer)
returns setof public.tasks
language plpgsql volatile security invoker set search_path = '' as $$
declare
    v_suspects uuid[];
begin
    select array_agg(id) into v_suspects from (
        select t.id from public.tasks as t
        where t.status = 'processing' and t.lease_expires_at > now() and exists (
            select from public.task_steps as s
            where s.task_id = t.id and s.run = t.run and s.state = 'running' and s.lease_expires_at < now())
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

    return query
    select * from public.tasks
    where (status = 'pending' and coalesce(enqueued_at, created_at) < now() - make_interval(secs => p_pending_seconds))
        or (status = 'processing' and lease_expires_at < now() and (
            enqueued_at is null or enqueued_at < lease_expires_at
            or enqueued_at < now() - make_interval(secs => p_pending_seconds)))
    order by created_at
    limit p_limit;
end
$$;
