/* backoff.js - when to try again: at once, then ever later, never all together, for ever. */

/**
 * Full jitter over a doubling ceiling, so that a whole county does not come back in one instant.
 * @param {number} attempt tries that failed in a row; 0: this is the first
 * @param {() => number} random 0 ≤ x < 1
 * @param {{first?: number, most?: number}} [conf] ceilings in ms
 * @returns {number} milliseconds to wait
 */
export function backoffMs(attempt, random, { first = 500, most = 8000 } = {}) {
    if (attempt <= 0)
        return 0;

    const ceiling = Math.min(most, first * 2 ** Math.min(attempt - 1, 20));
    return Math.round(ceiling / 2 + (random() * ceiling) / 2);
}

/**
 * Waits; ends early, and rejects, when the signal aborts.
 * @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>}
 */
export function pause(ms, signal) {
    return new Promise((resolve, reject) => {
        if (signal?.aborted) {
            reject(signal.reason);
            return;
        }
        const stop = () => {
            clearTimeout(timer);
            reject(signal?.reason);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener('abort', stop);
            resolve();
        }, ms);
        signal?.addEventListener('abort', stop, { once: true });
    });
}

/** The network came back, or somebody looks at the page again: then waiting is over. */
export function wakeSignal() {
    const wake = new EventTarget();
    if (typeof window !== 'undefined') {
        window.addEventListener('online', () => wake.dispatchEvent(new Event('wake')));
        document.addEventListener('visibilitychange', () => {
            if (document.visibilityState === 'visible')
                wake.dispatchEvent(new Event('wake'));
        });
    }
    return wake;
}
