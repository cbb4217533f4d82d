/* events.js - the lesson's event stream, kept open for ever, resumed where it broke. */

import { Keeper } from './keep.js';
import { SseParser, readEvents } from './sse.js';

/* The relay pings every 10 s. */
const SILENCE_MS = 16000;

/**
 * @param {import('./api.js').Api} api @param {string} lesson
 * @param {(name: string, data: any) => void} on
 * @param {{onState?: (s: import('./keep.js').KeepState) => void, wake?: EventTarget}} [conf]
 * @returns {Keeper} not started yet
 */
export function lessonEvents(api, lesson, on, conf = {}) {
    const parser = new SseParser();
    const path = `/api/v1/lessons/${encodeURIComponent(lesson)}/events`;
    return new Keeper(async (signal) => {
        const end = new AbortController();
        const stop = () => end.abort();
        signal.addEventListener('abort', stop, { once: true });
        /** @type {Record<string, string>} */
        const headers = { Accept: 'text/event-stream' };
        if (parser.lastId)
            headers['Last-Event-ID'] = parser.lastId;
        const answer = await api.call('GET', path, { headers, signal: end.signal });
        if (!answer.body)
            throw new Error('event stream without a body');
        /* what came of a half event before the break is void */
        parser.rest = '';
        parser.clear();
        const closed = readEvents(answer.body, parser, (e) => {
            if (!end.signal.aborted)
                deliver(e, on);
        }, SILENCE_MS).finally(() => signal.removeEventListener('abort', stop));
        return { closed, close: stop };
    }, { most: 5000, ...conf });
}

/** @param {import('./sse.js').SseEvent} e @param {(name: string, data: any) => void} on */
function deliver(e, on) {
    let data;
    try {
        data = JSON.parse(e.data);
    } catch {
        console.warn('event is not JSON', e.event);
        return;
    }
    on(e.event, data);
}
