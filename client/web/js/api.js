/* api.js - calls to the relay: docs/http-api.md in functions. */

/** An answer that is not a success: RFC 9457. */
export class Problem extends Error {
    /** @param {number} status @param {{type?: string, title?: string, detail?: string, field?: string}} body */
    constructor(status, body) {
        super(body.detail || body.title || `HTTP ${status}`);
        this.name = 'Problem';
        this.status = status;
        this.type = (body.type ?? '').replace(/^urn:liangshi:problem:/, '');
        this.field = body.field ?? '';
    }
}

export class Api {
    /**
     * @param {string | null} token
     * @param {string} [base] origin of the relay
     * @param {typeof fetch} [http]
     */
    constructor(token, base = globalThis.location?.origin ?? '', http = globalThis.fetch) {
        this.token = token;
        this.base = base;
        this.http = http.bind(globalThis);
    }

    /**
     * @param {string} method @param {string} path
     * @param {{json?: unknown, sdp?: string, type?: string, headers?: Record<string, string>,
     *          signal?: AbortSignal, keepalive?: boolean}} [opt]
     * @returns {Promise<Response>} never one that failed: that is a Problem
     */
    async call(method, path, opt = {}) {
        /** @type {Record<string, string>} */
        const headers = { ...opt.headers };
        if (this.token)
            headers.Authorization = `Bearer ${this.token}`;
        let body;
        if (opt.json !== undefined) {
            headers['Content-Type'] = 'application/json';
            body = JSON.stringify(opt.json);
        } else if (opt.sdp !== undefined) {
            headers['Content-Type'] = opt.type ?? 'application/sdp';
            body = opt.sdp;
        }
        const answer = await this.http(new URL(path, this.base), {
            method, headers, body, signal: opt.signal, keepalive: opt.keepalive, cache: 'no-store',
        });
        if (!answer.ok)
            throw new Problem(answer.status, await problemBody(answer));
        return answer;
    }

    /** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
    async get(path, signal) {
        return (await this.call('GET', path, { signal })).json();
    }

    /** @param {string} path @param {unknown} [json] @returns {Promise<any>} */
    async post(path, json) {
        return (await this.call('POST', path, { json })).json();
    }

    /** @param {string} path @param {unknown} json @param {{keepalive?: boolean}} [opt] @returns {Promise<any>} */
    async put(path, json, opt = {}) {
        return (await this.call('PUT', path, { json, ...opt })).json();
    }

    /** A session is left; nobody waits for the answer, not even when the page is being closed.
     * @param {string} path */
    leave(path) {
        this.call('DELETE', path, { keepalive: true }).catch(() => {});
    }
}

/** @param {Response} answer */
async function problemBody(answer) {
    try {
        return await answer.json();
    } catch {
        return { title: answer.statusText };
    }
}

/** The calls of one lesson, by what people do. */
export class LessonApi {
    /** @param {Api} api @param {string} id */
    constructor(api, id) {
        this.api = api;
        this.id = id;
        this.path = `/api/v1/lessons/${encodeURIComponent(id)}`;
    }

    get() {
        return this.api.get(this.path);
    }
    state() {
        return this.api.get(`${this.path}/state`);
    }
    start() {
        return this.api.post(`${this.path}/start`);
    }
    end() {
        return this.api.post(`${this.path}/end`);
    }
    /** @param {boolean} up @param {string} [site] */
    hand(up, site) {
        return this.api.post(`${this.path}/hand`, site ? { up, site } : { up });
    }
    /** @param {'give' | 'call_on' | 'take' | 'release'} action @param {string} [site] */
    floor(action, site) {
        return this.api.post(`${this.path}/floor`, site ? { action, site } : { action });
    }
    /** @param {'lecture' | 'interact'} mode */
    mode(mode) {
        return this.api.post(`${this.path}/mode`, { mode });
    }
    /** @param {string} kind @param {string} text @param {number} [clockMs] */
    mark(kind, text, clockMs) {
        return this.api.post(`${this.path}/marks`,
            clockMs === undefined ? { kind, text } : { kind, text, clock_ms: Math.floor(clockMs) });
    }
    /** @param {string} text @param {string} to @param {string} [kind] */
    message(text, to, kind = 'text') {
        return this.api.post(`${this.path}/messages`, { text, to, kind });
    }
}
