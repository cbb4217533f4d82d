/* sse.js - server-sent events over fetch, which unlike EventSource can carry a bearer token. */

/** @typedef {{id: string, event: string, data: string}} SseEvent */

/**
 * The parser of the HTML standard, section 9.2.6: bytes may come in any pieces.
 */
export class SseParser {
    constructor() {
        this.lastId = '';
        this.retry = /** @type {number | null} */ (null);
        this.rest = '';
        this.event = '';
        /** @type {string[]} */
        this.data = [];
    }

    clear() {
        this.event = '';
        this.data = [];
    }

    /** @param {string} text @returns {SseEvent[]} */
    push(text) {
        /** @type {SseEvent[]} */
        const out = [];
        this.rest += text;
        for (;;) {
            const end = this.rest.search(/\r\n|\n|\r/);
            /* a CR that ends the piece may be the first half of CRLF */
            if (end < 0 || (this.rest[end] === '\r' && end + 1 === this.rest.length))
                return out;
            const line = this.rest.slice(0, end);
            this.rest = this.rest.slice(end + (this.rest.startsWith('\r\n', end) ? 2 : 1));
            const done = this.line(line);
            if (done)
                out.push(done);
        }
    }

    /** @param {string} line @returns {SseEvent | null} */
    line(line) {
        if (line === '')
            return this.flush();
        const colon = line.indexOf(':');
        if (colon === 0)
            return null;

        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (name === 'data')
            this.data.push(value);
        else if (name === 'event')
            this.event = value;
        else if (name === 'id' && !value.includes('\0'))
            this.lastId = value;
        else if (name === 'retry' && /^\d+$/.test(value))
            this.retry = Number(value);
        return null;
    }

    /** @returns {SseEvent | null} */
    flush() {
        const done = this.data.length
            ? { id: this.lastId, event: this.event || 'message', data: this.data.join('\n') }
            : null;
        this.clear();
        return done;
    }
}

/**
 * Reads one response to its end. Throws when nothing, not even a comment, comes for `silenceMs`:
 * a dead link must not look like a quiet lesson.
 * @param {ReadableStream<Uint8Array>} body @param {SseParser} parser
 * @param {(e: SseEvent) => void} on @param {number} silenceMs
 */
export async function readEvents(body, parser, on, silenceMs) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    try {
        for (;;) {
            const { done, value } = await within(reader.read(), silenceMs);
            if (done)
                return;
            for (const e of parser.push(decoder.decode(value, { stream: true })))
                on(e);
        }
    } finally {
        reader.cancel().catch(() => {});
    }
}

/** @template T @param {Promise<T>} work @param {number} ms @returns {Promise<T>} */
function within(work, ms) {
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`nothing heard for ${ms} ms`)), ms);
    });
    return /** @type {Promise<T>} */ (Promise.race([work, late])).finally(() => clearTimeout(timer));
}
