/* fec.test.mjs - a viewer who knows no more than Opus, on a way that loses a packet in five: the relay tells
 * Chromium, which publishes, what he lacks, and Chromium's Opus protects itself (in-band FEC). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, missing } from '../web/browsers.js';
import { Relay, noRelay } from '../web/relay.js';
import { lossyWay, openProbeBeside, startLesson } from './lesson.mjs';
import { until } from './wait.mjs';

const LOSS = 0.2;
const RATE = 48_000;
const SECONDS = 4;
const skip = noRelay ?? missing('chromium') ?? false;
const relay = new Relay();
const folder = mkdtempSync(join(tmpdir(), 'fec-'));
let browser;
let way;

/** Something with a pitch that glides and syllables, as a file for Chromium's microphone. */
function voice() {
    const data = Buffer.alloc(SECONDS * RATE * 2);
    for (let t = 0; t < SECONDS * RATE; t++) {
        const s = t / RATE;
        const phase = 2 * Math.PI * (140 * s + 4 * Math.sin(Math.PI * s));
        let v = 0;
        for (let h = 1; h <= 12; h++)
            v += Math.sin(h * phase + h * h) / (1 + Math.abs(h - 4));
        data.writeInt16LE(Math.round(3500 * (0.6 + 0.4 * Math.sin(6 * Math.PI * s)) * v), 2 * t);
    }
    const head = Buffer.alloc(44);
    head.write('RIFF');
    head.writeUInt32LE(36 + data.length, 4);
    head.write('WAVEfmt ', 8);
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(1, 20);
    head.writeUInt16LE(1, 22);
    head.writeUInt32LE(RATE, 24);
    head.writeUInt32LE(2 * RATE, 28);
    head.writeUInt16LE(2, 32);
    head.writeUInt16LE(16, 34);
    head.write('data', 36);
    head.writeUInt32LE(data.length, 40);
    const file = join(folder, 'voice.wav');
    writeFileSync(file, Buffer.concat([head, data]));
    return file;
}

/** What the publisher's browser is told of its voice. */
const told = (page) => page.evaluate(async () => {
    for (const r of (await window.probe.pcs.out.getStats()).values())
        if (r.type === 'remote-inbound-rtp' && r.kind === 'audio')
            return { share: r.fractionLost ?? 0, lost: r.packetsLost ?? 0 };
    return { share: 0, lost: 0 };
});

const heard = async (page) => (await page.evaluate(() => window.probe.streams('in'))).find((s) => s.kind === 'audio');

before(async () => {
    if (skip)
        return;
    await relay.start();
    browser = await launch('chromium', { args: [`--use-file-for-fake-audio-capture=${voice()}`] });
}, { timeout: 60_000 });

after(async () => {
    await browser?.close();
    way?.close();
    await relay.stop();
    rmSync(folder, { recursive: true });
});

test('a publisher protects his voice for a viewer who has nothing else', { skip, timeout: 120_000 }, async () => {
    const id = await startLesson(relay);
    const lead = await openProbeBeside(browser, relay);
    await lead.evaluate((p, t) => window.probe.publish(p, t), `/whip/${id}?sources=camera`,
        relay.token('lead', { lesson: id, site: 'S0', sub: 'wang' }));
    const far = await openProbeBeside(browser, relay);
    way = await lossyWay(relay, { down: LOSS });
    await far.evaluate((p, t, via) => window.probe.play(p, t, 1, { via, plain: true }), `/whep/${id}?slots=camera`,
        relay.token('assistant', { lesson: id, site: 'A', sub: 'li' }), way.at);
    await until('the publisher is told of it', 60_000, async () => {
        const { share } = await told(lead);
        return { ok: share > LOSS / 2, seen: share };
    });
    await new Promise((r) => setTimeout(r, 10_000)); // Chromium smooths what it is told
    const from = await heard(far);
    await new Promise((r) => setTimeout(r, 15_000));
    const to = await heard(far);
    const grown = (key) => to[key] - from[key];
    const lost = grown('packetsLost') / (grown('packetsLost') + grown('packetsReceived'));
    const concealed = grown('concealedSamples') / grown('totalSamplesReceived');
    const { share, lost: sum } = await told(lead);
    console.log(`# ${(100 * lost).toFixed(1)} % lost, ${(100 * concealed).toFixed(1)} % made up, `
        + `${grown('fecPacketsReceived')} packets from copies; told: ${(100 * share).toFixed(1)} %, sum ${sum}`);
    assert.ok(lost > LOSS * 0.7, `${lost} lost`);
    assert.ok(sum < 20, `${sum} lost on the way up`);
    assert.ok(grown('fecPacketsReceived') > 15 * 50 * LOSS / 4, `${grown('fecPacketsReceived')} from copies`);
    assert.ok(concealed < lost * 0.8, `${concealed} made up`);
});
