/* turn.test.mjs - Chromium with our pages' own code where only a TURN server (coturn) leads to the relay. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launch, missing } from '../web/browsers.js';
import { LESSON, Relay, noRelay } from '../web/relay.js';
import { until } from './wait.mjs';

const SECRET = 'north-of-the-river';
const PORT = 13478;

/** The direct ways are shut: what a browser sends goes by TURN or not at all. */
function shut() {
    const Real = window.RTCPeerConnection;
    window.made = [];
    window.RTCPeerConnection = class extends Real {
        constructor(conf) {
            super({ ...conf, iceTransportPolicy: 'relay' });
            window.made.push(this);
        }
    };
}

for (const transport of ['udp', 'tcp'])
    describe(`chromium by TURN over ${transport}`, { skip: noRelay ?? missing('chromium') ?? false }, () => through(transport));

function through(transport) {
    const relay = new Relay();
    const folder = mkdtempSync(join(tmpdir(), 'liangshi-turn-'));
    let log = '';
    let coturn;
    let browser;
    let page;

    before(async () => {
        assert.equal(spawnSync('which', ['turnserver']).status, 0, 'no coturn here: scripts/setup test');
        const conf = join(folder, 'coturn.conf');
        writeFileSync(conf, `listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nlistening-port=${PORT}\nmin-port=14000\nmax-port=14999\n`
            + `realm=liangshi\nuse-auth-secret\nstatic-auth-secret=${SECRET}\nuserdb=${join(folder, 'db')}\npidfile=${join(folder, 'pid')}\n`
            + 'log-file=stdout\nsimple-log\nverbose\nno-cli\nno-tls\nno-dtls\nallow-loopback-peers\n');
        coturn = spawn('turnserver', ['-c', conf], { stdio: ['ignore', 'pipe', 'inherit'] });
        coturn.stdout.on('data', (d) => { log += d; });
        await until('coturn listens', 20_000, async () => ({
            ok: execFileSync('ss', ['-Hltn', 'sport', '=', `${PORT}`]).length > 0, seen: log.slice(-300) }));
        appendFileSync(relay.conf, `turn:\n  - url: "turn:127.0.0.1:${PORT}?transport=${transport}"\n    secret: "${SECRET}"\n`);
        await relay.start();
        browser = await launch('chromium');
        page = await (await browser.createBrowserContext()).newPage();
        await page.evaluateOnNewDocument(shut);
        await page.goto(`${relay.url}/index.html`);
    }, { timeout: 120_000 });

    after(async () => {
        await browser?.close();
        await relay.stop();
        coturn?.kill('SIGKILL');
        rmSync(folder, { recursive: true, force: true });
    });

    test('a lead publishes and a point plays', { timeout: 120_000 }, async () => {
        const { id } = await relay.call('POST', '/api/v1/lessons', relay.token('admin'), LESSON);
        const lead = relay.token('lead', { lesson: id, site: 'S0', sub: 'wang' });
        const point = relay.token('assistant', { lesson: id, site: 'A', sub: 'li' });
        await relay.call('POST', `/api/v1/lessons/${id}/start`, lead);
        await page.evaluate(async (lesson, from, to) => {
            const { Api } = await import('/js/api.js');
            const { Whip } = await import('/js/whip.js');
            const { Whep } = await import('/js/whep.js');
            const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
            const [voice] = media.getAudioTracks();
            const [track] = media.getVideoTracks();
            window.whip = new Whip(new Api(from), lesson, { media: () => ({ voice, pictures: [{ source: 'camera', track }] }) });
            window.whip.start();
            window.whep = new Whep(new Api(to), lesson, { slots: ['camera'], voices: 1, onVideo() {}, onAudio() {} });
            window.whep.start();
        }, id, lead, point);
        const look = () => page.evaluate(async () => {
            const seen = { frames: 0, packets: 0, relayed: 0 };
            for (const pc of window.made) {
                const stats = await pc.getStats();
                for (const r of stats.values()) {
                    if (r.type === 'inbound-rtp' && r.kind === 'video')
                        seen.frames = Math.max(seen.frames, r.framesDecoded ?? 0);
                    if (r.type === 'inbound-rtp' && r.kind === 'audio')
                        seen.packets = Math.max(seen.packets, r.packetsReceived);
                    if (r.type === 'candidate-pair' && r.nominated && stats.get(r.localCandidateId)?.candidateType === 'relay')
                        seen.relayed++;
                }
            }
            return seen;
        });
        await until('100 frames and a second of voice, by TURN', 60_000, async () => {
            const seen = await look();
            return { ok: seen.frames > 100 && seen.packets > 50 && seen.relayed >= 2, seen: JSON.stringify(seen) };
        });
        assert.match(log, /ALLOCATE processed, success/);
        assert.equal(await page.evaluate(() => window.made.length), 2, 'the first connections held');
    });
}
