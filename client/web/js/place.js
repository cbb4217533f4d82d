/* place.js - where a reader stopped: kept on the relay, and here for when it cannot be reached. */

/* Whoever stops this near the end has seen it all. */
const END_MS = 15_000;

/** @param {string} id */
const key = (id) => `place:${id}`;

/**
 * Where to go on: what the relay knows, else this browser; the beginning if the end was reached.
 * @param {number | null | undefined} relayMs @param {string | null} localMs @param {number} durationMs
 */
export function resumeAt(relayMs, localMs, durationMs) {
    const ms = relayMs ?? (localMs === null ? 0 : Number(localMs));
    return Number.isFinite(ms) && ms > 3000 && ms < durationMs - END_MS ? ms : 0;
}

export class Place {
    /** @param {import('./api.js').Api} api @param {string} id */
    constructor(api, id) {
        this.api = api;
        this.id = id;
        this.last = -1;
    }

    /** @param {number | null | undefined} relayMs @param {number} durationMs */
    resume(relayMs, durationMs) {
        return resumeAt(relayMs, localStorage.getItem(key(this.id)), durationMs);
    }

    /** @param {number} seconds @param {boolean} [leaving] the page goes away */
    keep(seconds, leaving = false) {
        const ms = Math.round(seconds * 1000);
        if (Math.abs(ms - this.last) < 1000)
            return;
        this.last = ms;
        localStorage.setItem(key(this.id), String(ms));
        this.api.put(`/api/v1/resources/${encodeURIComponent(this.id)}/position`, { position_ms: ms },
            { keepalive: leaving }).catch(() => {});
    }
}
