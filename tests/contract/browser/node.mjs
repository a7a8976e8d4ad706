import { createClient } from "@supabase/supabase-js";
import WebSocket from "ws";
import { run } from "./suite.mjs";

const options = { realtime: { transport: WebSocket }, auth: { persistSession: false, autoRefreshToken: false } };
console.log(JSON.stringify(await run(createClient, { ...JSON.parse(process.argv[2]), options })));
