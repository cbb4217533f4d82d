/* whep.js - plays slots of a lesson: one connection, one line for each slot, the SDP never changes. */

import { Keeper } from './keep.js';
import { connected, exchange, preferVp8, watch } from './rtc.js';

/**
 * @typedef {object} WhepConf
 * @property {string[]} slots what each video line shows
 * @property {number} voices how many audio lines
 * @property {(slot: number, track: MediaStreamTrack) => void} onVideo
 * @property {(voice: number, track: MediaStreamTrack) => void} onAudio
 * @property {(s: import('./keep.js').KeepState) => void} [onState]
 * @property {(s: import('./rtc.js').Sample, mids: string[]) => void} [onSample] mids of the video lines
 * @property {() => boolean} [expecting] whether something should be coming
 * @property {EventTarget} [wake]
 */

export class Whep {
    /** @param {import('./api.js').Api} api @param {string} lesson @param {WhepConf} conf */
    constructor(api, lesson, conf) {
        this.api = api;
        this.lesson = lesson;
        this.conf = conf;
        this.slots = [...conf.slots];
        /** @type {string | null} */
        this.session = null;
        this.keeper = new Keeper((signal) => this.open(signal), {
            onState: conf.onState, wake: conf.wake,
        });
    }

    start() {
        addEventListener('pagehide', this.leaving);
        this.keeper.start();
    }
    stop() {
        removeEventListener('pagehide', this.leaving);
        this.keeper.stop();
    }

    /** The others see at once that this room has gone, not only when nothing is heard from it. */
    leaving = () => {
        if (this.session)
            this.api.leave(this.session);
    };

    /** @param {AbortSignal} signal @returns {Promise<import('./keep.js').Held>} */
    async open(signal) {
        const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
        /** @type {string | null} */
        let session = null;
        try {
            const lines = this.addLines(pc);
            const asked = [...this.slots];
            const slots = asked.map(encodeURIComponent).join(',').replaceAll('%2F', '/');
            session = await exchange(pc, this.api, `/whep/${encodeURIComponent(this.lesson)}?slots=${slots}`,
                signal, { stereo: true });
            await connected(pc, signal);
            this.session = session;
            if (asked.join() !== this.slots.join())
                this.point(this.slots);
            return this.hold(pc, session, lines);
        } catch (e) {
            pc.close();
            if (session)
                this.api.leave(session);
            throw e;
        }
    }

    /** Audio first, then video: the order is the contract. @param {RTCPeerConnection} pc */
    addLines(pc) {
        for (let i = 0; i < this.conf.voices; i++) {
            const t = pc.addTransceiver('audio', { direction: 'recvonly' });
            this.conf.onAudio(i, t.receiver.track);
        }
        return this.slots.map((_, i) => {
            const t = pc.addTransceiver('video', { direction: 'recvonly' });
            preferVp8(t, 'receiver');
            this.conf.onVideo(i, t.receiver.track);
            return t;
        });
    }

    /** @param {RTCPeerConnection} pc @param {string} session @param {RTCRtpTransceiver[]} lines */
    hold(pc, session, lines) {
        const { closed, end } = watch(pc, {
            onSample: (s) => this.conf.onSample?.(s, lines.map((l) => l.mid ?? '')),
            expecting: this.conf.expecting,
        });
        const left = closed.finally(() => {
            if (this.session === session)
                this.session = null;
            pc.close();
            this.api.leave(session);
        });
        this.end = end;
        return { closed: left, close: () => end() };
    }

    /** Shows other slots on the same lines. @param {string[]} slots one for each video line */
    async point(slots) {
        this.slots = [...slots];
        const session = this.session;
        if (!session)
            return;
        try {
            await this.api.put(`${session}/slots`, { slots });
        } catch (e) {
            if (/** @type {{status?: number}} */ (e).status === 404)
                this.end?.(new Error('the relay does not know the session any more'));
            else
                throw e;
        }
    }

    /** The event stream was cut: is the session still known? If not, it is rebuilt at once. */
    probe() {
        this.point(this.slots).catch(() => {});
    }
}
