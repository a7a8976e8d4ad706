-- Private buckets. An object's path is `{user id}/{task id}/{name}`; users read what lies under their own id.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values
    ('concept-images', 'concept-images', false, 20971520, array['image/png']),
    ('palette-images', 'palette-images', false, 20971520, array['image/png'])
on conflict (id) do update
    set public = excluded.public,
        file_size_limit = excluded.file_size_limit,
        allowed_mime_types = excluded.allowed_mime_types;

create policy "Users read their own images" on storage.objects
    for select to authenticated using (
        bucket_id in ('concept-images', 'palette-images')
        and (storage.foldername(name))[1] = (select auth.uid())::text
    );
