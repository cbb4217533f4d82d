/* sync.js - keeps the slides' player in step with the camera's by small changes of speed. Pure. */

/** Beyond this a jump is better than running after. */
const JUMP_S = 0.5;
/** Within this nothing is done. */
const QUIET_S = 0.012;
/** Most that the follower's speed is changed: a voice by what is not heard, a mute picture by more. */
export const NUDGE = { voice: 0.08, picture: 0.25 };

/**
 * What the follower should do now.
 * @param {number} leader position in s @param {number} follower position in s
 * @param {number} rate speed that the person chose
 * @param {number} [most] part by which the speed may be changed
 * @returns {{rate: number, jump: number | null}} speed of the follower; where to jump, if at all
 */
export function inStep(leader, follower, rate, most = NUDGE.voice) {
    const behind = leader - follower;
    if (Math.abs(behind) > JUMP_S)
        return { rate, jump: leader };
    if (Math.abs(behind) <= QUIET_S)
        return { rate, jump: null };
    /* closes the gap within about a second of playing */
    const nudge = Math.max(-most, Math.min(most, behind));
    return { rate: round(rate * (1 + nudge)), jump: null };
}

/** Browsers accept any number, but each change restarts the pitch correction: few distinct values.
 * @param {number} x */
function round(x) {
    return Math.round(x * 200) / 200;
}

/**
 * The picture that belongs to a time: the last one not after it.
 * @template {{at: number}} T
 * @param {readonly T[]} list by time @param {number} t @returns {T | null}
 */
export function lastBefore(list, t) {
    let lo = 0;
    let hi = list.length;
    while (lo < hi) {
        const mid = (lo + hi) >> 1;
        if (/** @type {T} */ (list[mid]).at <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return list[lo - 1] ?? null;
}
