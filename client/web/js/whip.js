/* whip.js - publishes the voice and the pictures of a room from a browser. */

import { clientKey } from './ticket.js';
import { Keeper } from './keep.js';
import { Repeats } from './red.js';
import { connected, exchange, preferVp8, watch } from './rtc.js';

/** Three layers of a camera, lowest first, as the relay likes them. */
export const CAMERA_LAYERS = [
    { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 120_000, maxFramerate: 15 },
    { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 450_000, maxFramerate: 25 },
    { rid: 'h', scaleResolutionDownBy: 1, maxBitrate: 1_300_000, maxFramerate: 25 },
];

/** Slides: every pixel, few frames. */
export const SLIDES_LAYERS = [{ maxBitrate: 1_500_000, maxFramerate: 5 }];

/** @param {string} source @returns {RTCRtpEncodingParameters[]} */
export function layersOf(source) {
    return source === 'slides' || source === 'board' ? SLIDES_LAYERS : CAMERA_LAYERS;
}

/**
 * @typedef {object} WhipConf
 * @property {() => {voice: MediaStreamTrack | null, pictures: {source: string, track: MediaStreamTrack}[]}} media
 *   asked at every (re)connection
 * @property {(s: import('./keep.js').KeepState) => void} [onState]
 * @property {(s: import('./rtc.js').Sample) => void} [onSample]
 * @property {EventTarget} [wake]
 */

export class Whip {
    /** @param {import('./api.js').Api} api @param {string} lesson @param {WhipConf} conf */
    constructor(api, lesson, conf) {
        this.api = api;
        this.lesson = lesson;
        this.conf = conf;
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

    /** Sources were added or went: the connection is built anew. */
    renew() {
        this.keeper.renew();
        this.keeper.hurry();
    }

    /** @param {AbortSignal} signal @returns {Promise<import('./keep.js').Held>} */
    async open(signal) {
        const { voice, pictures } = this.conf.media();
        const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
        /** @type {string | null} */
        let session = null;
        try {
            addLines(pc, voice, pictures);
            const sources = pictures.map((p) => p.source).join(',');
            const query = `client=${clientKey()}${sources ? `&sources=${sources}` : ''}`;
            session = await exchange(pc, this.api, `/whip/${encodeURIComponent(this.lesson)}?${query}`, signal);
            await connected(pc, signal);
            this.session = session;
            return this.hold(pc, session);
        } catch (e) {
            pc.close();
            if (session)
                this.api.leave(session);
            throw e;
        }
    }

    /** @param {RTCPeerConnection} pc @param {string} session */
    hold(pc, session) {
        const repeats = new Repeats(pc);
        const { closed, end } = watch(pc, {
            onSample: this.conf.onSample, onStats: (reports, now) => repeats.look(reports, now),
        });
        const left = closed.finally(() => {
            if (this.session === session)
                this.session = null;
            pc.close();
            this.api.leave(session);
        });
        return { closed: left, close: () => end() };
    }
}

/**
 * @param {RTCPeerConnection} pc @param {MediaStreamTrack | null} voice
 * @param {{source: string, track: MediaStreamTrack}[]} pictures
 */
function addLines(pc, voice, pictures) {
    if (voice)
        pc.addTransceiver(voice, { direction: 'sendonly' });
    for (const { source, track } of pictures) {
        const still = source === 'slides' || source === 'board';
        track.contentHint = still ? 'detail' : 'motion';
        const t = pc.addTransceiver(track, {
            direction: 'sendonly', sendEncodings: layersOf(source).map((l) => ({ ...l })),
        });
        preferVp8(t, 'sender');
    }
}
