/* keep.js - keeps something open for ever: opens it, waits for its end, opens it again. */

import { backoffMs, pause } from './backoff.js';

/**
 * @typedef {object} Held what `open` gives once it works
 * @property {Promise<unknown>} closed settles when it has ended, with why
 * @property {() => void} close
 */

/**
 * @typedef {{state: 'connecting' | 'up' | 'waiting' | 'stopped', error?: unknown, attempt: number,
 *            waitMs?: number}} KeepState
 */

/** Refusals that no quick repetition will mend. */
const PATIENT = new Set([401, 403, 404, 409, 422]);

export class Keeper {
    /**
     * @param {(signal: AbortSignal) => Promise<Held>} open
     * @param {{onState?: (s: KeepState) => void, random?: () => number, wake?: EventTarget,
     *          now?: () => number, solidMs?: number, most?: number}} [conf]
     *   solidMs: what lives this long counts as a success; before it, tries go on being counted
     */
    constructor(open, conf = {}) {
        this.open = open;
        this.onState = conf.onState ?? (() => {});
        this.random = conf.random ?? Math.random;
        this.now = conf.now ?? (() => performance.now());
        this.solidMs = conf.solidMs ?? 5000;
        this.most = conf.most ?? 8000;
        this.wake = conf.wake;
        /** @type {Held | null} */
        this.held = null;
        this.attempt = 0;
        /** @type {AbortController | null} */
        this.run = null;
        /** @type {AbortController | null} */
        this.nap = null;
    }

    start() {
        if (this.run)
            return;
        this.run = new AbortController();
        this.attempt = 0;
        this.wake?.addEventListener('wake', this.hurry);
        this.loop(this.run.signal);
    }

    stop() {
        if (!this.run)
            return;
        this.run.abort();
        this.run = null;
        this.wake?.removeEventListener('wake', this.hurry);
        this.held?.close();
        this.held = null;
        this.onState({ state: 'stopped', attempt: 0 });
    }

    /** Waiting has become pointless: try now. */
    hurry = () => {
        this.nap?.abort();
    };

    /** What is open is of no use any more: open it again at once. */
    renew() {
        this.held?.close();
    }

    /** @param {AbortSignal} signal */
    async loop(signal) {
        while (!signal.aborted) {
            const error = await this.once(signal);
            if (signal.aborted)
                return;
            await this.rest(error, signal);
        }
    }

    /** @param {AbortSignal} signal @returns {Promise<unknown>} why it is not open any more */
    async once(signal) {
        this.onState({ state: 'connecting', attempt: this.attempt });
        try {
            const held = await this.open(signal);
            if (signal.aborted) {
                held.close();
                return undefined;
            }
            this.held = held;
            const since = this.now();
            this.onState({ state: 'up', attempt: this.attempt });
            const why = await held.closed.catch((e) => e);
            this.held = null;
            this.attempt = this.now() - since >= this.solidMs ? 0 : this.attempt + 1;
            return why;
        } catch (e) {
            this.attempt++;
            return e;
        }
    }

    /** @param {unknown} error @param {AbortSignal} signal */
    async rest(error, signal) {
        const status = /** @type {{status?: number} | undefined} */ (error)?.status ?? 0;
        const conf = PATIENT.has(status) ? { first: 2000, most: Math.max(this.most, 10000) } : { most: this.most };
        const waitMs = backoffMs(this.attempt, this.random, conf);
        this.onState({ state: 'waiting', error, attempt: this.attempt, waitMs });
        this.nap = new AbortController();
        const stop = () => this.nap?.abort();
        signal.addEventListener('abort', stop, { once: true });
        await pause(waitMs, this.nap.signal).catch(() => {});
        signal.removeEventListener('abort', stop);
    }
}
