/* flexfec.test.mjs - Chromium plays over a way that loses packets and is too long for requests: told to speak
 * FlexFEC-03 it gets repair packets and takes them; one that does not offer it gets none. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, missing } from '../web/browsers.js';
import { Relay, noRelay } from '../web/relay.js';
import { counter, lossyWay, openProbeBeside, startLesson } from './lesson.mjs';
import { until } from './wait.mjs';

const LOSS = 0.06;
const DELAY = 150; // ms, each way
const FEC = '--force-fieldtrials=WebRTC-FlexFEC-03-Advertised/Enabled/WebRTC-FlexFEC-03/Enabled/';
const skip = noRelay ?? missing('chromium') ?? false;
const relay = new Relay();
const token = {};
const ways = [];
let plain, told;
let id = '';

/** A way to the relay that is long, and loses RTP to the browser. */
async function far() {
    const way = await lossyWay(relay, { down: LOSS, delay: DELAY });
    ways.push(way);
    return way.at;
}

/** What this viewer's inbound video has seen. */
async function video(viewer) {
    return viewer.evaluate(async () => [...(await window.probe.pcs.in.getStats()).values()]
        .find((s) => s.type === 'inbound-rtp' && s.kind === 'video'));
}

before(async () => {
    if (skip)
        return;
    await relay.start();
    id = await startLesson(relay);
    token.lead = relay.token('lead', { lesson: id, site: 'S0', sub: 'wang' });
    token.point = relay.token('assistant', { lesson: id, site: 'A', sub: 'li' });
    plain = await launch('chromium');
    told = await launch('chromium', { args: [FEC] });
    const lead = await openProbeBeside(plain, relay);
    await lead.evaluate((p, t) => window.probe.publish(p, t), `/whip/${id}?sources=camera`, token.lead);
}, { timeout: 60_000 });

after(async () => {
    await plain?.close();
    await told?.close();
    for (const way of ways)
        way.close();
    await relay.stop();
});

test('a browser that does not offer it gets none', { skip, timeout: 60_000 }, async () => {
    const viewer = await openProbeBeside(plain, relay);
    await viewer.evaluate((p, t, via) => window.probe.play(p, t, 1, { via, fec: false }),
        `/whep/${id}?slots=camera`, token.point, await far());
    await until('its pictures were asked for again', 30_000, async () => {
        const n = await counter(relay, 'rtx_out_total');
        return { ok: n > 20, seen: n };
    });
    assert.equal(await counter(relay, 'fec_out_total'), 0);
    await viewer.close();
});

test('a browser that offers it gets repair packets and repairs with them', { skip, timeout: 120_000 }, async () => {
    const viewer = await openProbeBeside(told, relay);
    await viewer.evaluate((p, t, via) => window.probe.play(p, t, 1, { via }), `/whep/${id}?slots=camera`, token.point, await far());
    const answer = await viewer.evaluate(() => window.probe.pcs.in.remoteDescription.sdp);
    assert.match(answer, /a=rtpmap:\d+ flexfec-03\/90000/);
    assert.match(answer, /a=ssrc-group:FEC-FR \d+ \d+/);
    await until('repair packets come', 60_000, async () => {
        const s = await video(viewer);
        return { ok: s?.fecPacketsReceived > 200, seen: { fec: s?.fecPacketsReceived, out: await counter(relay, 'fec_out_total') } };
    });
    const from = await video(viewer);
    await new Promise((r) => setTimeout(r, 15_000));
    const to = await video(viewer);
    const grown = (key) => to[key] - from[key];
    console.log(`# ${grown('packetsReceived')} packets, ${grown('packetsLost')} lost, ${grown('retransmittedPacketsReceived')} resent, `
        + `${grown('fecPacketsReceived')} repair packets (${grown('fecPacketsDiscarded')} of no use), `
        + `${grown('framesDecoded')} pictures, ${grown('freezeCount')} freezes of ${grown('totalFreezesDuration').toFixed(2)} s`);
    assert.ok(grown('fecPacketsReceived') > 100);
    assert.ok(grown('framesDecoded') > 15 * 10);
    assert.ok(grown('freezeCount') <= 3);
});
