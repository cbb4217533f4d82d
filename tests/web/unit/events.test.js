/* events.test.js - server-sent events in any pieces, and silence that is a dead link. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lessonEvents } from '../../../client/web/js/events.js';
import { SseParser, readEvents } from '../../../client/web/js/sse.js';

const STREAM = 'retry: 1000\n\n: ping\n\nid: 7\nevent: hand\ndata: {"site":"B",\ndata: "up":true}\n\nid: 8\r\nevent:mode\r\ndata:{"mode":"interact"}\r\n\r\ndata: x\rdata\r\r';

test('events come out the same however the bytes are cut', () => {
    const whole = new SseParser().push(`${STREAM}\n`);
    assert.deepEqual(whole, [
        { id: '7', event: 'hand', data: '{"site":"B",\n"up":true}' },
        { id: '8', event: 'mode', data: '{"mode":"interact"}' },
        { id: '8', event: 'message', data: 'x\n' },
    ]);
    for (let size = 1; size < 12; size++) {
        const parser = new SseParser();
        const got = [];
        for (let i = 0; i < STREAM.length; i += size)
            got.push(...parser.push(STREAM.slice(i, i + size)));
        got.push(...parser.push('\n'));
        assert.deepEqual(got, whole, `pieces of ${size}`);
        assert.equal(parser.lastId, '8');
        assert.equal(parser.retry, 1000);
    }
});

test('an event cut off by the end of the stream is not an event', () => {
    assert.deepEqual(new SseParser().push('event: mode\ndata: {"mode":'), []);
});

test('silence longer than the pings is an error, not a quiet lesson', async () => {
    const silent = new ReadableStream({});
    await assert.rejects(readEvents(silent, new SseParser(), () => {}, 20), /nothing heard/);
});

test('a broken stream is resumed with the last id, and half an event of the old one is forgotten', async () => {
    const asked = [];
    const bodies = ['id: 3\nevent: mode\ndata: {"mode":"interact"}\n\nevent: floor\ndata: {"flo', 'id: 4\nevent: mode\ndata: {"mode":"lecture"}\n\n'];
    const api = { call: async (method, path, opt) => {
        asked.push({ method, path, id: opt.headers['Last-Event-ID'] });
        const text = bodies[asked.length - 1];
        if (text === undefined)
            return new Promise(() => {});
        return new Response(text);
    } };
    const got = [];
    const keeper = lessonEvents(api, 'L7', (name, data) => got.push([name, data.mode]), { random: () => 0 });
    keeper.start();
    while (asked.length < 3) {
        keeper.hurry();
        await new Promise((r) => setTimeout(r, 1));
    }
    keeper.stop();
    assert.deepEqual(got, [['mode', 'interact'], ['mode', 'lecture']]);
    assert.deepEqual(asked.map((a) => a.id), [undefined, '3', '4']);
    assert.equal(asked[0].path, '/api/v1/lessons/L7/events');
});
