/* joins.test.mjs - fifty viewers come into a running lesson: how soon each has a key frame, and how
 * often the lead is asked for one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, missing } from '../web/browsers.js';
import { Relay, noRelay } from '../web/relay.js';
import { openProbe, startLesson } from './lesson.mjs';
import { until } from './wait.mjs';

const VISITORS = 50;
const AT_ONCE = 5;
const skip = noRelay ?? missing('chromium') ?? false;
const relay = new Relay(fileURLToPath(new URL('page', import.meta.url)));
let browser;
let id = '';

before(async () => {
    if (skip)
        return;
    await relay.start();
    id = await startLesson(relay);
    browser = await launch('chromium');
}, { timeout: 60_000 });

after(async () => {
    await browser?.close();
    await relay.stop();
});

/** The histogram of the relay: how many of how many within each bound, in seconds. */
async function histogram() {
    const text = await (await fetch(`${relay.url}/metrics`)).text();
    const within = {};
    for (const [, le, n] of text.matchAll(/^liangshi_first_keyframe_seconds_bucket\{le="([^"]+)"\} (\d+)/gm))
        within[le] = Number(n);
    return within;
}

test('p95 of fifty joins is half a second, and the lead is asked once a second', { skip, timeout: 240_000 }, async () => {
    const lead = await openProbe(browser, relay);
    await lead.evaluate((p, t) => window.probe.publish(p, t), `/whip/${id}?sources=camera`,
        relay.token('lead', { lesson: id, site: 'S0', sub: 'wang' }));
    const asked = async () => {
        const out = await lead.evaluate(() => window.probe.streams('out'));
        return out.filter((s) => s.rid).map((s) => ({ rid: s.rid, frames: s.framesEncoded, pli: s.pliCount }));
    };
    await until('all layers run', 30_000, async () => {
        const now = await asked();
        return { ok: now.length === 3 && now.every((l) => l.frames > 50), seen: now };
    });

    const viewer = await openProbe(browser, relay);
    const token = relay.token('observer', { lesson: id, sub: 'chen' });
    const [before, from] = [await asked(), Date.now()];
    const took = await viewer.evaluate(async (path, t, all, once) => {
        const out = [];
        let left = all;
        const one = async () => {
            while (left-- > 0)
                out.push(await window.probe.visit(path, t));
        };
        await Promise.all(Array.from({ length: once }, one));
        return out;
    }, `/whep/${id}?slots=camera`, token, VISITORS, AT_ONCE);
    const seconds = (Date.now() - from) / 1000;
    const plis = (await asked()).map((l, i) => l.pli - before[i].pli);
    const within = await until('the relay has counted them', 5000, async () => {
        const h = await histogram();
        return { ok: h['+Inf'] >= VISITORS, seen: h };
    });
    took.sort((a, b) => a - b);
    console.log(`# key frame sent, of ${within['+Inf']}: ${JSON.stringify(within)}`);
    console.log(`# first frame decoded in the browser: p50 ${took[VISITORS / 2].toFixed()} ms, p95 ${took[47].toFixed()} ms`);
    console.log(`# PLIs to the lead by layer in ${seconds.toFixed(1)} s: ${plis.join(' ')}`);
    assert.ok(within['0.5'] >= 0.95 * within['+Inf'], `${within['0.5']} of ${within['+Inf']} within 500 ms`);
    for (const n of plis)
        assert.ok(n <= seconds + 1, `${n} PLIs for one layer in ${seconds} s`);
});
