// What a page does with supabase-js. The same file runs in Node and in a browser; each line is one row of the table in
// docs/embedded-supabase.md.

const said = ({ error, status }) =>
  error ? [error.statusCode ?? error.status ?? status, error.code ?? "", error.message].filter(Boolean).join(" ") : "works";

export async function run(createClient, { url, key, mine, theirs, options }) {
  // A client of its own keeps no session: in a browser, all clients of a page share what is kept.
  const open = (with_key, headers = {}, auth = { persistSession: false, autoRefreshToken: false }) =>
    createClient(url, with_key, { auth, ...options, global: { headers: { "x-contract-suite": "1", ...headers } } });
  const rows = [];
  const row = async (name, ask, check = () => true) => {
    const answer = await ask();
    const outcome = said(answer);
    rows.push([name, outcome === "works" && !check(answer.data, answer) ? `other data: ${JSON.stringify(answer.data)}` : outcome]);
    return answer;
  };
  const page = open(key, {}, {});
  const auth = page.auth;

  await row("auth.signInAnonymously()", () => auth.signInAnonymously({ options: { data: { a: 1 } } }),
    ({ user, session }) => user.is_anonymous && user.user_metadata.a === 1 && session.expires_in === 3600);
  await row("auth.getUser() of an anonymous user", () => auth.getUser(), ({ user }) => user.is_anonymous);
  const email = `page-${crypto.randomUUID()}@example.com`;
  await row("auth.updateUser({email, password, data}): the user becomes permanent",
    () => auth.updateUser({ email, password: "a long word", data: { b: 2 } }),
    ({ user }) => !user.is_anonymous && user.email === email && user.user_metadata.b === 2);
  const before = (await auth.getSession()).data.session;
  await row("auth.refreshSession()", () => auth.refreshSession(),
    ({ session }) => session.refresh_token !== before.refresh_token && session.user.id === before.user.id);
  await row("auth.signOut({scope: 'local'})", () => auth.signOut({ scope: "local" }));
  await row("auth.setSession() after the sign-out", () => auth.setSession(before));
  await row("auth.signUp({email, password})",
    () => auth.signUp({ email: `new-${crypto.randomUUID()}@example.com`, password: "a long word" }),
    ({ session }) => session !== null);
  await row("auth.signUp() of a known email", () => open(key).auth.signUp({ email, password: "a long word" }));
  await row("auth.signUp() with a short password", () => open(key).auth.signUp({ email: "a@example.com", password: "x" }));
  await row("auth.signUp() with no email address", () => open(key).auth.signUp({ email: "a", password: "a long word" }));
  await row("auth.signInWithPassword() with a wrong password",
    () => open(key).auth.signInWithPassword({ email, password: "another word" }));
  await row("auth.signInWithOtp()", () => open(key).auth.signInWithOtp({ email }));
  await row("auth.signInWithPassword() by phone",
    () => open(key).auth.signInWithPassword({ phone: "+4912345", password: "a long word" }));
  await row("auth.signInWithPassword()", () => auth.signInWithPassword(mine), ({ user }) => user.email === mine.email);
  await row("auth.getClaims()", () => auth.getClaims(), ({ claims }) => claims.sub === mine.id);

  await row("from('concepts').select('*, color_variations(*)')",
    () => page.from("concepts").select("*, color_variations(*)"),
    (data) => data.length === 1 && data[0].color_variations.length === 3);
  await row("order and limit of the embedded table",
    () => page.from("concepts").select("id, v:color_variations(position)")
      .order("position", { referencedTable: "v", ascending: false }).limit(2, { referencedTable: "v" }),
    (data) => JSON.stringify(data[0].v) === '[{"position":3},{"position":2}]');
  await row("a filter of the embedded table, !inner",
    () => page.from("concepts").select("id, color_variations!inner(position)").eq("color_variations.position", 9),
    (data) => data.length === 0);
  await row("from('color_variations').select('position, concepts(id)')",
    () => page.from("color_variations").select("position, concepts(id)").eq("position", 1).single(),
    (data) => data.concepts.id === mine.concept);
  await row("select with count and head", () => page.from("concepts").select("*", { count: "exact", head: true }),
    (data, { count }) => count === 1);
  await row("maybeSingle() without a row", () => page.from("concepts").select("*").eq("id", theirs.concept).maybeSingle(),
    (data) => data === null);
  await row("single() without a row", () => page.from("concepts").select("*").eq("id", theirs.concept).single());
  await row("embedding what is not related", () => page.from("concepts").select("id, task_steps(step)"));
  await row("select('count()')", () => page.from("concepts").select("count()"));
  await row("from('task_steps').select()", () => page.from("task_steps").select());
  await row("from('tasks').insert()", () => page.from("tasks").insert({ user_id: mine.id, type: "concept_generation" }));
  await row("from('concepts').update()", () => page.from("concepts").update({ image_url: "x" }).eq("id", mine.concept));
  await row("rpc('claim_task')", () => page.rpc("claim_task", { p_task_id: mine.concept }));

  const pictures = page.storage.from("concept-images");
  await row("storage download() of an own picture", () => pictures.download(mine.path), (data) => data.size === 5);
  await row("storage createSignedUrl() of an own picture", () => pictures.createSignedUrl(mine.path, 60),
    (data) => data.signedUrl.startsWith(url));
  const link = (await pictures.createSignedUrl(mine.path, 60)).data.signedUrl;
  await row("fetch() of the link", async () => ({ data: await (await fetch(link)).text() }), (data) => data === "bytes");
  await row("storage download() of another user's picture", () => pictures.download(theirs.path));
  await row("storage upload()", () => pictures.upload(`${mine.id}/mine.png`, new Blob(["x"], { type: "image/png" })));

  await row("from('concepts').select() without a user", () => open(key).from("concepts").select());
  await row("any request with a wrong key", () => open("sb_publishable_wrong").from("concepts").select());
  await row("a user's token from concept-worker token",
    () => open(key, { Authorization: `Bearer ${theirs.token}` }).from("concepts").select("id"),
    (data) => data.length === 1 && data[0].id === theirs.concept);
  await row("an expired token", () => open(key, { Authorization: `Bearer ${theirs.expired}` }).from("concepts").select("id"));
  await row("auth.signOut()", () => auth.signOut());
  await row("from('concepts').select() after it", () => page.from("concepts").select());
  return rows;
}
