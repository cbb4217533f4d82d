/* keep.test.js - coming back: at once, then ever later, for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs, pause } from '../../../client/web/js/backoff.js';
import { Keeper } from '../../../client/web/js/keep.js';

test('the first try comes at once, later ones wait longer, never beyond the ceiling', () => {
    assert.equal(backoffMs(0, () => 0.9), 0);
    const low = [1, 2, 3, 4, 5, 6, 50].map((n) => backoffMs(n, () => 0));
    const high = [1, 2, 3, 4, 5, 6, 50].map((n) => backoffMs(n, () => 0.999));
    assert.deepEqual(low, [250, 500, 1000, 2000, 4000, 4000, 4000]);
    assert.ok(high.every((ms) => ms <= 8000));
    assert.ok(high.every((ms, i) => ms > low[i]));
});

test('a pause ends early when its signal aborts', async () => {
    const stop = new AbortController();
    const waiting = pause(60_000, stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(pause(1, stop.signal), /enough/);
});

/** A thing to keep open; the test ends it. */
function session() {
    let end;
    const closed = new Promise((resolve) => {
        end = resolve;
    });
    const s = { closed, closes: 0, end, close: () => {
        s.closes++;
        end();
    } };
    return s;
}

const turn = () => new Promise((r) => setTimeout(r, 2));

test('what ends after a long life is opened again without waiting', async () => {
    let now = 0;
    const opened = [];
    const states = [];
    const keeper = new Keeper(async () => {
        const s = session();
        opened.push(s);
        return s;
    }, { now: () => now, random: () => 0, onState: (s) => states.push(s) });
    keeper.start();
    await turn();
    assert.equal(opened.length, 1);
    now = 60_000;
    opened[0].end(new Error('cut'));
    await turn();
    await turn();
    assert.equal(opened.length, 2);
    assert.deepEqual(states.map((s) => s.state), ['connecting', 'up', 'waiting', 'connecting', 'up']);
    assert.equal(states[2].waitMs, 0);
    assert.match(String(states[2].error), /cut/);
    keeper.stop();
    assert.equal(opened[1].closes, 1);
});

test('failures wait longer each time, and somebody coming back ends the waiting', async () => {
    const waits = [];
    const wake = new EventTarget();
    let tries = 0;
    const keeper = new Keeper(async () => {
        tries++;
        throw new Error('no relay');
    }, { random: () => 0.999, wake, onState: (s) => s.waitMs !== undefined && waits.push(s.waitMs) });
    keeper.start();
    await turn();
    for (let i = 0; i < 4; i++) {
        wake.dispatchEvent(new Event('wake'));
        await turn();
    }
    keeper.stop();
    assert.equal(tries, 5);
    assert.deepEqual([...waits].sort((a, b) => a - b), waits);
    assert.ok(waits[4] > waits[0]);
});

test('a refusal is tried again too, but patiently', async () => {
    const waits = [];
    const keeper = new Keeper(async () => {
        throw Object.assign(new Error('taken'), { status: 409 });
    }, { random: () => 0, onState: (s) => s.waitMs !== undefined && waits.push(s.waitMs) });
    keeper.start();
    await turn();
    keeper.stop();
    assert.deepEqual(waits, [1000]);
});

test('what opens only after the stop is closed and not kept', async () => {
    let open;
    const s = session();
    const keeper = new Keeper(() => new Promise((resolve) => {
        open = () => resolve(s);
    }));
    keeper.start();
    await turn();
    keeper.stop();
    open();
    await turn();
    assert.equal(s.closes, 1);
    assert.equal(keeper.held, null);
});
