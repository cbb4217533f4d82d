/* sync.test.js - two players kept in step, played out on a simulated clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
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
    for (let gap = -0.7; gap <= 0.7; gap += 0.01) {
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
