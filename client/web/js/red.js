/* red.js - a voice sent from a browser repeats itself while its packets get lost (RFC 2198) */

import { tuneOpus } from './rtc.js';

const BEGIN = 0.02;
const END = 0.01;
const NEEDED_FOR_MS = 10_000;
const MEMORY = 0.5; // the newest report counts as much as all before

/** Whether a voice should repeat itself, by the share of its packets that each report says is lost. */
export class Need {
    constructor() {
        this.loss = 0;
        this.on = false;
        this.neededAt = 0;
    }

    /** @param {number} lost 0 … 1 @param {number} now ms @returns {boolean} */
    look(lost, now) {
        this.loss += (lost - this.loss) * MEMORY;
        if (this.loss > (this.on ? END : BEGIN)) {
            this.on = true;
            this.neededAt = now;
        } else if (now - this.neededAt >= NEEDED_FOR_MS) {
            this.on = false;
        }
        return this.on;
    }
}

/** An answer in which voices are of type red before they are plain Opus, or after: of two types that
 * are agreed a browser sends the first. @param {string} sdp @param {boolean} first */
export function putRed(sdp, first) {
    const red = /^a=rtpmap:(\d+) red\/48000/im.exec(sdp)?.[1];
    if (!red)
        return sdp;
    return sdp.replace(/^(m=audio \S+ \S+)((?: \d+)+)/gm, (_, head, list) => {
        const all = list.trim().split(' ');
        const others = all.filter((/** @type {string} */ pt) => pt !== red);
        const some = all.length > others.length ? [red] : [];
        return [head, ...(first ? [...some, ...others] : [...others, ...some])].join(' ');
    });
}

/** What the way up loses of the voice, by sums: the share that a report tells (fractionLost) may be more,
 * what viewers lack, for Opus to protect itself by. */
class Losses {
    constructor() {
        this.at = 0;
        this.packetsLost = 0;
        this.packetsSent = 0;
        this.share = 0;
    }

    /** @param {any[]} reports @returns {number | null} 0 … 1, of the newest report; null: none yet */
    look(reports) {
        const of = (/** @type {string} */ type) => reports.find((r) => r.type === type && r.kind === 'audio');
        const there = of('remote-inbound-rtp');
        const here = of('outbound-rtp');
        if (!there || !here)
            return null;
        const sent = here.packetsSent - this.packetsSent;
        if (there.timestamp === this.at || sent <= 0)
            return this.share;
        const lost = (there.packetsLost ?? 0) - this.packetsLost;
        this.share = Math.min(Math.max(lost / sent, 0), 1);
        this.at = there.timestamp;
        this.packetsLost = there.packetsLost ?? 0;
        this.packetsSent = here.packetsSent;
        return this.share;
    }
}

/** The relay takes both types at any time, so that it need not be asked: the browser is given the same
 * answer again, in another order. */
export class Repeats {
    /** @param {RTCPeerConnection} pc */
    constructor(pc) {
        this.pc = pc;
        this.need = new Need();
        this.on = false;
        this.turning = false;
        this.losses = new Losses();
    }

    /** @param {Iterable<any>} reports of getStats @param {number} now ms */
    async look(reports, now) {
        const lost = this.losses.look([...reports]);
        const on = lost === null ? this.on : this.need.look(lost, now);
        if (on === this.on || this.turning)
            return;
        this.turning = true;
        try {
            await this.turn(on);
            this.on = on;
        } finally {
            this.turning = false;
        }
    }

    /** @param {boolean} on */
    async turn(on) {
        const answer = this.pc.remoteDescription?.sdp ?? '';
        const sdp = putRed(answer, on);
        if (sdp === answer)
            return;
        const offer = await this.pc.createOffer();
        await this.pc.setLocalDescription({ type: 'offer', sdp: tuneOpus(offer.sdp ?? '') });
        await this.pc.setRemoteDescription({ type: 'answer', sdp });
    }
}
