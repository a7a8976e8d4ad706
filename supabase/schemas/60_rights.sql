-- Rights. The service role bypasses row level security; no other role writes.
alter table public.tasks enable row level security;
alter table public.task_steps enable row level security;
alter table public.concepts enable row level security;
alter table public.color_variations enable row level security;
alter table public.worker_presence enable row level security;

revoke all on public.tasks, public.task_steps, public.concepts, public.color_variations, public.worker_presence
    from anon, authenticated;
grant select on public.tasks, public.concepts, public.color_variations to authenticated;
grant all on public.tasks, public.task_steps, public.concepts, public.color_variations, public.worker_presence
    to service_role;

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
            'begin_step', 'claim_task', 'drop_receipt', 'end_dead_leases', 'end_lost_leases', 'expire_concepts',
            'expire_tasks', 'extend_step', 'finish_step', 'forget_steps', 'guard_task_update', 'hold_tasks',
            'keep_receipt', 'open_tasks', 'orphan_objects', 'resume_dead_tasks', 'resume_tasks', 'retry_task',
            'run_goes_on', 'show_presence', 'stalled_tasks', 'store_concept', 'transition_task', 'wait_step')
    loop
        execute format('revoke execute on function %s from public, anon, authenticated', v_function);
        execute format('grant execute on function %s to service_role', v_function);
    end loop;
end
$$;
