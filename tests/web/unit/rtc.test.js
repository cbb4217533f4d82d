/* rtc.test.js - what we ask of the browser's WebRTC, and what we read out of its statistics. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sampler, orderCodecs, tuneOpus } from '../../../client/web/js/rtc.js';
import { CAMERA_LAYERS, layersOf } from '../../../client/web/js/whip.js';

test('VP8 comes before VP9, what the relay cannot carry is left out, order within a kind stays', () => {
    const c = (mimeType, n) => ({ mimeType, n });
    assert.deepEqual(orderCodecs([c('video/VP9', 1), c('video/H264', 2), c('video/rtx', 3), c('video/VP8', 4), c('video/VP9', 5), c('video/AV1', 6)])
        .map((x) => x.n), [4, 1, 5, 3]);
});

test('Opus lines get in-band FEC, stereo where wished, and keep what they had', () => {
    const sdp = 'm=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=0\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n';
    const tuned = tuneOpus(sdp, { stereo: true });
    assert.match(tuned, /^a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r$/m);
    assert.match(tuned, /^a=fmtp:63 111\/111\r$/m);
    assert.doesNotMatch(tuneOpus(sdp), /stereo/);
    const bare = 'm=audio 9 UDP/TLS/RTP/SAVPF 109\r\na=rtpmap:109 opus/48000/2\r\na=mid:0\r\n';
    assert.equal(tuneOpus(bare), 'm=audio 9 UDP/TLS/RTP/SAVPF 109\r\na=rtpmap:109 opus/48000/2\r\na=fmtp:109 minptime=10;useinbandfec=1\r\na=mid:0\r\n');
    assert.equal(tuneOpus('v=0\r\n'), 'v=0\r\n');
});

test('a camera has three layers, lowest first; slides have one, whole and slow', () => {
    assert.deepEqual(layersOf('class').map((l) => l.rid), ['l', 'm', 'h']);
    assert.ok(CAMERA_LAYERS.every((l, i, all) => i === 0 || l.maxBitrate > all[i - 1].maxBitrate));
    assert.deepEqual(layersOf('slides').map((l) => [l.maxFramerate, l.scaleResolutionDownBy]), [[5, undefined]]);
});

const video = (frames, packets, lost) => ({
    type: 'inbound-rtp', id: 'v', kind: 'video', mid: '2', framesDecoded: frames, packetsReceived: packets,
    packetsLost: lost, framesPerSecond: 25, frameWidth: 640, frameHeight: 360, freezeCount: 0,
});
const pair = (received, sent) => ({
    type: 'candidate-pair', id: 'p', state: 'succeeded', nominated: true, currentRoundTripTime: 0.04,
    bytesReceived: received, bytesSent: sent,
});

test('a sample has rates, loss and round trip of its own span', () => {
    const s = new Sampler();
    s.sample([video(25, 100, 0), pair(10_000, 0)], 1000);
    const out = s.sample([video(50, 190, 10), pair(135_000, 12_500)], 2000);
    assert.equal(out.inKbps, 1000);
    assert.equal(out.outKbps, 100);
    assert.equal(out.rttMs, 40);
    assert.ok(Math.abs(out.loss - 0.1) < 1e-9);
    assert.equal(out.inbound[0].stalledMs, 0);
});

test('a picture that stands and a link that is silent are two things', () => {
    const s = new Sampler();
    s.sample([video(25, 100, 0), pair(1000, 0)], 1000);
    s.sample([video(25, 110, 0), pair(2000, 0)], 3000);
    const still = s.sample([video(25, 120, 0), pair(3000, 0)], 5000);
    assert.equal(still.inbound[0].stalledMs, 4000);
    assert.equal(still.silentMs, 0);
    const dead = s.sample([video(25, 120, 0), pair(3000, 0)], 9000);
    assert.equal(dead.silentMs, 4000);
});

test('a browser without candidate pair bytes is measured by its streams', () => {
    const s = new Sampler();
    const inbound = (bytes) => ({ ...video(1, 1, 0), bytesReceived: bytes });
    s.sample([inbound(0)], 1000);
    const out = s.sample([inbound(125_000)], 2000);
    assert.equal(out.inKbps, 1000);
    assert.equal(out.rttMs, null);
});
