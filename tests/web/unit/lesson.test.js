/* lesson.test.js - the lesson as its events tell it, and the sentences on the screens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LessonClock } from '../../../client/web/js/clock.js';
import { LessonState } from '../../../client/web/js/lesson.js';
import { heardBy, pictureSaying, pointLayout } from '../../../client/web/js/sayings.js';
import { columnsFor, wallSlots } from '../../../client/web/js/wall.js';

const site = (id, more = {}) => ({
    id, name: `${id}教学点`, lead: false, number: 1, state: 'open', sources: ['voice', 'class'],
    hand_since_ms: null, has_floor: false, floor_count: 0, last_floor_ms: null, people: [], ...more,
});
const lead = (more = {}) => site('S0', { lead: true, number: 0, sources: ['voice', 'camera', 'slides'], ...more });

function started(change = {}) {
    let now = 1000;
    const s = new LessonState(new LessonClock(() => now));
    s.apply('snapshot', {
        id: 5, clock_ms: 60_000, me: { sub: 'li', name: '李', role: 'assistant', site: 'B' },
        lesson: { id: 'L7', title: '歌', state: 'running', record: true }, mode: 'lecture', floor: null, hands: [],
        sites: [lead(), site('B', { number: 2 }), site('A')], members: [], speaking: null,
        quality: [], marks: [], messages: [], polls: [], ...change,
    });
    return { s, later: (ms) => {
        now += ms;
    } };
}

test('the lesson clock runs between messages and takes the least delayed one as true', () => {
    let now = 0;
    const c = new LessonClock(() => now);
    assert.equal(c.ms(), 0);
    c.hear(10_000);
    now = 500;
    assert.equal(c.ms(), 10_500);
    c.hear(10_300); /* came 200 ms late */
    assert.equal(c.ms(), 10_500);
    c.hear(10_600);
    assert.equal(c.ms(), 10_600);
    c.hear(30_000, false);
    now = 9000;
    assert.equal(c.ms(), 30_000);
    c.hear(Number.NaN);
    c.hear(-4);
    assert.equal(c.ms(), 30_000);
});

test('hand up, floor given, hand down: the state follows', () => {
    const { s, later } = started();
    assert.deepEqual(s.points().map((p) => p.id), ['A', 'B']);
    s.apply('hand', { id: 6, clock_ms: 61_000, site: 'B', up: true, hands: [{ site: 'B', since_ms: 61_000 }] });
    assert.equal(s.sites.get('B').hand_since_ms, 61_000);
    s.apply('floor', { id: 7, clock_ms: 62_000, floor: 'B', previous: null, how: 'give' });
    s.apply('hand', { id: 8, clock_ms: 62_000, site: 'B', up: false, hands: [] });
    assert.equal(s.floor, 'B');
    assert.equal(s.sites.get('B').hand_since_ms, null);
    assert.equal(s.sinceFloor(s.sites.get('B')), 0);
    assert.equal(s.sinceFloor(s.sites.get('A')), null);
    s.apply('floor', { id: 9, clock_ms: 70_000, floor: null, previous: 'B', how: 'take' });
    s.apply('site', { site: site('B', { number: 2, last_floor_ms: 62_000 }) });
    later(60_000);
    assert.ok(s.sinceFloor(s.sites.get('B')) >= 60_000);
});

test('a replayed mark or message is kept once', () => {
    const { s } = started();
    const mark = { id: 37, clock_ms: 61_000, kind: 'question', text: '', by: null };
    s.apply('mark', { id: 37, mark });
    s.apply('mark', { id: 37, mark });
    s.apply('mark', { id: 38, mark: { ...mark, id: 38, clock_ms: 5000 } });
    assert.deepEqual(s.marksInOrder().map((m) => m.id), [38, 37]);
});

test('an event nobody knows, or one without an object, changes nothing', () => {
    const { s } = started();
    assert.equal(s.apply('weather', { sun: true }), false);
    assert.equal(s.apply('hand', null), false);
    assert.equal(s.mode, 'lecture');
});

test('a member that is gone is forgotten', () => {
    const { s } = started();
    s.apply('member', { member: { id: 12, state: 'open' } });
    assert.equal(s.members.size, 1);
    s.apply('member', { member: { id: 12, state: 'gone' } });
    assert.equal(s.members.size, 0);
});

const LINK = { up: true, stalledMs: 0, showing: true, everSeen: true };

test('a screen without a picture says why, in the order of what matters', () => {
    assert.equal(pictureSaying(new LessonState(), 'camera', LINK).key, 'say.connecting');
    const { s } = started();
    assert.equal(pictureSaying(s, 'camera', LINK), null);
    assert.equal(pictureSaying(s, 'camera', { ...LINK, up: false }).key, 'say.reconnecting');
    assert.equal(pictureSaying(s, 'camera', { ...LINK, up: false, everSeen: false }).key, 'say.connecting');
    assert.equal(pictureSaying(s, 'camera', { ...LINK, showing: false }).key, 'say.arriving');
    assert.deepEqual(pictureSaying(s, 'camera', { ...LINK, stalledMs: 4000 }), { key: 'say.thin', still: true });
    assert.equal(pictureSaying(s, 'slides', { ...LINK, stalledMs: 4000 }), null, 'slides may stand still');
    assert.equal(pictureSaying(s, 'board', LINK).key, 'say.no.board');
    assert.equal(pictureSaying(s, 'floor', LINK).key, 'say.nofloor');
    s.apply('site', { site: lead({ state: 'away' }) });
    assert.deepEqual(pictureSaying(s, 'camera', LINK), { key: 'say.lead.away', still: true });
    s.apply('site', { site: lead({ state: 'absent', sources: [] }) });
    assert.equal(pictureSaying(s, 'camera', LINK).key, 'say.lead.absent');
    s.apply('lesson', { lesson: { state: 'ended' }, clock_ms: 1 });
    assert.equal(pictureSaying(s, 'camera', LINK).key, 'say.ended');
});

test('a class that speaks goes large on every other screen, not on its own', () => {
    const { s } = started();
    assert.deepEqual(pointLayout(s, 'B'), { main: 'slides', side: 'camera' });
    s.apply('floor', { floor: 'A' });
    assert.deepEqual(pointLayout(s, 'B'), { main: 'floor', side: 'camera' });
    assert.deepEqual(pointLayout(s, 'A'), { main: 'slides', side: 'camera' });
    s.apply('floor', { floor: null });
    s.apply('site', { site: lead({ sources: ['voice', 'camera'] }) });
    assert.deepEqual(pointLayout(s, 'B'), { main: 'camera', side: null });
});

test('the sign at the microphone says who really hears it', () => {
    const { s } = started();
    const mic = { up: true, open: true };
    assert.equal(heardBy(s, 'B', mic), 'lead');
    assert.equal(heardBy(s, 'B', { up: true, open: false }), 'off');
    assert.equal(heardBy(s, 'B', { up: false, open: true }), 'nobody');
    s.apply('floor', { floor: 'B' });
    assert.equal(heardBy(s, 'B', mic), 'all');
    assert.equal(heardBy(s, 'A', mic), 'lead');
    s.apply('mode', { mode: 'interact' });
    assert.equal(heardBy(s, 'A', mic), 'all');
});

test('the wall asks for small pictures, the full one of who speaks, nothing for empty places', () => {
    const points = Array.from({ length: 9 }, (_, i) => site(`P${i + 1}`, { number: i + 1 }));
    assert.deepEqual(wallSlots(points.slice(0, 2), 0, 2, 'P2'), ['wall/1', 'site/P2']);
    assert.deepEqual(wallSlots(points, 1, 8, null), ['wall/9', ...Array(7).fill('off')]);
    assert.deepEqual([1, 2, 4, 5, 8].map(columnsFor), [1, 2, 2, 3, 3]);
});
