/* red.test.mjs - Chromium's voice over ways that lose a packet in five: it takes from the relay, and the
 * relay from it, what comes again in later packets (RFC 2198). Chromium asks for no voice a second time.
 * That it sends it so is the work of our own page's module. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, missing } from '../web/browsers.js';
import { Relay, noRelay } from '../web/relay.js';
import { counter, lossyWay, openProbeBeside, startLesson } from './lesson.mjs';
import { until } from './wait.mjs';

const LOSS = 0.2;
const skip = noRelay ?? missing('chromium') ?? false;
const relay = new Relay();
const token = {};
const ways = [];
let browser;
let id = '';

const open = () => openProbeBeside(browser, relay);

async function lossy(up, down) {
    const way = await lossyWay(relay, { up, down });
    ways.push(way);
    return way.at;
}

/** The share of a viewer's voice that was made up, in these milliseconds. */
async function concealed(viewer, ms) {
    const voice = async () => (await viewer.evaluate(() => window.probe.streams('in'))).find((s) => s.kind === 'audio');
    const from = await voice();
    await new Promise((r) => setTimeout(r, ms));
    const to = await voice();
    const grown = (key) => to[key] - from[key];
    return { share: grown('concealedSamples') / grown('totalSamplesReceived'),
        lost: grown('packetsLost') / (grown('packetsLost') + grown('packetsReceived')) };
}

before(async () => {
    if (skip)
        return;
    await relay.start();
    id = await startLesson(relay);
    token.lead = relay.token('lead', { lesson: id, site: 'S0', sub: 'wang' });
    token.point = relay.token('assistant', { lesson: id, site: 'A', sub: 'li' });
    browser = await launch('chromium');
}, { timeout: 60_000 });

after(async () => {
    await browser?.close();
    for (const way of ways)
        way.close();
    await relay.stop();
});

test('a publisher that loses packets is heard whole, and so is the relay', { skip, timeout: 120_000 }, async () => {
    const lead = await open();
    await lead.evaluate((p, t, via) => window.probe.publish(p, t, { via }),
        `/whip/${id}?sources=camera`, token.lead, await lossy(LOSS, 0));
    await lead.evaluate(async () => {
        const { Repeats } = await import('/js/red.js');
        const pc = window.probe.pcs.out;
        const repeats = new Repeats(pc);
        setInterval(async () => repeats.look((await pc.getStats()).values(), performance.now()), 1000);
    });
    const near = await open();
    await near.evaluate((p, t) => window.probe.play(p, t), `/whep/${id}?slots=camera`, token.point);
    await until('lost packets came again', 30_000, async () => {
        const n = await counter(relay, 'red_filled_total');
        return { ok: n > 50, seen: n };
    });
    const heard = await concealed(near, 10_000);
    console.log(`# ${Math.round(100 * LOSS)} % lost on the way up: ${(100 * heard.share).toFixed(1)} % made up`);
    assert.equal(await counter(relay, 'red_bad_total'), 0);
    assert.ok(heard.share < LOSS / 3, `${heard.share} made up`);

    assert.equal(await counter(relay, 'red_out_total'), 0);
    const far = await open();
    await far.evaluate((p, t, via) => window.probe.play(p, t, 1, { via }), `/whep/${id}?slots=camera`,
        relay.token('assistant', { lesson: id, site: 'B', sub: 'zhao' }), await lossy(0, LOSS));
    await until('the voice repeats itself', 40_000, async () => {
        const n = await counter(relay, 'red_out_total');
        return { ok: n > 100, seen: n };
    });
    const also = await concealed(far, 15_000);
    console.log(`# and on the way down: ${(100 * also.lost).toFixed(1)} % lost, ${(100 * also.share).toFixed(1)} % made up`);
    assert.ok(also.lost > LOSS * 0.7, `${also.lost} lost`);
    assert.ok(also.share < LOSS / 2, `${also.share} made up`);
});
