-- The folder of a completed task is kept as long as its concept: a new step's object is no orphan.
create or replace function public.orphan_objects(p_buckets text[], p_older_seconds double precision, p_limit integer)
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

notify pgrst, 'reload schema';
