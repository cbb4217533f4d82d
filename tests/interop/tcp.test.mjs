/* tcp.test.mjs - where UDP is shut, media goes through the port of HTTPS; who knocks there with anything else
 * is shown out, and nobody in the lesson notices. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import https from 'node:https';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, missing } from '../web/browsers.js';
import { LESSON, Relay, noRelay } from '../web/relay.js';
import { until } from './wait.mjs';

for (const name of ['chromium', 'firefox'])
    describe(`${name} by TCP alone`, { skip: noRelay ?? missing(name) ?? false }, () => alone(name));

/** A binding request for a member that is not there, well formed but for integrity and fingerprint. */
function check(user) {
    const name = Buffer.from(user);
    const padded = Buffer.concat([name, Buffer.alloc(-name.length & 3)]);
    const m = Buffer.alloc(24);
    m.writeUInt16BE(1, 0);
    m.writeUInt16BE(4 + padded.length, 2);
    m.writeUInt32BE(0x2112a442, 4);
    m.writeUInt16BE(6, 20);
    m.writeUInt16BE(name.length, 22);
    return Buffer.concat([m, padded]);
}

/** The same with integrity by a password and a fingerprint: all that can be seen of it before the member is known is right. */
function signed(user) {
    const bare = check(user);
    bare.writeUInt16BE(bare.length - 20 + 24, 2);
    const mac = createHmac('sha1', 'a-password-of-22-chars').update(bare).digest();
    const whole = Buffer.concat([bare, Buffer.from([0, 8, 0, 20]), mac]);
    whole.writeUInt16BE(whole.length - 20 + 8, 2);
    const tail = Buffer.from([0x80, 0x28, 0, 4, 0, 0, 0, 0]);
    tail.writeUInt32BE((crc32(whole) ^ 0x5354554e) >>> 0, 4);
    return Buffer.concat([whole, tail]);
}

function crc32(bytes) {
    let c = 0xffffffff;
    for (const b of bytes) {
        c ^= b;
        for (let i = 0; i < 8; i++)
            c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    }
    return (c ^ 0xffffffff) >>> 0;
}

function framed(body, length = body.length) {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(length);
    return Buffer.concat([head, body]);
}

const BAD = {
    'a null packet': framed(Buffer.alloc(0)),
    'a length of 65535': framed(Buffer.alloc(100), 65535),
    'plain HTTP': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    noise: Buffer.alloc(300, 0xff),
    'RTP': framed(Buffer.concat([Buffer.from([0x80, 111]), Buffer.alloc(40)])),
    'a check that is not signed': framed(check('nobody:either')),
};

function alone(name) {
    const relay = new Relay(fileURLToPath(new URL('page', import.meta.url)));
    relay.https = relay.media;
    const pages = {};
    let browser;
    let id = '';
    const token = {};

    const inbound = async (kind) =>
        (await pages.to.evaluate(() => window.probe.streams('in'))).find((s) => s.kind === kind) ?? {};

    /** Milliseconds until the relay closed it; the bytes that it said before. */
    function knock(bytes, ms = 15_000) {
        const [host, port] = relay.https.split(':');
        return new Promise((resolve, reject) => {
            const from = Date.now();
            const s = net.connect(Number(port), host, () => bytes.length && s.write(bytes));
            const late = setTimeout(() => { s.destroy(); reject(new Error(`still open after ${ms} ms`)); }, ms);
            let got = 0;
            s.on('data', (d) => { got += d.length; });
            s.on('error', () => {});
            s.on('close', () => { clearTimeout(late); resolve({ took: Date.now() - from, got }); });
        });
    }

    /** Figures of the relay by name, those of all workers added. */
    async function figure(pattern) {
        const text = await (await fetch(`${relay.url}/metrics`)).text();
        return [...text.matchAll(new RegExp(`^${pattern}.* (\\d+)$`, 'gm'))].reduce((sum, m) => sum + Number(m[1]), 0);
    }

    const shown = async () => (await inbound('video')).framesDecoded ?? 0;

    async function goesOn() {
        const before = await shown();
        await until('the picture goes on', 10_000, async () => {
            const now = await shown();
            return { ok: now > before + 10, seen: `${before}, ${now}` };
        });
    }

    before(async () => {
        await relay.start();
        id = (await relay.call('POST', '/api/v1/lessons', relay.token('admin'), LESSON)).id;
        token.lead = relay.token('lead', { lesson: id, site: 'S0', sub: 'wang' });
        token.point = relay.token('assistant', { lesson: id, site: 'A', sub: 'li' });
        await relay.call('POST', `/api/v1/lessons/${id}/start`, token.lead);
        browser = await launch(name);
        for (const who of ['from', 'to']) {
            pages[who] = await (await browser.createBrowserContext()).newPage();
            await pages[who].goto(`${relay.url}/probe.html`);
            await pages[who].waitForFunction(() => window.probe !== undefined);
        }
    }, { timeout: 120_000 });

    after(async () => {
        await browser?.close();
        await relay.stop();
    });

    test('camera and voice go up and come down', { timeout: 120_000 }, async () => {
        await pages.from.bringToFront();
        await pages.from.evaluate((p, t) => window.probe.publish(p, t, { tcp: true }), `/whip/${id}`, token.lead);
        await pages.to.evaluate((p, t) => window.probe.play(p, t, 1, { tcp: true }), `/whep/${id}`, token.point);
        await until('100 frames and a second of voice', 60_000, async () => {
            const v = await inbound('video');
            const a = await inbound('audio');
            return { ok: v.framesDecoded > 100 && a.packetsReceived > 50,
                seen: `${v.framesDecoded} ${v.frameWidth}x${v.frameHeight}, ${a.packetsReceived} of voice` };
        });
        const peak = await pages.to.evaluate(() => window.probe.loudness());
        assert.ok(peak === null || peak > 0.01, `the loudest sample is ${peak}`);
        for (const [who, which] of [['from', 'out'], ['to', 'in']])
            assert.equal(await pages[who].evaluate((w) => window.probe.protocol(w), which), 'tcp');
        assert.ok(await figure('liangshi_media_tcp_connections') >= 2);
        assert.ok(await figure('liangshi_media_tcp_received_total') > 500);
        const [lost, sent] = [await figure('liangshi_media_tcp_send_dropped_total'),
            await figure('liangshi_media_tcp_sent_total')];
        console.log(`# ${name}: ${sent} datagrams sent by TCP, ${lost} given up`);
    });

    test('HTTPS is served on the same port', { timeout: 10_000 }, async () => {
        const status = await new Promise((resolve, reject) => https.get(`https://${relay.https}/healthz`,
            { rejectUnauthorized: false }, (r) => { r.resume(); resolve(r.statusCode); }).on('error', reject));
        assert.equal(status, 200);
    });

    test('anything else is closed at once and counted', { timeout: 30_000 }, async () => {
        const [bad, unknown] = [await figure('liangshi_connections_total{kind="bad"}'),
            await figure('liangshi_connections_total{kind="unknown"}')];
        for (const [what, bytes] of Object.entries(BAD)) {
            const { took, got } = await knock(bytes);
            assert.ok(took < 2000, `${what}: closed after ${took} ms`);
            assert.equal(got, 0, `${what}: answered`);
        }
        const more = await figure('liangshi_connections_total{kind="bad"}') - bad
            + await figure('liangshi_connections_total{kind="unknown"}') - unknown;
        assert.equal(more, Object.keys(BAD).length);
        await goesOn();
    });

    test('a signed check for a member that is not there is closed and counted as unknown', { timeout: 30_000 }, async () => {
        const kinds = () => Promise.all(['bad', 'unknown'].map((k) => figure(`liangshi_connections_total{kind="${k}"}`)));
        const [bad, unknown] = await kinds();
        const { took, got } = await knock(framed(signed('nobody12:either')));
        assert.ok(took < 2000, `closed after ${took} ms`);
        assert.equal(got, 0);
        assert.deepEqual(await kinds(), [bad, unknown + 1]);
        await goesOn();
    });

    test('who says too little waits ten seconds, not longer', { timeout: 40_000 }, async () => {
        const late = await figure('liangshi_connections_total{kind="late"}');
        const half = framed(check('nobody:either')).subarray(0, 11);
        const waited = await Promise.all([knock(Buffer.alloc(0)), knock(half),
            ...Array.from({ length: 30 }, () => knock(half.subarray(0, 1)))]);
        for (const { took, got } of waited) {
            assert.ok(took > 8000 && took < 13_000, `closed after ${took} ms`);
            assert.equal(got, 0);
        }
        assert.equal(await figure('liangshi_connections_total{kind="late"}') - late, 32);
        await goesOn();
    });

    test('more idle connections than it waits for do not shut it', { timeout: 30_000 }, async () => {
        const [host, port] = relay.https.split(':');
        const idle = Array.from({ length: 600 }, () => net.connect(Number(port), host).on('error', () => {}));
        await new Promise((r) => setTimeout(r, 500));
        const answer = await new Promise((resolve) => https.get(`https://${relay.https}/healthz`,
            { rejectUnauthorized: false, timeout: 5000, localAddress: undefined },
            (r) => { r.resume(); resolve(r.statusCode); }).on('error', (e) => resolve(e.code)));
        for (const s of idle)
            s.destroy();
        assert.equal(answer, 200);
        await goesOn();
    });
}
