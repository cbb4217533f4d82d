// api.test.mjs - docs/http-api.md against a real relay: what it says, refuses, keeps and tells.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { Relay, run } from "./relay.mjs";

const OFFERS = process.env.OFFERS;
const SDP = { "Content-Type": "application/sdp" };
const offer = (name) => readFileSync(path.join(OFFERS, name), "utf8");


/** An offer with its first audio line (if wanted) and its first `videos` video lines. */
function shortened(text, { audio = true, videos = 1 }) {
  const [head, ...media] = text.split(/(?=^m=)/m);
  const kept = [...media.filter((m) => m.startsWith("m=audio")).slice(0, audio ? 1 : 0),
    ...media.filter((m) => m.startsWith("m=video")).slice(0, videos)];
  const mids = kept.map((m) => m.match(/a=mid:(\S+)/)[1]);
  return head.replace(/a=group:BUNDLE.*?(\r?\n)/, mids.length ? `a=group:BUNDLE ${mids.join(" ")}$1` : "") + kept.join("");
}

let relay, admin, lead, li, zhang, observer, student;
let lessons = 0;

before(async () => {
  relay = await new Relay().start();
  admin = relay.token("admin", { lesson: "*" });
  lead = relay.token("lead", { sub: "wang", site: "S0", name: "王老师" });
  li = relay.token("assistant", { sub: "li", site: "B", name: "李老师" });
  zhang = relay.token("assistant", { sub: "zhang", site: "A" });
  observer = relay.token("observer", { sub: "chen", lesson: "*" });
  student = relay.token("student", { sub: "zhuoma", site: "B" });
});

after(async () => {
  assert.equal(await relay.stop(), 0);
  assert.ok(!relay.log.includes("eyJ"), "no token stands in the log");
  relay.remove();
});

/** A fresh lesson, started unless said otherwise. */
async function lesson({ start = true, ...more } = {}) {
  const id = `T${++lessons}`;
  const made = await relay.call("POST", "/api/v1/lessons", admin, {
    id, title: "草原上的歌", subject: "music", grade: "5", lead_site: { id: "S0", name: "中心校" },
    points: [{ id: "A", name: "上河" }, { id: "B", name: "下河" }], record: false, ...more });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  if (start)
    assert.equal((await relay.call("POST", `/api/v1/lessons/${id}/start`, lead)).status, 200);
  return id;
}

function refused(answer, status, type, field) {
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.equal(answer.type, "application/problem+json");
  assert.equal(answer.body.type, `urn:liangshi:problem:${type}`);
  assert.equal(answer.body.status, status);
  if (field !== undefined) assert.equal(answer.body.field, field);
}

test("a token says who I am and what I may do", async () => {
  const me = await relay.call("GET", "/api/v1/me", li);
  assert.equal(me.status, 200);
  assert.equal(me.body.role, "assistant");
  assert.equal(me.body.name, "李老师");
  assert.ok(me.body.can.includes("publish:class"));
  assert.ok(!me.body.can.includes("publish:camera"));
});

test("no token, false tokens and old ones are refused", async () => {
  refused(await relay.call("GET", "/api/v1/me"), 401, "no-token");
  for (const bad of ["x", "a.b.c", lead.slice(0, -4) + "AAAA", "eyJhbGciOiJub25lIn0.e30.", "é", "."])
    refused(await relay.call("GET", "/api/v1/me", encodeURI(bad)), 401, "bad-token");
  const none = Buffer.from('{"alg":"none"}').toString("base64url") + "." + lead.split(".")[1] + ".";
  refused(await relay.call("GET", "/api/v1/me", none), 401, "bad-token");
  const hs = Buffer.from('{"alg":"HS256"}').toString("base64url") + "." + lead.split(".").slice(1).join(".");
  refused(await relay.call("GET", "/api/v1/me", hs), 401, "bad-token");
  const short = relay.token("lead", { site: "S0", ttl: "1s" });
  await new Promise((go) => setTimeout(go, 1100));
  const late = await relay.call("GET", "/api/v1/me", short);
  refused(late, 401, "token-expired");
  assert.match(late.headers.get("www-authenticate"), /invalid_token/);
});

test("a token of another node is refused", async () => {
  const other = new Relay();
  try {
    refused(await relay.call("GET", "/api/v1/me", other.token("admin")), 401, "bad-token");
  } finally {
    other.remove();
  }
});

test("a lesson is made, shown, changed, started and ended", async () => {
  const id = await lesson({ start: false, starts_at: "2026-11-24T09:00:00+08:00" });
  const got = await relay.call("GET", `/api/v1/lessons/${id}`, lead);
  assert.equal(got.body.starts_at, "2026-11-24T01:00:00.000Z");
  assert.deepEqual(got.body.points.map((p) => p.name), ["上河", "下河"]);
  assert.equal(got.body.state, "planned");
  assert.equal(got.body.clock_ms, null);
  const changed = await relay.call("PATCH", `/api/v1/lessons/${id}`, lead, { title: "歌", points: ["B", "A", "C"] });
  assert.equal(changed.body.title, "歌");
  assert.deepEqual(changed.body.points.map((p) => p.id), ["B", "A", "C"]);
  const started = await relay.call("POST", `/api/v1/lessons/${id}/start`, lead);
  assert.equal(started.body.state, "running");
  assert.equal((await relay.call("POST", `/api/v1/lessons/${id}/start`, lead)).status, 200);
  refused(await relay.call("PATCH", `/api/v1/lessons/${id}`, lead, { points: [] }), 409, "lesson-started", "points");
  const ended = await relay.call("POST", `/api/v1/lessons/${id}/end`, lead);
  assert.equal(ended.body.state, "ended");
  refused(await relay.call("POST", `/api/v1/lessons/${id}/start`, lead), 409, "lesson-ended");
});

test("each mistake in a lesson's description is named", async () => {
  const good = { title: "x", lead_site: "S0", points: ["A"] };
  const cases = [
    [{ lead_site: "S0" }, "title"], [{ title: "x" }, "lead_site"],
    [{ ...good, title: "" }, "title"], [{ ...good, title: 5 }, "title"],
    [{ ...good, title: "x".repeat(201) }, "title"], [{ ...good, title: "a\u0007b" }, "title"],
    [{ ...good, points: ["A", "A"] }, "points[1]"], [{ ...good, points: ["S0"] }, "points[0]"],
    [{ ...good, points: "A" }, "points"], [{ ...good, points: [{ name: "x" }] }, "points[0].id"],
    [{ ...good, points: Array.from({ length: 63 }, (_, i) => `P${i}`) }, "points"],
    [{ ...good, type: "party" }, "type"], [{ ...good, duration_min: 0 }, "duration_min"],
    [{ ...good, duration_min: 1.5 }, "duration_min"], [{ ...good, starts_at: "tomorrow" }, "starts_at"],
    [{ ...good, starts_at: "2026-02-30T00:00:00Z" }, "starts_at"], [{ ...good, record: "yes" }, "record"],
    [{ ...good, id: "../x" }, "id"], [{ ...good, colour: "red" }, "colour"],
    [{ ...good, lead_site: { id: "S0", x: 1 } }, "lead_site.x"],
  ];
  for (const [body, field] of cases)
    refused(await relay.call("POST", "/api/v1/lessons", admin, body), 422, "invalid", field);
  for (const body of ["", "{", "[]", "nul", '{"title":"a","title":"b"}', "{\"title\":\"\\ud800\"}", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])])
    refused(await relay.call("POST", "/api/v1/lessons", admin, body), 400, "bad-json");
  refused(await relay.call("POST", "/api/v1/lessons", admin, "[".repeat(60000)), 400, "bad-json");
  refused(await relay.call("POST", "/api/v1/lessons", admin, "{}", { "Content-Type": "text/plain" }), 415, "wrong-type");
  refused(await relay.call("POST", "/api/v1/lessons", admin, "x".repeat(70000)), 413, "too-large");
  const id = await lesson({ start: false });
  refused(await relay.call("POST", "/api/v1/lessons", admin, { ...good, id }), 409, "lesson-exists", "id");
});

test("who may make lessons and who sees which", async () => {
  const body = { title: "x", lead_site: "S0", points: ["A"] };
  assert.equal((await relay.call("POST", "/api/v1/lessons", lead, body)).status, 201);
  refused(await relay.call("POST", "/api/v1/lessons", lead, { ...body, lead_site: "S9" }), 403, "wrong-site", "lead_site");
  for (const t of [li, observer, student, relay.token("technician")])
    refused(await relay.call("POST", "/api/v1/lessons", t, body), 403, "wrong-role");
  const mine = await lesson({ start: false });
  const other = await lesson({ start: false, points: ["X"], lead_site: "S7" });
  const list = (await relay.call("GET", "/api/v1/lessons?limit=500", li)).body.lessons.map((l) => l.id);
  assert.ok(list.includes(mine));
  assert.ok(!list.includes(other));
  refused(await relay.call("GET", `/api/v1/lessons/${other}`, li), 403, "wrong-lesson");
  const bound = relay.token("observer", { lesson: mine });
  assert.deepEqual((await relay.call("GET", "/api/v1/lessons", bound)).body.lessons.map((l) => l.id), [mine]);
  refused(await relay.call("GET", `/api/v1/lessons/${other}`, bound), 403, "wrong-lesson");
  refused(await relay.call("GET", `/api/v1/lessons/${mine}`, relay.token("observer")), 403, "wrong-lesson");
  refused(await relay.call("GET", `/api/v1/lessons/${mine}`, relay.token("lead", { site: "A" })), 403, "wrong-site");
  refused(await relay.call("POST", `/api/v1/lessons/${mine}/start`, li), 403, "wrong-role");
  refused(await relay.call("GET", "/api/v1/lessons/none", admin), 404, "not-found");
  refused(await relay.call("GET", "/api/v1/lessons?state=odd", admin), 422, "invalid", "state");
});

test("paths and methods that are not there", async () => {
  refused(await relay.call("GET", "/api/v1/nothing", admin), 404, "not-found");
  const wrong = await relay.call("DELETE", "/api/v1/lessons", admin);
  refused(wrong, 405, "wrong-method");
  assert.match(wrong.headers.get("allow"), /POST, GET/);
  const options = await relay.call("OPTIONS", "/whip/x");
  assert.equal(options.status, 204);
  assert.equal(options.headers.get("accept-post"), "application/sdp");
});

test("hands, floor and mode: who may, in which order, told to all", async () => {
  const id = await lesson();
  const at = (what) => `/api/v1/lessons/${id}/${what}`;
  const events = relay.events(id, observer);
  const first = await events.until((e) => e.event === "snapshot");
  assert.equal(first.data.me.role, "observer");
  assert.deepEqual(first.data.sites.map((s) => [s.id, s.state, s.number]), [["S0", "absent", 0], ["A", "absent", 1], ["B", "absent", 2]]);

  assert.equal((await relay.call("POST", at("hand"), li, { up: true })).body.site, "B");
  const again = await relay.call("POST", at("hand"), li, { up: true });
  assert.equal(again.body.id, null);
  assert.equal((await relay.call("POST", at("hand"), zhang, { up: true })).status, 200);
  const up = await events.until((e) => e.event === "hand" && e.data.site === "A");
  assert.deepEqual(up.data.hands.map((h) => h.site), ["B", "A"]);
  refused(await relay.call("POST", at("hand"), li, { up: false, site: "A" }), 403, "wrong-site", "site");
  refused(await relay.call("POST", at("hand"), li, { up: 1 }), 422, "invalid", "up");
  refused(await relay.call("POST", at("hand"), li, {}), 422, "invalid", "up");
  refused(await relay.call("POST", at("hand"), observer, { up: true }), 403, "wrong-role");
  refused(await relay.call("POST", at("hand"), lead, { up: true, site: "A" }), 403, "wrong-role", "up");
  assert.equal((await relay.call("POST", at("hand"), lead, { up: false, site: "A" })).body.how, "lower");

  const gave = await relay.call("POST", at("floor"), lead, { action: "give", site: "B" });
  assert.deepEqual([gave.body.floor, gave.body.how, gave.body.previous], ["B", "give", null]);
  const down = await events.until((e) => e.event === "hand" && e.data.how === "floor");
  assert.equal(down.data.up, false);
  const site = await events.until((e) => e.event === "site" && e.data.site.has_floor);
  assert.deepEqual([site.data.site.id, site.data.site.floor_count], ["B", 1]);
  const called = await relay.call("POST", at("floor"), lead, { action: "call_on", site: "A" });
  assert.deepEqual([called.body.floor, called.body.previous], ["A", "B"]);
  refused(await relay.call("POST", at("floor"), li, { action: "take" }), 403, "wrong-role");
  refused(await relay.call("POST", at("floor"), li, { action: "give", site: "B" }), 403, "wrong-role");
  refused(await relay.call("POST", at("floor"), observer, { action: "take" }), 403, "wrong-role");
  refused(await relay.call("POST", at("floor"), lead, { action: "give", site: "Z" }), 422, "unknown-site", "site");
  refused(await relay.call("POST", at("floor"), lead, { action: "give" }), 422, "invalid", "site");
  refused(await relay.call("POST", at("floor"), lead, { action: "dance" }), 422, "invalid", "action");
  assert.equal((await relay.call("POST", at("floor"), li, { action: "release" })).body.id, null);
  assert.equal((await relay.call("POST", at("floor"), zhang, { action: "release" })).body.floor, null);
  assert.equal((await relay.call("POST", at("floor"), lead, { action: "take" })).body.id, null);

  assert.equal((await relay.call("POST", at("mode"), lead, { mode: "interact" })).body.mode, "interact");
  refused(await relay.call("POST", at("mode"), li, { mode: "lecture" }), 403, "wrong-role");
  refused(await relay.call("POST", at("mode"), lead, { mode: "party" }), 422, "invalid", "mode");
  const mode = await events.until((e) => e.event === "mode");
  assert.ok(mode.data.clock_ms >= 0);
  const ids = events.seen.filter((e) => e.id !== null && e.event !== "snapshot").map((e) => e.id);
  assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
  assert.equal(new Set(ids).size, ids.length);
  events.close();
});

test("before the start and after the end nobody acts", async () => {
  const id = await lesson({ start: false });
  refused(await relay.call("POST", `/api/v1/lessons/${id}/hand`, li, { up: true }), 409, "lesson-not-running");
  await relay.call("POST", `/api/v1/lessons/${id}/start`, lead);
  await relay.call("POST", `/api/v1/lessons/${id}/hand`, li, { up: true });
  await relay.call("POST", `/api/v1/lessons/${id}/floor`, lead, { action: "call_on", site: "A" });
  await relay.call("POST", `/api/v1/lessons/${id}/end`, lead);
  refused(await relay.call("POST", `/api/v1/lessons/${id}/mode`, lead, { mode: "interact" }), 409, "lesson-ended");
  const state = (await relay.call("GET", `/api/v1/lessons/${id}/state`, lead)).body;
  assert.equal(state.floor, null);
  assert.deepEqual(state.hands, []);
});

test("marks and messages reach those they are for", async () => {
  const id = await lesson();
  const at = (what) => `/api/v1/lessons/${id}/${what}`;
  const mark = await relay.call("POST", at("marks"), lead, { kind: "question", text: "为什么?", clock_ms: 0 });
  assert.equal(mark.status, 201);
  assert.equal(mark.body.mark.clock_ms, 0);
  assert.equal(mark.body.mark.private, false);
  const remark = await relay.call("POST", at("marks"), observer, { kind: "highlight", text: "好" });
  assert.equal(remark.body.mark.private, true);
  refused(await relay.call("POST", at("marks"), lead, { clock_ms: 1e9 }), 422, "invalid", "clock_ms");
  refused(await relay.call("POST", at("marks"), lead, { kind: "x" }), 422, "invalid", "kind");
  const texts = async (what, token) => (await relay.call("GET", at(what), token)).body[what].map((m) => m.text);
  assert.deepEqual(await texts("marks", li), ["为什么?"]);
  assert.deepEqual(await texts("marks", lead), ["为什么?"]);
  assert.deepEqual(await texts("marks", observer), ["为什么?", "好"]);

  assert.equal((await relay.call("POST", at("messages"), li, { text: "一", to: "lead" })).status, 201);
  assert.equal((await relay.call("POST", at("messages"), li, { to: "lead", kind: "slow" })).status, 201);
  assert.equal((await relay.call("POST", at("messages"), lead, { text: "三", to: "site/A" })).status, 201);
  assert.equal((await relay.call("POST", at("messages"), lead, { text: "四" })).status, 201);
  assert.equal((await relay.call("POST", at("messages"), student, { text: "五", to: "lead" })).status, 201);
  refused(await relay.call("POST", at("messages"), student, { text: "x" }), 403, "wrong-role", "to");
  refused(await relay.call("POST", at("messages"), observer, { text: "x" }), 403, "wrong-role");
  refused(await relay.call("POST", at("messages"), lead, { text: "" }), 422, "invalid", "text");
  refused(await relay.call("POST", at("messages"), lead, { text: "x", to: "site/Z" }), 422, "unknown-site", "to");
  assert.deepEqual(await texts("messages", lead), ["一", "", "三", "四", "五"]);
  assert.deepEqual(await texts("messages", li), ["一", "", "四"]);
  assert.deepEqual(await texts("messages", zhang), ["三", "四"]);
  assert.deepEqual(await texts("messages", student), ["四", "五"]);
  await relay.call("POST", at("end"), lead);
  assert.deepEqual(await texts("marks", lead), ["为什么?", "好"]);
  assert.deepEqual(await texts("marks", li), ["为什么?"]);
});

test("one person cannot flood a lesson", async () => {
  const id = await lesson();
  const busy = relay.token("assistant", { sub: "busy", site: "A" });
  const codes = await Promise.all(Array.from({ length: 30 }, () =>
    relay.call("POST", `/api/v1/lessons/${id}/messages`, busy, { text: "x", to: "lead" }).then((a) => a.status)));
  assert.ok(codes.filter((c) => c === 201).length <= 20);
  assert.ok(codes.includes(429));
});

test("a poll is asked, answered and closed", async () => {
  const id = await lesson();
  const at = (what) => `/api/v1/lessons/${id}/${what}`;
  refused(await relay.call("POST", at("polls"), li, { question: "?", options: ["a", "b"] }), 403, "wrong-role");
  refused(await relay.call("POST", at("polls"), lead, { question: "?", options: ["a"] }), 422, "invalid", "options");
  refused(await relay.call("POST", at("polls"), lead, { question: "?", options: ["a", 1] }), 422, "invalid", "options[1]");
  const asked = await relay.call("POST", at("polls"), lead, { question: "会了吗?", options: ["会", "不会"] });
  assert.equal(asked.status, 201);
  const n = asked.body.poll.id;
  const vote = (t, body) => relay.call("POST", at(`polls/${n}/votes`), t, body);
  assert.equal((await vote(li, { counts: [3, 9] })).body.mine[1], 9);
  assert.equal((await vote(li, { counts: [4, 8] })).body.totals, null);
  assert.equal((await vote(student, { option: 0 })).status, 200);
  refused(await vote(li, { counts: [1] }), 422, "invalid", "counts");
  refused(await vote(li, { counts: [1, -1] }), 422, "invalid", "counts");
  refused(await vote(student, { option: 2 }), 422, "invalid", "option");
  refused(await vote(observer, { option: 1 }), 403, "wrong-role");
  const seen = (await relay.call("GET", at("polls"), lead)).body.polls[0];
  assert.deepEqual([seen.totals, seen.sites], [[5, 8], { B: [4, 8] }]);
  assert.equal((await relay.call("GET", at("polls"), li)).body.polls[0].totals, null);
  assert.deepEqual((await relay.call("POST", at(`polls/${n}/close`), lead)).body.totals, [5, 8]);
  refused(await vote(li, { counts: [0, 0] }), 409, "poll-closed");
  refused(await relay.call("POST", at("polls/99999/votes"), li, { counts: [0, 0] }), 404, "not-found");
  assert.deepEqual((await relay.call("GET", at("polls"), li)).body.polls[0].totals, [5, 8]);
});

test("a lost stream goes on where it was", async () => {
  const id = await lesson();
  const at = (what) => `/api/v1/lessons/${id}/${what}`;
  const one = relay.events(id, lead);
  const start = await one.until((e) => e.event === "snapshot");
  one.close();
  await relay.call("POST", at("marks"), lead, { text: "一" });
  await relay.call("POST", at("mode"), lead, { mode: "interact" });
  const two = relay.events(id, lead, { "Last-Event-ID": String(start.id) });
  const snapshot = await two.until((e) => e.event === "snapshot");
  assert.deepEqual(two.seen.map((e) => e.event), ["mark", "mode", "snapshot"]);
  assert.equal(snapshot.data.mode, "interact");
  assert.equal(snapshot.id, two.seen[1].id);
  two.close();
  const future = relay.events(id, lead, { "Last-Event-ID": "999999" });
  await future.until((e) => e.event === "snapshot");
  assert.equal(future.seen[0].event, "snapshot");
  future.close();
  refused(await relay.call("GET", at("events"), lead, undefined, { "Last-Event-ID": "x" }), 400, "bad-request", "Last-Event-ID");
});

test("a ticket opens events and nothing else", async () => {
  const id = await lesson();
  const { body } = await relay.call("POST", "/api/v1/tickets", li);
  const answer = await fetch(`${relay.url}/api/v1/lessons/${id}/events?ticket=${body.ticket}`);
  assert.equal(answer.status, 200);
  await answer.body.cancel();
  refused(await relay.call("GET", "/api/v1/me", body.ticket), 401, "bad-token");
  refused(await relay.call("GET", `/api/v1/lessons/${id}/events`), 401, "no-token");
});

test("publishing: an offer is answered, sources are checked, one publisher a source", async () => {
  const id = await lesson();
  const whip = (query, token, sdp = shortened(offer("chromium-simulcast"), {})) => relay.call("POST", `/whip/${id}${query}`, token, sdp, SDP);
  const made = await whip("?sources=camera&client=room-1", lead);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.equal(made.type, "application/sdp");
  assert.match(made.body, /a=setup:passive/);
  assert.match(made.body, /a=candidate/);
  assert.match(made.headers.get("location"), new RegExp(`^/whip/${id}/[\\w-]{22}$`));
  assert.equal(made.headers.get("etag"), '"k1"');

  refused(await whip("?sources=class", lead), 403, "wrong-role", "sources[0]");
  refused(await whip("?sources=camera", li), 403, "wrong-role", "sources[0]");
  refused(await whip("?sources=telescope", lead), 422, "unknown-source", "sources[0]");
  refused(await whip("?sources=camera,camera", lead), 422, "invalid", "sources[1]");
  refused(await whip("?sources=camera,slides", lead), 422, "invalid", "sources");
  refused(await whip("?client=a%20b", lead), 422, "invalid", "client");
  for (const t of [observer, student, admin]) refused(await whip("", t), 403, "wrong-role");
  refused(await whip("", lead, "hello"), 422, "bad-sdp");
  refused(await whip("", lead, "v=0\r\n"), 422, "bad-sdp");
  refused(await whip("", lead, ""), 422, "bad-sdp");
  refused(await relay.call("POST", `/whip/${id}`, lead, offer("chromium-simulcast"), { "Content-Type": "text/plain" }), 415, "wrong-type");
  refused(await relay.call("POST", "/whip/nothing", lead, offer("chromium-simulcast"), SDP), 404, "not-found");
  refused(await relay.call("POST", `/whip/${id}`, relay.token("lead", { site: "S0", lesson: "other" }), offer("chromium-simulcast"), SDP), 403, "wrong-lesson");

  const twin = await whip("?sources=camera&client=room-1", lead);
  assert.equal(twin.status, 201, "the same program takes over from itself");
  refused(await relay.call("DELETE", made.headers.get("location"), lead), 404, "not-found");
  refused(await relay.call("DELETE", twin.headers.get("location"), li), 404, "not-found");
  assert.equal((await relay.call("DELETE", twin.headers.get("location"), lead)).status, 200);
  refused(await relay.call("DELETE", twin.headers.get("location"), lead), 404, "not-found");
});

test("a voice alone may be published, nothing at all may not", async () => {
  const id = await lesson();
  const voice = shortened(offer("chromium-simulcast"), { videos: 0 });
  const made = await relay.call("POST", `/whip/${id}`, li, voice, SDP);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const members = (await relay.call("GET", `/api/v1/lessons/${id}/state`, lead)).body.members;
  assert.deepEqual(members[0].sources, ["voice"]);
  refused(await relay.call("POST", `/whip/${id}`, zhang, shortened(offer("chromium-simulcast"), { audio: false, videos: 0 }), SDP), 422, "bad-sdp");
});

test("playing: slots are chosen, moved and checked", async () => {
  const id = await lesson();
  const whep = (query, token) => relay.call("POST", `/whep/${id}${query}`, token, offer("chromium-play"), SDP);
  const lines = (offer("chromium-play").match(/^m=video/gm) ?? []).length;
  const made = await whep("?slots=floor", observer);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.match(made.headers.get("link"), /slots>; rel="urn:liangshi:rel:slots"/);
  const at = made.headers.get("location");
  const fill = (word) => [word, ...Array(lines - 1).fill("off")];
  const moved = await relay.call("PUT", `${at}/slots`, observer, { slots: fill("wall/2") });
  assert.deepEqual(moved.body.slots, fill("wall/2"));
  assert.equal((await relay.call("PUT", `${at}/slots`, observer, { slots: fill("site/B") })).status, 200);
  refused(await relay.call("PUT", `${at}/slots`, observer, { slots: fill("wall/3") }), 422, "unknown-slot", "slots[0]");
  refused(await relay.call("PUT", `${at}/slots`, observer, { slots: fill("wall/0") }), 422, "unknown-slot", "slots[0]");
  refused(await relay.call("PUT", `${at}/slots`, observer, { slots: fill("site/Z") }), 422, "unknown-site", "slots[0]");
  refused(await relay.call("PUT", `${at}/slots`, observer, { slots: fill("sofa") }), 422, "unknown-slot", "slots[0]");
  refused(await relay.call("PUT", `${at}/slots`, observer, { slots: [] }), 422, "invalid", "slots");
  refused(await relay.call("PUT", `${at}/slots`, observer, { slots: fill(7) }), 422, "invalid", "slots[0]");
  refused(await whep("?slots=tv", observer), 422, "unknown-slot", "slots[0]");
  refused(await whep("?slots=site/B", student), 403, "wrong-role", "slots[0]");
  refused(await whep("?slots=" + Array(lines + 1).fill("camera").join(","), observer), 422, "unknown-slot", `slots[${lines}]`);
  assert.equal((await whep("?slots=camera", student)).status, 201);
  const planned = await lesson({ start: false });
  const early = (t) => relay.call("POST", `/whep/${planned}`, t, offer("chromium-play"), SDP);
  refused(await early(observer), 409, "lesson-not-running");
  assert.equal((await early(li)).status, 201);
});

test("ICE: candidates are taken, a restart is answered, an old one is refused", async () => {
  const id = await lesson();
  const FRAG = { "Content-Type": "application/trickle-ice-sdpfrag" };
  const made = await relay.call("POST", `/whep/${id}`, observer, offer("chromium-play"), SDP);
  const at = made.headers.get("location");
  const ufrag = offer("chromium-play").match(/a=ice-ufrag:(\S+)/)[1];
  const mid = offer("chromium-play").match(/a=mid:(\S+)/)[1];
  const trickle = `a=ice-ufrag:${ufrag}\r\na=ice-pwd:x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:${mid}\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n`;
  assert.equal((await relay.call("PATCH", at, observer, trickle, FRAG)).status, 204);
  const again = `a=ice-ufrag:abcdEFGH\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:${mid}\r\n`;
  const restarted = await relay.call("PATCH", at, observer, again, { ...FRAG, "If-Match": '"k1"' });
  assert.equal(restarted.status, 200, JSON.stringify(restarted.body));
  assert.equal(restarted.headers.get("etag"), '"k2"');
  assert.match(restarted.body, /a=ice-ufrag:/);
  refused(await relay.call("PATCH", at, observer, again.replace("EFGH", "WXYZ"), { ...FRAG, "If-Match": '"k1"' }), 412, "etag-mismatch", "If-Match");
  refused(await relay.call("PATCH", at, observer, again, { "Content-Type": "application/sdp" }), 415, "wrong-type");
});

test("members come and go where they may be seen", async () => {
  const id = await lesson();
  const forLead = relay.events(id, lead);
  const forLi = relay.events(id, li);
  await forLead.until((e) => e.event === "snapshot");
  await forLi.until((e) => e.event === "snapshot");
  const made = await relay.call("POST", `/whep/${id}`, observer, offer("chromium-play"), SDP);
  const came = await forLead.until((e) => e.event === "member" && e.data.member.sub === "chen");
  assert.equal(came.data.member.state, "connecting");
  await relay.call("DELETE", made.headers.get("location"), observer);
  await forLead.until((e) => e.event === "member" && e.data.member.state === "gone");
  await relay.call("POST", `/api/v1/lessons/${id}/mode`, lead, { mode: "interact" });
  await forLi.until((e) => e.event === "mode");
  assert.ok(!forLi.seen.some((e) => e.event === "member"), "the class sees no observer");
  await relay.call("POST", `/whip/${id}`, zhang, shortened(offer("chromium-simulcast"), {}), SDP);
  const site = await forLi.until((e) => e.event === "site" && e.data.site.id === "A" && e.data.site.state === "connecting");
  assert.equal(site.data.site.people[0].sub, "zhang");
  forLead.close();
  forLi.close();
});

test("kill -9 forgets nothing", async () => {
  const own = await new Relay().start();
  try {
    const t = { admin: own.token("admin"), lead: own.token("lead", { site: "S0" }), b: own.token("assistant", { site: "B" }) };
    const at = (what) => `/api/v1/lessons/K1/${what}`;
    await own.call("POST", "/api/v1/lessons", t.admin, { id: "K1", title: "x", lead_site: "S0", points: ["A", "B"] });
    await own.call("POST", at("start"), t.lead);
    await own.call("POST", at("mode"), t.lead, { mode: "interact" });
    await own.call("POST", at("hand"), t.b, { up: true });
    await own.call("POST", at("floor"), t.lead, { action: "call_on", site: "A" });
    await own.call("POST", at("messages"), t.b, { text: "在", to: "lead" });
    const before = await own.call("POST", at("marks"), t.lead, { text: "记号" });
    await own.stop("SIGKILL");
    const began = Date.now();
    await own.start();
    const state = (await own.call("GET", at("state"), t.lead)).body;
    assert.ok(Date.now() - began < 5000);
    assert.deepEqual([state.lesson.state, state.mode, state.floor], ["running", "interact", "A"]);
    assert.deepEqual(state.hands.map((h) => [h.site, h.by.role]), [["B", "assistant"]]);
    assert.deepEqual(state.marks.map((m) => m.text), ["记号"]);
    assert.deepEqual(state.messages.map((m) => m.text), ["在"]);
    assert.equal(state.id, before.body.id);
    assert.ok(state.clock_ms >= before.body.clock_ms);
    const missed = own.events("K1", t.lead, { "Last-Event-ID": "1" });
    await missed.until((e) => e.event === "snapshot");
    assert.deepEqual(missed.seen.slice(0, 3).map((e) => e.event), ["lesson", "mode", "hand"]);
    const next = await own.call("POST", at("floor"), t.lead, { action: "take" });
    assert.equal(next.body.id, before.body.id + 1);
    missed.close();
    assert.equal(await own.stop(), 0);
  } finally {
    own.remove();
  }
});

test("pages are served, and nothing beside them", async () => {
  const page = await relay.call("GET", "/");
  assert.equal(page.status, 200);
  assert.match(page.type, /text\/html/);
  assert.match(page.headers.get("content-security-policy"), /default-src 'self'/);
  const etag = page.headers.get("etag");
  assert.equal((await relay.call("GET", "/", null, undefined, { "If-None-Match": etag })).status, 304);
  const raw = (where) => new Promise((done) => {
    const [host, port] = relay.ready.http.split(":");
    const s = net.connect(Number(port), host, () => s.write(`GET ${where} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
    let text = "";
    s.on("data", (d) => { text += d; }).on("close", () => done(text.split("\r\n")[0]));
  });
  for (const bad of ["/../catalogue.db", "/..%2fnode.jwk", "/.git/config", "//etc/passwd", "/js//x", "/%2e%2e/node.jwk", "/js"])
    assert.match(await raw(bad), /404|400/, bad);
});

test("the library serves ranges to holders of a link", async () => {
  const own = await new Relay().start();
  try {
    const t = { admin: own.token("admin"), lead: own.token("lead", { site: "S0" }), other: own.token("lead", { site: "S9" }) };
    assert.deepEqual((await own.call("GET", "/api/v1/resources", t.admin)).body, { total: 0, resources: [] });
    refused(await own.call("GET", "/api/v1/resources/none", t.admin), 404, "not-found");
    refused(await own.call("GET", "/media/1-00/none/x.webm"), 403, "bad-grant");
    refused(await own.call("GET", `/media/99999999999-${"0".repeat(32)}/none/x.webm`), 403, "bad-grant");
    refused(await own.call("GET", "/api/v1/resources?limit=x", t.admin), 422, "invalid", "limit");
    refused(await own.call("GET", "/api/v1/resources", own.token("technician")), 403, "wrong-role");
    await own.call("POST", "/api/v1/lessons", t.admin, { id: "R1", title: "草原上的歌", teacher: "王老师", lead_site: "S0", points: ["A"] });
    await own.call("POST", "/api/v1/lessons/R1/start", t.lead);
    await own.call("POST", "/api/v1/lessons/R1/marks", t.lead, { kind: "chapter", text: "合唱部分" });
    const journal = path.join(own.data, "journal", "R1", "000000.journal");
    const late = Date.now() + 2000; // what is younger than a second may be lost with the process
    while (!existsSync(journal) || !readFileSync(journal).includes("合唱部分")) {
      assert.ok(Date.now() < late, "the journal is written within a second");
      await new Promise((go) => setTimeout(go, 20));
    }
    await own.stop("SIGKILL");
    await own.start();
    const events = own.events("R1", t.lead);
    await own.call("POST", "/api/v1/lessons/R1/marks", t.lead, { kind: "chapter", text: "尾声" });
    assert.equal((await own.call("POST", "/api/v1/lessons/R1/end", t.lead)).body.resource, "R1");
    await events.until((e) => e.event === "lesson" && e.data.by === null, 15000);
    events.close();
    const found = async (q, token = t.lead) => (await own.call("GET", `/api/v1/resources?q=${encodeURIComponent(q)}`, token)).body.resources.map((r) => r.id);
    for (const q of ["草原", "原上", "合唱", "尾声", "王老师", "草原 合唱"]) assert.deepEqual(await found(q), ["R1"], q);
    for (const q of ["草上", "数学", '"', "*", "a OR b", "草原 数学"]) assert.deepEqual(await found(q), [], q);
    assert.deepEqual(await found("草原", t.other), []);
    refused(await own.call("GET", "/api/v1/resources/R1", t.other), 403, "wrong-lesson");
    const one = (await own.call("GET", "/api/v1/resources/R1", t.lead)).body;
    assert.deepEqual([one.state, one.position_ms], ["ready", null]);
    assert.equal((await own.call("PUT", "/api/v1/resources/R1/position", t.lead, { position_ms: 1234 })).body.position_ms, 1234);
    assert.equal((await own.call("GET", "/api/v1/resources/R1/position", t.lead)).body.position_ms, 1234);
    refused(await own.call("PUT", "/api/v1/resources/R1/position", t.lead, { position_ms: -1 }), 422, "invalid", "position_ms");

    const { body } = await own.call("GET", "/api/v1/resources/R1/manifest", t.lead);
    assert.deepEqual(body.manifest.marks.map((m) => m.text), ["合唱部分", "尾声"]);
    assert.deepEqual(body.manifest.gaps.map((g) => g.reason), ["restart"]);
    const file = body.base + body.manifest.chapters;
    const whole = await own.call("GET", file);
    assert.match(whole.type, /text\/vtt/);
    const size = Buffer.byteLength(whole.body);
    const part = (range, more = {}) => own.call("GET", file, null, undefined, { Range: range, ...more });
    const first = await part("bytes=0-5");
    assert.deepEqual([first.status, first.body, first.headers.get("content-range")], [206, "WEBVTT", `bytes 0-5/${size}`]);
    assert.equal((await part("bytes=-4")).headers.get("content-range"), `bytes ${size - 4}-${size - 1}/${size}`);
    assert.equal((await part(`bytes=${size - 1}-`)).headers.get("content-length"), "1");
    refused(await part(`bytes=${size}-`), 416, "bad-range", "Range");
    assert.equal((await part("bytes=0-1,3-4")).status, 200);
    assert.equal((await part("bytes=0-5", { "If-Range": '"old"' })).status, 200);
    assert.equal((await part("bytes=0-5", { "If-Range": whole.headers.get("etag") })).status, 206);
    refused(await own.call("GET", file.replace("R1", "R2")), 403, "bad-grant");
    refused(await own.call("GET", `${body.base}nothing.webm`), 404, "not-found");
    refused(await own.call("GET", `${body.base}..%2f..%2fnode.jwk`), 404, "not-found");
    await own.stop();
  } finally {
    own.remove();
  }
});

test("health, readiness and metrics", async () => {
  assert.equal((await relay.call("GET", "/healthz")).body, "ok\n");
  const ready = await relay.call("GET", "/readyz");
  assert.equal(ready.body.checks.catalogue, "ok");
  const metrics = (await relay.call("GET", "/metrics")).body;
  assert.match(metrics, /^liangshi_lessons\{state="running"\} \d+$/m);
  assert.match(metrics, /^liangshi_media_datagrams_total\{worker="0"\} \d+$/m);
  for (const line of metrics.trim().split("\n"))
    assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [\d.e+-]+)$/);
});

test("HTTPS with a certificate of its own", async () => {
  const ca = readFileSync(path.join(relay.data, "tls.crt"));
  const [host, port] = relay.ready.https.split(":");
  const status = await new Promise((done, failed) => {
    https.get({ host, port, path: "/healthz", ca, servername: "localhost" }, (r) => done(r.statusCode)).on("error", failed);
  });
  assert.equal(status, 200);
});

test("wrong command lines get one line and code 2", () => {
  for (const args of [["--bogus"], ["--http"], ["serve"], ["--http", "nonsense"], ["--http", "0.0.0.0:1"], ["--workers", "x"],
    ["--workers", "99"], ["token"], ["token", "--role", "king"], ["token", "--role", "lead"], ["token", "--role", "admin", "--ttl", "1y"],
    ["token", "--role", "admin", "--lesson", "a b"], ["check-config", "--role", "lead"], ["check-config", "--config", "/nonexistent"]]) {
    const done = run(...args);
    assert.equal(done.code, 2, args.join(" "));
    assert.equal(done.err.trim().split("\n").length, 1, done.err);
    assert.match(done.err, /^liangshi-relay: .{10,}/);
  }
  assert.equal(run("--help").code, 0);
  assert.match(run("--version").out, /^liangshi-relay \d/);
});

test("a busy port, a second relay, a damaged catalogue and key each get one clear line", async () => {
  const own = new Relay();
  const start = (data, ...more) => run("--data", data, "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--media", "127.0.0.1:0", "--workers", "1", ...more);
  try {
    const busy = start(own.data, "--http", relay.ready.http);
    assert.equal(busy.code, 1);
    assert.match(busy.err, /TCP .* is in use/);
    const udp = start(own.data, "--media", relay.ready.media);
    assert.equal(udp.code, 1);
    assert.match(udp.err, /UDP .* is in use/);
    const second = start(relay.data);
    assert.equal(second.code, 1);
    assert.match(second.err, /another relay uses/);
    writeFileSync(path.join(own.data, "catalogue.db"), "this is not a database, it is a poem ".repeat(100));
    const damaged = start(own.data);
    assert.equal(damaged.code, 1);
    assert.match(damaged.err, /catalogue .* is damaged/);
    writeFileSync(path.join(own.data, "node.jwk"), "{}");
    const key = start(own.data);
    assert.equal(key.code, 1);
    assert.match(key.err, /node\.jwk is not an EC key/);
    const nowhere = start("/proc/none/such");
    assert.equal(nowhere.code, 1);
    assert.equal(nowhere.err.trim().split("\n").length, 1);
  } finally {
    own.remove();
  }
});
