/* red.test.js - when a browser's voice repeats itself, and how it is told to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Need, Repeats, putRed } from '../../../client/web/js/red.js';

const ANSWER = 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 112 63\r\na=rtpmap:111 opus/48000/2\r\n'
    + 'a=rtpmap:63 red/48000/2\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 63\r\n';

test('loss is believed when it lasts, and forgotten after ten seconds', () => {
    const need = new Need();
    let now = 0;
    const report = (/** @type {number} */ lost) => need.look(lost, now += 1000);
    assert.equal(report(0.02), false);
    assert.equal(report(0), false);
    report(0.08);
    assert.equal(need.on, true);
    for (let i = 0; i < 20; i++)
        assert.equal(report(0.015), true);
    for (let i = 0; i < 9; i++)
        assert.equal(report(0), true);
    report(0);
    assert.equal(report(0), false);
});

test('what is first in the line of a voice changes, and nothing else', () => {
    const red = putRed(ANSWER, true);
    assert.match(red, /SAVPF 63 111 112\r\n/);
    assert.match(red, /m=video 9 UDP\/TLS\/RTP\/SAVPF 96 63\r\n/);
    assert.equal(putRed(red, false), ANSWER);
    assert.equal(putRed(ANSWER, false), ANSWER);
    const none = ANSWER.replace('red/48000', 'xed/48000');
    assert.equal(putRed(none, true), none);
    const other = 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n' + ANSWER;
    assert.equal(putRed(other, true).startsWith('m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n'), true);
});

test('the same answer is given again only when it changes', async () => {
    const given = [];
    const pc = /** @type {any} */ ({
        remoteDescription: { sdp: ANSWER },
        createOffer: async () => ({ sdp: 'v=0\r\n' }),
        setLocalDescription: async () => {},
        setRemoteDescription: async (/** @type {any} */ d) => given.push(pc.remoteDescription = d),
    });
    const repeats = new Repeats(pc);
    let sent = 0;
    let lost = 0;
    /** A second later. The share that viewers lack is of no account. */
    const loss = (/** @type {number} */ l) => {
        sent += 50;
        lost += 50 * l;
        return [{ type: 'remote-inbound-rtp', kind: 'audio', timestamp: sent, packetsLost: lost, fractionLost: 0.25 },
            { type: 'outbound-rtp', kind: 'audio', packetsSent: sent }];
    };
    await repeats.look([], 0);
    await repeats.look(loss(0), 1000);
    assert.equal(given.length, 0);
    await Promise.all([repeats.look(loss(0.2), 2000), repeats.look(loss(0.2), 3000)]);
    assert.equal(given.length, 1);
    const still = loss(0);
    for (let now = 3000; now < 4000; now += 100)
        await repeats.look(still, now);
    assert.match(given[0].sdp, /SAVPF 63 111 112/);
    for (let now = 4000; now < 40_000; now += 1000)
        await repeats.look(loss(0), now);
    assert.equal(given.length, 2);
    assert.equal(given[1].sdp, ANSWER);
});
