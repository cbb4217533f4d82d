/* hostile.test.mjs - garbage of every kind reaches a relay with a lesson going on: each gets its answer,
 * and the viewer's pictures never stop. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, missing } from '../web/browsers.js';
import { Relay, noRelay } from '../web/relay.js';
import { openProbe, startLesson } from './lesson.mjs';
import { until } from './wait.mjs';

const skip = noRelay ?? missing('chromium') ?? false;
const relay = new Relay(fileURLToPath(new URL('page', import.meta.url)));
const token = {};
let browser;
let id = '';
let viewer;

const decoded = async () => (await viewer.evaluate(() => window.probe.streams('in')))
    .find((s) => s.kind === 'video')?.framesDecoded ?? 0;

before(async () => {
    if (skip)
        return;
    await relay.start();
    id = await startLesson(relay);
    token.lead = relay.token('lead', { lesson: id, site: 'S0', sub: 'wang' });
    token.other = relay.token('lead', { lesson: id, site: 'S0', sub: 'zhao' });
    token.point = relay.token('assistant', { lesson: id, site: 'A', sub: 'li' });
    token.observer = relay.token('observer', { lesson: id, sub: 'chen' });
    token.elsewhere = relay.token('observer', { lesson: 'another', sub: 'chen' });
    token.old = relay.token('observer', { lesson: id, sub: 'chen', ttl: '1s' });
    browser = await launch('chromium');
    const pages = [];
    for (let i = 0; i < 2; i++)
        pages.push(await openProbe(browser, relay));
    await pages[0].evaluate((p, t) => window.probe.publish(p, t), `/whip/${id}?sources=camera`, token.lead);
    viewer = pages[1];
    await viewer.evaluate((p, t) => window.probe.play(p, t), `/whep/${id}?slots=camera`, token.point);
    await until('pictures come', 30_000, async () => ({ ok: await decoded() > 30, seen: await decoded() }));
}, { timeout: 90_000 });

after(async () => {
    await browser?.close();
    await relay.stop();
});

async function send(path, who, body, type = 'application/sdp') {
    const answer = await fetch(relay.url + path, { method: 'POST', body,
        headers: { Authorization: `Bearer ${who}`, 'Content-Type': type } });
    const problem = await answer.json();
    assert.equal(answer.headers.get('content-type')?.split(';')[0], 'application/problem+json', path);
    return `${answer.status} ${problem.type.replace('urn:liangshi:problem:', '')}`;
}

/** Does something and sees that the viewer got new frames meanwhile and after it. */
async function goesOn(something) {
    const before = await decoded();
    await something();
    await until('new frames', 5000, async () => {
        const now = await decoded();
        return { ok: now > before + 5, seen: now - before };
    });
}

test('bad requests are refused by name and the viewer sees on', { skip, timeout: 60_000 }, async () => {
    const offer = await viewer.evaluate(async () => {
        const pc = new RTCPeerConnection();
        pc.addTransceiver('video');
        const { sdp } = await pc.createOffer();
        pc.close();
        return sdp;
    });
    await goesOn(async () => {
        assert.equal(await send(`/whip/${id}?sources=camera`, token.other, offer), '409 lead-present');
        assert.equal(await send(`/whip/${id}?sources=camera`, token.lead, offer), '409 source-taken');
        assert.equal(await send(`/whip/${id}?sources=camera`, token.point, offer), '403 wrong-role');
        assert.equal(await send(`/whip/${id}?sources=hat`, token.lead, offer), '422 unknown-source');
        assert.equal(await send(`/whep/${id}?slots=hat`, token.observer, offer), '422 unknown-slot');
        assert.equal(await send(`/whep/${id}?slots=camera`, token.elsewhere, offer), '403 wrong-lesson');
        assert.equal(await send(`/whep/${id}?slots=camera`, `${token.observer}x`, offer), '401 bad-token');
        assert.equal(await send(`/whep/${id}`, token.observer, offer.slice(0, 90)), '422 bad-sdp');
        assert.equal(await send(`/whep/${id}`, token.observer, randomBytes(3000)), '422 bad-sdp');
        assert.equal(await send(`/api/v1/lessons/${id}/marks`, token.observer, '{"kind":', 'application/json'), '400 bad-json');
    });
    await until('the token of one second is refused', 10_000, async () => {
        const got = await send(`/whep/${id}?slots=hat`, token.old, offer);
        return { ok: got === '401 token-expired', seen: got };
    });
});

test('ten thousand datagrams of garbage change nothing for the viewer', { skip, timeout: 60_000 }, async () => {
    const [, host, port] = /^(.*):(\d+)$/.exec(relay.media);
    const socket = createSocket('udp4');
    const first = [0x00, 0x01, 0x16, 0x17, 0x80, 0x90, 0xc8, 0xff];
    await goesOn(async () => {
        for (let i = 0; i < 10_000; i++) {
            const bytes = randomBytes(1 + i % 1400);
            bytes[0] = first[i % first.length];
            await new Promise((sent) => socket.send(bytes, Number(port), host, sent));
        }
    });
    socket.close();
    assert.equal((await fetch(`${relay.url}/healthz`)).status, 200);
});
