/* sync.test.js - two players kept in step, played out on a simulated clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chapterAt, chaptersOf, planOf, readManifest } from '../../../client/web/js/resource.js';
import { resumeAt } from '../../../client/web/js/place.js';
import { inStep, lastBefore } from '../../../client/web/js/sync.js';

/** Plays `seconds` with a look every 250 ms; the follower's clock drifts. */
function play(gap, { seconds = 10, rate = 1, drift = 0 } = {}) {
    let leader = 100;
    let follower = 100 + gap;
    let speed = rate;
    let jumps = 0;
    const gaps = [];
    for (let t = 0; t < seconds; t += 0.25) {
        const now = inStep(leader, follower, rate);
        speed = now.rate;
        if (now.jump !== null) {
            follower = now.jump + 0.02; /* a seek is never exact */
            jumps++;
        }
        leader += rate * 0.25;
        follower += speed * 0.25 * (1 + drift);
        gaps.push(Math.abs(leader - follower));
    }
    return { last: gaps.at(-1), worst: Math.max(...gaps.slice(24)), jumps };
}

test('a small gap closes without a jump, at every speed', () => {
    for (const rate of [0.75, 1, 1.5, 2])
        for (const gap of [-0.4, -0.1, -0.03, 0.03, 0.1, 0.4]) {
            const { worst, jumps } = play(gap, { rate });
            assert.ok(worst < 0.04, `rate ${rate}, gap ${gap}: ${worst}`);
            assert.equal(jumps, 0);
        }
});

test('a drifting clock stays within 40 ms for an hour', () => {
    const { worst, jumps } = play(0, { seconds: 3600, drift: 0.0005 });
    assert.ok(worst < 0.04, String(worst));
    assert.equal(jumps, 0);
});

test('a large gap is jumped once', () => {
    const { last, jumps } = play(30);
    assert.equal(jumps, 1);
    assert.ok(last < 0.04);
});

test('the speed is never changed by more than a listener would notice', () => {
    for (let gap = -0.5; gap <= 0.5; gap += 0.01) {
        const { rate } = inStep(10, 10 + gap, 1);
        assert.ok(rate >= 0.92 - 1e-9 && rate <= 1.08 + 1e-9, `${gap}: ${rate}`);
    }
});

test('a still belongs to the time from its own begin to the next one', () => {
    const list = [{ at: 0 }, { at: 10 }, { at: 20 }];
    assert.equal(lastBefore(list, -1), null);
    assert.deepEqual([0, 9.99, 10, 15, 99].map((t) => lastBefore(list, t).at), [0, 0, 10, 10, 20]);
    assert.equal(lastBefore([], 5), null);
});

const MANIFEST = {
    version: 1, duration_ms: 60_000, camera: 'camera.mpd', slides: null, board: 'board.mpd',
    views: [{ name: 'camera', dash: 'camera.mpd', video: ['c-0.webm', 'c-1.webm'], audio: 'v.webm' },
        { name: 'board', dash: 'board.mpd', video: ['b.webm'], audio: null }],
    tracks: [{ file: 'c-0.webm', start_ms: 400, end_ms: 59_000 }, { file: 'c-1.webm', start_ms: 200, end_ms: 60_000 },
        { file: 'b.webm', start_ms: 9000, end_ms: 30_000 }, { file: 'v.webm', start_ms: 0, end_ms: 60_000 }, { file: 'floor.webm', source: 'floor', start_ms: 0, end_ms: 60_000 }],
    stills: [{ at_ms: 30_000, file: 's2.jpg' }, { at_ms: 1000, file: 's1.jpg' }],
    marks: [{ id: 2, clock_ms: 20_000, kind: 'question', text: '?', by: { name: '李' } }, { id: 1, clock_ms: 5000 }],
    files: [{ name: 'v.webm', bytes: 1000 }, { name: 's1.jpg', bytes: 50 }, { name: 's2.jpg', bytes: 60 }, { name: 'c-0.webm', bytes: 9999 }, { name: 'floor.webm', bytes: 500 }],
};

test('a manifest tells where each view has pictures, what the thin way weighs, marks once and in order', () => {
    const r = readManifest(MANIFEST, '/media/G/L7/');
    assert.deepEqual(r.camera, { url: '/media/G/L7/camera.mpd', from: 0.4, to: 59, pictures: true, voice: true });
    assert.deepEqual(r.slides, { url: '/media/G/L7/board.mpd', from: 9, to: 30, pictures: true, voice: false }, 'the board stands in for slides');
    assert.deepEqual(r.stills.map((s) => s.at), [1, 30]);
    assert.equal(r.thinBytes, 1610);
    assert.deepEqual(r.chapters.map((c) => [c.id, c.at, c.kind]), [[1, 5, 'note'], [2, 20, 'question']]);
    assert.equal(chaptersOf([...MANIFEST.marks, ...MANIFEST.marks]).length, 2);
    assert.deepEqual([0, 5, 19, 20, 99].map((t) => chapterAt(r.chapters, t)), [-1, 0, 0, 1, 1]);
    assert.equal(readManifest({ version: 1 }, '/').camera, null);
});

test('a reader goes on where he stopped, but not three seconds in, nor at the very end', () => {
    assert.equal(resumeAt(731_000, '5000', 2_400_000), 731_000);
    assert.equal(resumeAt(null, '5000', 2_400_000), 5000);
    assert.equal(resumeAt(null, null, 2_400_000), 0);
    assert.equal(resumeAt(2000, null, 2_400_000), 0);
    assert.equal(resumeAt(2_395_000, null, 2_400_000), 0);
    assert.equal(resumeAt(null, 'nonsense', 2_400_000), 0);
});

test('players share the lesson so that no voice waits for a picture that came late', () => {
    const r = readManifest(MANIFEST, '/');
    const short = (thin, x = r) => planOf(x, thin).map((p) => [p.element, p.only, p.from]);
    assert.deepEqual(short(false), [['camera', null, 0.4], ['slides', 'pictures', 9], ['floor', 'voice', 0]]);
    assert.deepEqual(short(true), [['lead', 'voice', 0], ['floor', 'voice', 0]]);
    const late = { ...r, camera: { ...r.camera, from: 12 } };
    assert.deepEqual(short(false, late), [['lead', 'voice', 0], ['camera', 'pictures', 12], ['slides', 'pictures', 9], ['floor', 'voice', 0]]);
    const mute = { ...r, camera: null, floor: null };
    assert.deepEqual(short(false, mute), [['slides', 'pictures', 9]]);
    assert.deepEqual(planOf({ ...mute, slides: null }, false), []);
});
