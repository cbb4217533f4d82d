// relay.mjs - a real relay for a test: its own data directory, ports of the system's choice.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createInterface } from "node:readline";
import os from "node:os";
import path from "node:path";

export const RELAY = process.env.RELAY;

export function run(...args) {
  const done = spawnSync(RELAY, args, { encoding: "utf8" });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

export class Relay {
  constructor(data = mkdtempSync(path.join(os.tmpdir(), "liangshi-api-"))) {
    this.data = data;
    this.log = "";
  }

  /** Starts the program and waits for its line "ready …". */
  async start(...more) {
    this.child = spawn(RELAY, ["--data", this.data, "--http", "127.0.0.1:0", "--https", "127.0.0.1:0",
      "--media", "127.0.0.1:0", "--workers", "1", "--web", process.env.WEB, "--lib", process.env.WEB, ...more]);
    this.child.stderr.on("data", (d) => { this.log += d; });
    const lines = createInterface({ input: this.child.stdout });
    const [line] = await Promise.race([once(lines, "line"),
      once(this.child, "exit").then(() => { throw new Error(`the relay ended: ${this.log}`); })]);
    this.ready = Object.fromEntries(line.split(" ").slice(1).map((w) => w.split("=")));
    this.url = `http://${this.ready.http}`;
    return this;
  }

  async stop(signal = "SIGTERM") {
    const gone = once(this.child, "exit");
    this.child.kill(signal);
    return (await gone)[0];
  }

  remove() {
    rmSync(this.data, { recursive: true, force: true });
  }

  token(role, { sub = role, site, lesson, ttl = "1h", name = sub } = {}) {
    const args = ["token", "--data", this.data, "--role", role, "--sub", sub, "--ttl", ttl, "--name", name];
    if (site) args.push("--site", site);
    if (lesson) args.push("--lesson", lesson);
    const done = run(...args);
    if (done.code !== 0) throw new Error(done.err);
    return done.out.trim();
  }

  /** One call; the answer's body is parsed if it is JSON. */
  async call(method, where, token, body, headers = {}) {
    const h = { ...headers };
    if (token) h.Authorization = `Bearer ${token}`;
    if (body !== undefined && !h["Content-Type"]) h["Content-Type"] = "application/json";
    const text = body === undefined || typeof body === "string" || Buffer.isBuffer(body)
      ? body : JSON.stringify(body);
    const answer = await fetch(this.url + where, { method, headers: h, body: text });
    const got = await answer.text();
    const type = answer.headers.get("content-type") ?? "";
    return { status: answer.status, headers: answer.headers, type,
      body: /json/.test(type) && got ? JSON.parse(got) : got };
  }

  /** Follows events; `until(test)` resolves with the first event for which test is true. */
  events(lesson, token, headers = {}) {
    return new Events(`${this.url}/api/v1/lessons/${lesson}/events`,
      { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...headers });
  }
}

export class Events {
  constructor(url, headers) {
    this.seen = [];
    this.waiting = [];
    this.stop = new AbortController();
    this.done = this.read(url, headers).catch((e) => { this.error = e; this.wake(); });
  }

  async read(url, headers) {
    const answer = await fetch(url, { headers, signal: this.stop.signal });
    this.status = answer.status;
    let text = "";
    for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
      text += part;
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2))
        this.take(text.slice(0, end));
    }
    this.ended = true;
    this.wake();
  }

  take(block) {
    const e = {};
    for (const line of block.split("\n")) {
      const at = line.indexOf(":");
      if (at > 0) e[line.slice(0, at)] = line.slice(at + 1).trimStart();
    }
    if (!e.event) return;
    this.seen.push({ event: e.event, id: e.id === undefined ? null : Number(e.id), data: JSON.parse(e.data) });
    this.wake();
  }

  wake() {
    for (const w of this.waiting.splice(0)) w();
  }

  async until(test, ms = 5000) {
    const late = Date.now() + ms;
    for (;;) {
      const found = this.seen.find(test);
      if (found) return found;
      if (this.error) throw this.error;
      if (Date.now() > late)
        throw new Error(`not told in ${ms} ms; told: ${this.seen.map((e) => e.event).join(" ")}`);
      await Promise.race([new Promise((go) => this.waiting.push(go)),
        new Promise((go) => setTimeout(go, 100))]);
    }
  }

  close() {
    this.stop.abort();
  }
}
