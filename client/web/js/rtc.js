/* rtc.js - what publishing and playing share: offer, answer, watching whether anything still comes. */

import { iceServers, relayIfNeeded } from './turn.js';

const UP_WITHIN_MS = 12000;
const DISCONNECTED_MS = 3000;
const STALL_MS = 4000;
const SAMPLE_MS = 1000;

/** VP8 first, then VP9, each with its retransmission; what the relay cannot carry is left out.
 * @param {RTCRtpTransceiver} transceiver @param {'sender' | 'receiver'} side */
export function preferVp8(transceiver, side) {
    const caps = (side === 'sender' ? RTCRtpSender : RTCRtpReceiver).getCapabilities?.('video');
    if (!caps || !transceiver.setCodecPreferences)
        return;
    const ordered = orderCodecs(caps.codecs);
    if (ordered.length)
        transceiver.setCodecPreferences(ordered);
}

/** @template {{mimeType: string}} C @param {readonly C[]} codecs @returns {C[]} */
export function orderCodecs(codecs) {
    const rank = ['video/vp8', 'video/vp9', 'video/rtx'];
    return codecs
        .filter((c) => rank.includes(c.mimeType.toLowerCase()))
        .sort((a, b) => rank.indexOf(a.mimeType.toLowerCase()) - rank.indexOf(b.mimeType.toLowerCase()));
}

/**
 * Opus lines ask for in-band FEC; `stereo` lines ask for two channels, for a music lesson's sake.
 * @param {string} sdp @param {{stereo?: boolean}} [want]
 */
export function tuneOpus(sdp, { stereo = false } = {}) {
    const pt = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1];
    if (!pt)
        return sdp;
    const line = new RegExp(`^a=fmtp:${pt} (.*)$`, 'gm');
    const tuned = (/** @type {string} */ params) => {
        const all = new Map(params.split(';').map((p) => {
            const [k, v = ''] = p.trim().split('=');
            return /** @type {[string, string]} */ ([k, v]);
        }));
        all.set('useinbandfec', '1');
        if (stereo) {
            all.set('stereo', '1');
            all.set('sprop-stereo', '1');
        }
        return [...all].map(([k, v]) => (v ? `${k}=${v}` : k)).join(';');
    };
    if (line.test(sdp))
        return sdp.replace(line, (_, params) => `a=fmtp:${pt} ${tuned(params.replace(/\r$/, ''))}${params.endsWith('\r') ? '\r' : ''}`);
    const maps = new RegExp(`^(a=rtpmap:${pt} .*?)(\r?)$`, 'gm');
    return sdp.replace(maps, (_, map, cr) => `${map}${cr}\na=fmtp:${pt} ${tuned('minptime=10')}${cr}`);
}

/**
 * Offer out, answer in. The relay is ICE-lite and tells all its candidates at once, so nothing is
 * trickled and nothing waited for.
 * @param {RTCPeerConnection} pc @param {import('./api.js').Api} api @param {string} path
 * @param {AbortSignal} signal @param {{stereo?: boolean}} [audio]
 * @returns {Promise<string>} path of the session
 */
export async function exchange(pc, api, path, signal, audio) {
    const offer = await pc.createOffer();
    await pc.setLocalDescription({ type: 'offer', sdp: tuneOpus(offer.sdp ?? '', audio) });
    const answer = await api.call('POST', path, { sdp: pc.localDescription?.sdp ?? '', signal });
    const session = answer.headers.get('Location');
    if (!session)
        throw new Error('answer without a Location');
    try {
        await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    } catch (e) {
        api.leave(session);
        throw e;
    }
    /* what comes of it is seen in the connection's state */
    relayIfNeeded(pc, api, session, iceServers(answer.headers.get('Link'))).catch(() => {});
    return session;
}

/** @param {RTCPeerConnection} pc @param {AbortSignal} signal @returns {Promise<void>} */
export function connected(pc, signal) {
    return new Promise((resolve, reject) => {
        const done = (/** @type {Error | null} */ error) => {
            clearTimeout(timer);
            pc.removeEventListener('connectionstatechange', look);
            signal.removeEventListener('abort', abort);
            if (error)
                reject(error);
            else
                resolve();
        };
        const look = () => {
            if (pc.connectionState === 'connected')
                done(null);
            else if (pc.connectionState === 'failed' || pc.connectionState === 'closed')
                done(new Error('media connection failed'));
        };
        const abort = () => done(new Error('given up'));
        const timer = setTimeout(() => done(new Error('media connection takes too long')), UP_WITHIN_MS);
        pc.addEventListener('connectionstatechange', look);
        signal.addEventListener('abort', abort, { once: true });
        look();
    });
}

/**
 * @typedef {{mid: string, kind: string, frames: number, fps: number, width: number, height: number,
 *            stalledMs: number, packets: number, lost: number, freezes: number}} Inbound
 * @typedef {{rttMs: number | null, inKbps: number, outKbps: number, loss: number,
 *            inbound: Inbound[], silentMs: number}} Sample
 */

/** Turns getStats() of one connection into a sample a second. */
export class Sampler {
    constructor() {
        /** @type {Map<string, {frames: number, at: number, packets: number, lost: number}>} */
        this.seen = new Map();
        this.bytesIn = 0;
        this.bytesOut = 0;
        this.at = 0;
        this.heardAt = 0;
    }

    /**
     * @param {Iterable<any>} reports @param {number} now ms
     * @returns {Sample}
     */
    sample(reports, now) {
        const list = [...reports];
        const pair = list.find((r) => r.type === 'candidate-pair' && r.nominated && r.state === 'succeeded')
            ?? list.find((r) => r.type === 'candidate-pair' && r.state === 'succeeded');
        const span = Math.max(1, now - (this.at || now - SAMPLE_MS));
        const inbound = list.filter((r) => r.type === 'inbound-rtp').map((r) => this.inbound(r, now));
        const bytesIn = pair?.bytesReceived ?? sum(list, 'inbound-rtp', 'bytesReceived');
        const bytesOut = pair?.bytesSent ?? sum(list, 'outbound-rtp', 'bytesSent');
        if (bytesIn !== this.bytesIn || !this.heardAt)
            this.heardAt = now;
        const out = {
            rttMs: pair?.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
            inKbps: Math.max(0, (bytesIn - this.bytesIn) * 8 / span),
            outKbps: Math.max(0, (bytesOut - this.bytesOut) * 8 / span),
            loss: lossOf(inbound),
            inbound,
            silentMs: now - this.heardAt,
        };
        this.bytesIn = bytesIn;
        this.bytesOut = bytesOut;
        this.at = now;
        return out;
    }

    /** @param {any} r @param {number} now @returns {Inbound} */
    inbound(r, now) {
        const before = this.seen.get(r.id) ?? { frames: -1, at: now, packets: 0, lost: 0 };
        const frames = r.framesDecoded ?? 0;
        const packets = r.packetsReceived ?? 0;
        const lost = r.packetsLost ?? 0;
        const at = frames !== before.frames ? now : before.at;
        this.seen.set(r.id, { frames, at, packets, lost });
        return {
            mid: r.mid ?? '', kind: r.kind, frames, fps: r.framesPerSecond ?? 0,
            width: r.frameWidth ?? 0, height: r.frameHeight ?? 0, stalledMs: now - at,
            packets: packets - before.packets, lost: lost - before.lost, freezes: r.freezeCount ?? 0,
        };
    }
}

/** @param {any[]} list @param {string} type @param {string} key */
function sum(list, type, key) {
    return list.reduce((n, r) => (r.type === type ? n + (r[key] ?? 0) : n), 0);
}

/** @param {Inbound[]} inbound */
function lossOf(inbound) {
    const lost = inbound.reduce((n, i) => n + Math.max(0, i.lost), 0);
    const got = inbound.reduce((n, i) => n + Math.max(0, i.packets), 0);
    return lost + got ? lost / (lost + got) : 0;
}

/**
 * Watches a connection until it is of no use: failed, closed, disconnected for too long, or nothing
 * at all coming although something should.
 * @param {RTCPeerConnection} pc
 * @param {{onSample?: (s: Sample) => void, onStats?: (reports: any[], now: number) => Promise<void>,
 *   expecting?: () => boolean}} [conf]
 * @returns {{closed: Promise<Error | undefined>, end: (why?: Error) => void}}
 */
export function watch(pc, conf = {}) {
    const sampler = new Sampler();
    /** @type {(why?: Error) => void} */
    let end = () => {};
    let lostAt = 0;
    let over = false;
    const closed = new Promise((/** @type {(why?: Error) => void} */ resolve) => {
        end = resolve;
    });
    const look = () => {
        if (pc.connectionState === 'failed' || pc.connectionState === 'closed')
            end(new Error(`media connection ${pc.connectionState}`));
        lostAt = pc.connectionState === 'disconnected' ? lostAt || performance.now() : 0;
    };
    const tick = async () => {
        const now = performance.now();
        if (lostAt && now - lostAt > DISCONNECTED_MS)
            end(new Error('media connection lost'));
        const reports = [...(await pc.getStats()).values()];
        const s = sampler.sample(reports, now);
        if (over)
            return;
        conf.onStats?.(reports, now).catch(() => {});
        conf.onSample?.(s);
        if (s.silentMs > STALL_MS && (conf.expecting?.() ?? true))
            end(new Error('nothing comes any more'));
    };
    pc.addEventListener('connectionstatechange', look);
    const timer = setInterval(() => tick().catch(() => {}), SAMPLE_MS);
    closed.finally(() => {
        over = true;
        clearInterval(timer);
        pc.removeEventListener('connectionstatechange', look);
    });
    look();
    return { closed, end };
}
