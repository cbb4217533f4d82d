/* svc.test.mjs - Chromium publishes VP9 in layers; a viewer on a thin way gets lower ones, and goes up
 * again when there is room, while another sees everything all the time. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, missing } from '../web/browsers.js';
import { Relay, noRelay } from '../web/relay.js';
import { counter, openProbe, startLesson } from './lesson.mjs';
import { until } from './wait.mjs';

const QUEUE_MS = 300;
const skip = noRelay ?? missing('chromium') ?? false;
const relay = new Relay(fileURLToPath(new URL('page', import.meta.url)));
const token = {};
const ways = [];
const pages = {};
let browser;
let id = '';

/** A way from the relay that carries `way.bps`, with a queue before it. */
async function thin(bps) {
    const [, ip, port] = /^(.*):(\d+)$/.exec(relay.media);
    const near = createSocket('udp4');
    const far = createSocket('udp4');
    const way = { bps, at: '', lost: 0, open: true, close: () => {
        way.open = false;
        near.close();
        far.close();
    } };
    let client = null;
    let free = 0; /* when what was sent before is through */
    near.on('message', (m, from) => {
        client = from;
        far.send(m, Number(port), ip);
    });
    far.on('message', (m) => {
        const now = performance.now();
        free = Math.max(free, now);
        if (free - now > QUEUE_MS) {
            way.lost++;
            return;
        }
        free += (m.length + 28) * 8000 / way.bps;
        setTimeout(() => way.open && near.send(m, client.port, client.address), free - now);
    });
    await new Promise((bound) => near.bind(0, ip, bound));
    await new Promise((bound) => far.bind(0, ip, bound));
    ways.push(way);
    way.at = `${ip} ${near.address().port}`;
    return way;
}

const seen = async (who) => {
    const v = (await pages[who].evaluate(() => window.probe.streams('in'))).find((s) => s.kind === 'video') ?? {};
    return { width: v.frameWidth, fps: v.framesPerSecond, decoded: v.framesDecoded, freezes: v.freezeCount,
        frozen: v.totalFreezesDuration, keys: v.keyFramesDecoded, bytes: v.bytesReceived, plis: v.pliCount };
};

before(async () => {
    if (skip)
        return;
    await relay.start();
    id = await startLesson(relay);
    token.lead = relay.token('lead', { lesson: id, site: 'S0', sub: 'wang' });
    token.wide = relay.token('assistant', { lesson: id, site: 'A', sub: 'li' });
    token.thin = relay.token('assistant', { lesson: id, site: 'B', sub: 'zhao' });
    browser = await launch('chromium');
    for (const who of ['lead', 'wide', 'thin'])
        pages[who] = await openProbe(browser, relay);
}, { timeout: 60_000 });

after(async () => {
    for (const w of ways)
        w.close();
    await browser?.close();
    await relay.stop();
});

test('a thin way gets lower layers of VP9, and a wide one all', { skip, timeout: 240_000 }, async () => {
    await pages.lead.bringToFront();
    await pages.lead.evaluate((p, t) => window.probe.publish(p, t, { scalability: 'L3T3_KEY' }),
        `/whip/${id}?sources=camera`, token.lead);
    await until('three spatial layers are sent', 60_000, async () => {
        const out = (await pages.lead.evaluate(() => window.probe.streams('out'))).find((s) => s.kind === 'video');
        return { ok: out?.scalabilityMode === 'L3T3_KEY' && out.frameWidth === 1280 && out.framesEncoded > 40,
            seen: `${out?.scalabilityMode} ${out?.frameWidth} ${out?.framesEncoded}` };
    });
    const play = (who, how = {}) => pages[who].evaluate((p, t, h) => window.probe.play(p, t, 1, h),
        `/whep/${id}?slots=camera`, token[who], how);
    await play('wide');
    const whole = await until('the wide way shows all', 60_000, async () => {
        const v = await seen('wide');
        return { ok: v.width === 1280 && v.fps >= 12, seen: v };
    });
    console.log(`# wide: ${JSON.stringify(whole)}`);

    const way = await thin(350_000);
    await play('thin', { via: way.at });
    const low = await until('the thin way shows a smaller picture', 60_000, async () => {
        const v = await seen('thin');
        return { ok: v.decoded > 60 && v.width < 1280, seen: v };
    });
    console.log(`# thin: ${JSON.stringify(low)}, lost ${way.lost}`);

    way.bps = 6_000_000;
    const high = await until('it goes up where there is room', 60_000, async () => {
        const v = await seen('thin');
        return { ok: v.width === 1280, seen: v };
    });
    await until('and goes on', 20_000, async () => {
        const v = await seen('thin');
        return { ok: v.decoded > high.decoded + 100, seen: v };
    });
    const up = await seen('thin');
    console.log(`# widened: ${JSON.stringify(up)}`);
    assert.equal(up.freezes, low.freezes, 'it froze where it went up');

    way.bps = 350_000;
    const down = await until('it goes down again', 60_000, async () => {
        const v = await seen('thin');
        return { ok: v.width < 1280, seen: v };
    });
    await until('and goes on there', 20_000, async () => {
        const v = await seen('thin');
        return { ok: v.decoded > down.decoded + 40, seen: v };
    });
    console.log(`# thin again: ${JSON.stringify(await seen('thin'))}, lost ${way.lost}`);

    const told = { by: await counter(relay, 'deps_total'), unread: await counter(relay, 'deps_bad_total') };
    console.log(`# packets told apart by their dependency descriptor: ${JSON.stringify(told)}`);
    assert.ok(told.by > 1000, 'the layers were not told by the dependency descriptor');
    assert.equal(told.unread, 0);
    const end = await seen('wide');
    console.log(`# wide at the end: ${JSON.stringify(end)}`);
    assert.equal(end.width, 1280);
    assert.equal(end.freezes, whole.freezes, 'the wide way froze');
});

test('a room shows it too', { skip: skip || !process.env.LIANGSHI_ROOM, timeout: 90_000 }, async () => {
    const room = spawn(process.env.LIANGSHI_ROOM, ['point', '--relay', relay.url, '--lesson', id, '--camera', 'test',
        '--mic', 'none', '--display', 'none', '--speaker', 'none', '--json', '--token', token.thin],
    { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(room, 'exit');
    let camera = {};
    createInterface({ input: room.stdout }).on('line', (line) => {
        camera = JSON.parse(line).video?.camera ?? {};
    });
    try {
        const shown = await until('the room shows all layers', 60_000, async () => (
            { ok: room.exitCode !== null || (camera.width === 1280 && camera.fps >= 12), seen: camera }));
        assert.equal(room.exitCode, null, 'the room has ended');
        console.log(`# room: ${JSON.stringify(shown)}`);
    } finally {
        room.kill('SIGTERM');
        await ended;
    }
});

test('the recording has the best layer, and plays', { skip, timeout: 90_000 }, async () => {
    const admin = relay.token('admin');
    await relay.call('POST', `/api/v1/lessons/${id}/end`, admin);
    const resource = await until('the recording is ready', 40_000, async () => {
        const { resources } = await relay.call('GET', '/api/v1/resources', admin);
        return { ok: resources[0]?.state === 'ready', seen: resources[0] };
    });
    const { base, manifest } = await relay.call('GET', `/api/v1/resources/${resource.id}/manifest`, admin);
    console.log(`# ${JSON.stringify(manifest).slice(0, 900)}`);
    const file = JSON.stringify(manifest).match(/camera-vp9-0\.webm/)[0];
    const played = await pages.wide.evaluate(async (url) => {
        const v = document.createElement('video');
        v.muted = true;
        v.src = url;
        document.body.append(v);
        await v.play();
        const sizes = new Set();
        await new Promise((done, failed) => {
            v.onerror = () => failed(new Error(v.error.message));
            v.ontimeupdate = () => {
                sizes.add(v.videoWidth);
                if (v.currentTime > 8)
                    done();
            };
        });
        const { totalVideoFrames, droppedVideoFrames } = v.getVideoPlaybackQuality();
        return { at: v.currentTime, sizes: [...sizes], totalVideoFrames, droppedVideoFrames };
    }, `${relay.url}${base}${file}`);
    console.log(`# played: ${JSON.stringify(played)}`);
    assert.ok(played.sizes.includes(1280), 'it is not the best layer');
    assert.ok(played.totalVideoFrames > 80);
});

test('a room publishes it too, and Chromium shows as much as its way has room for', {
    skip: skip || !process.env.LIANGSHI_ROOM, timeout: 120_000 }, async () => {
    const lesson = await startLesson(relay);
    const room = spawn(process.env.LIANGSHI_ROOM, ['lead', '--vp9', '--relay', relay.url, '--lesson', lesson,
        '--camera', 'test', '--mic', 'none', '--display', 'none', '--speaker', 'none', '--json',
        '--token', relay.token('lead', { lesson, site: 'S0', sub: 'wang' })], { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(room, 'exit');
    const play = (who, site, how = {}) => pages[who].evaluate((p, t, h) => window.probe.play(p, t, 1, h),
        `/whep/${lesson}?slots=camera`, relay.token('assistant', { lesson, site, sub: who }), how);
    const shows = (what, who, fits) => until(what, 40_000, async () => {
        const v = await seen(who);
        return { ok: room.exitCode !== null || fits(v), seen: v };
    });
    try {
        await play('wide', 'A');
        const whole = await shows('all layers on a wide way', 'wide', (v) => v.width === 1280 && v.fps >= 12);
        console.log(`# wide: ${JSON.stringify(whole)}`);
        const way = await thin(300_000);
        await play('thin', 'B', { via: way.at });
        const low = await shows('fewer on a thin one', 'thin', (v) => v.decoded > 60 && v.width < 1280);
        console.log(`# thin: ${JSON.stringify(low)}, lost ${way.lost}`);
        way.bps = 6_000_000;
        const high = await shows('it goes up', 'thin', (v) => v.width === 1280);
        const up = await shows('and goes on', 'thin', (v) => v.decoded > high.decoded + 60);
        console.log(`# widened: ${JSON.stringify(up)}`);
        assert.equal(room.exitCode, null, 'the room has ended');
        assert.equal(up.freezes, low.freezes, 'it froze where it went up');
    } finally {
        room.kill('SIGTERM');
        await ended;
    }
});
