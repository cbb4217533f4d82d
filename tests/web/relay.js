/* relay.js - a real relay on loopback, with a data directory of its own, for the length of a test. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BIN = process.env.LIANGSHI_RELAY ?? '';

/** Why no relay can be started; null: it can. */
export const noRelay = BIN ? null : 'LIANGSHI_RELAY does not name the program';

export class Relay {
    /** @param {string} [web] folder of the pages that are served */
    constructor(web = join(ROOT, 'client/web')) {
        this.web = web;
        this.data = mkdtempSync(join(tmpdir(), 'liangshi-web-'));
        this.conf = join(this.data, 'relay.yaml');
        writeFileSync(this.conf, `packager: "${process.env.LIANGSHI_PACKAGE ?? 'liangshi-package'}"\n`);
        this.http = '127.0.0.1:0';
        this.https = ''; // none
        this.media = process.env.LIANGSHI_MEDIA ?? '127.0.0.1:0';
        /** @type {import('node:child_process').ChildProcess | null} */
        this.child = null;
    }

    get url() {
        return `http://${this.http}`;
    }

    /** Starts, or starts again on the same addresses. */
    async start() {
        const child = spawn(BIN, ['--config', this.conf, '--data', this.data, '--http', this.http, '--media', this.media,
            ...(this.https ? ['--https', this.https] : []),
            '--workers', '1', '--web', this.web,
            '--lib', join(ROOT, 'node_modules/shaka-player/dist')], { stdio: ['ignore', 'pipe', 'inherit'] });
        this.child = child;
        const line = await new Promise((resolve, reject) => {
            const lines = createInterface({ input: /** @type {import('node:stream').Readable} */ (child.stdout) });
            lines.on('line', (l) => l.startsWith('ready ') && resolve(l));
            child.on('exit', (code) => reject(new Error(`the relay ended with ${code}`)));
        });
        this.https = /https=(\S+)/.exec(line)?.[1] ?? this.https;
        this.http = / http=(\S+)/.exec(line)?.[1] ?? this.http;
        this.media = /media=(\S+)/.exec(line)?.[1] ?? this.media;
    }

    /** @param {NodeJS.Signals} signal */
    async kill(signal) {
        const { child } = this;
        if (!child || child.exitCode !== null || child.signalCode !== null)
            return;
        child.removeAllListeners('exit');
        const gone = new Promise((resolve) => child.on('exit', resolve));
        child.kill(signal);
        await gone;
    }

    async stop() {
        await this.kill('SIGTERM');
        rmSync(this.data, { recursive: true, force: true });
    }

    /** @param {string} role @param {Record<string, string>} [more] options of the token command */
    token(role, more = {}) {
        const options = Object.entries(more).flatMap(([k, v]) => [`--${k}`, v]);
        return execFileSync(BIN, ['token', '--data', this.data, '--role', role, ...options], { encoding: 'utf8' }).trim();
    }

    /** @param {string} page @param {string} token @param {string} [lesson] */
    link(page, token, lesson) {
        return `${this.url}/${page}#${lesson ? `lesson=${lesson}&` : ''}token=${token}`;
    }

    /** @param {string} method @param {string} path @param {string} token @param {unknown} [body] @returns {Promise<any>} */
    async call(method, path, token, body) {
        const answer = await fetch(this.url + path, {
            method, headers: { Authorization: `Bearer ${token}`, ...(body ? { 'Content-Type': 'application/json' } : {}) },
            body: body ? JSON.stringify(body) : undefined,
        });
        const got = await answer.json();
        if (!answer.ok)
            throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(got)}`);
        return got;
    }
}

/** A lesson as the tests teach it. */
export const LESSON = {
    title: '草原上的歌', subject: 'music', grade: '5', teacher: '王老师',
    lead_site: { id: 'S0', name: '中心校' },
    points: [{ id: 'A', name: '上河教学点' }, { id: 'B', name: '下河教学点' }],
};
