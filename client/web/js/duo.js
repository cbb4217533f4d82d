/* duo.js - several players on one timeline: the teacher leads, slides and answers keep in step. */

import { loadShaka } from './shaka.js';
import { NUDGE, inStep } from './sync.js';

const LOOK_MS = 250;
/* Enough data to go on with. */
const READY = 3; /* HTMLMediaElement.HAVE_FUTURE_DATA */

/**
 * @typedef {{video: HTMLMediaElement, url: string, only: 'voice' | 'pictures' | null, file: boolean,
 *            from: number, to: number}} Part the first one leads; a part has something to show or say
 *   between `from` and `to` seconds, and rests outside
 * @typedef {{onTime: () => void, onState: () => void, onError: (e: any) => void, onEnd: () => void}} DuoHost
 */

export class Duo {
    /** @param {DuoHost} host */
    constructor(host) {
        this.host = host;
        /** @type {(Part & {player: any})[]} */
        this.parts = [];
        this.wanted = false;
        this.rate = 1;
        this.starved = false;
        this.over = false;
        this.timer = setInterval(() => this.look(), LOOK_MS);
    }

    /**
     * @param {Part[]} parts @param {number} at where to begin, in seconds
     */
    async load(parts, at) {
        const shaka = await loadShaka();
        await this.unload();
        this.over = false;
        for (const part of parts) {
            const player = part.file ? plainPlayer(part.video) : new shaka.Player();
            if (!part.file)
                await this.prepare(player, part);
            this.parts.push({ ...part, player });
            this.listen(part.video);
        }
        await Promise.all(this.parts.map(({ player, url, from }) =>
            player.load(url, Math.max(at, from))));
        this.setRate(this.rate);
        this.host.onState();
    }

    /** @param {any} player @param {Part} part */
    async prepare(player, part) {
        await player.attach(part.video);
        player.configure({
            manifest: { disableVideo: part.only === 'voice', disableAudio: part.only === 'pictures' },
            streaming: { bufferingGoal: 20, rebufferingGoal: 1, bufferBehind: 30, stallEnabled: true },
            abr: { restrictToElementSize: true, defaultBandwidthEstimate: 1_000_000 },
        });
        player.addEventListener('error', (/** @type {any} */ e) => this.host.onError(e.detail));
    }

    /** @param {HTMLMediaElement} video */
    listen(video) {
        const first = this.parts[0]?.video === video;
        for (const name of ['waiting', 'playing', 'canplay', 'seeking', 'seeked', 'pause'])
            video.addEventListener(name, this.look);
        if (first) {
            video.addEventListener('timeupdate', this.host.onTime);
            video.addEventListener('ended', this.ended);
        }
    }

    async unload() {
        const old = this.parts;
        this.parts = [];
        for (const { video, player } of old) {
            for (const name of ['waiting', 'playing', 'canplay', 'seeking', 'seeked', 'pause'])
                video.removeEventListener(name, this.look);
            video.removeEventListener('timeupdate', this.host.onTime);
            video.removeEventListener('ended', this.ended);
            await player.destroy();
        }
    }

    get leader() {
        return this.parts[0]?.video ?? null;
    }
    get time() {
        return this.leader?.currentTime ?? 0;
    }
    get duration() {
        const d = this.leader?.duration ?? 0;
        return Number.isFinite(d) ? d : 0;
    }

    /** Seconds that every part has loaded from here on. */
    get ahead() {
        return this.parts.length ? Math.min(...this.parts.filter((p) => !this.rests(p)).map(({ video }) => bufferedAhead(video))) : 0;
    }

    ended = () => {
        this.over = true;
        this.wanted = false;
        for (const { video } of this.parts)
            video.pause();
        this.host.onEnd();
        this.host.onState();
    };

    play() {
        this.wanted = true;
        if (this.over)
            this.seek(0);
        this.look();
        this.host.onState();
    }

    pause() {
        this.wanted = false;
        this.look();
        this.host.onState();
    }

    /** @param {number} t seconds */
    seek(t) {
        const to = Math.max(0, Math.min(t, Math.max(0, this.duration - 0.2)));
        this.over = false;
        for (const { video, from } of this.parts)
            video.currentTime = Math.min(Math.max(to, from), endOf(video));
        this.host.onTime();
        this.look();
    }

    /** @param {number} rate */
    setRate(rate) {
        this.rate = rate;
        for (const { video } of this.parts)
            video.playbackRate = rate;
    }

    /** A part that has no picture at this time is neither waited for nor run. @param {Part} part */
    rests(part) {
        const lead = this.leader;
        if (part.file && part.video.error)
            return true;
        return lead !== part.video && lead !== null
            && (lead.currentTime < part.from - 0.05 || lead.currentTime > Math.min(part.to, endOf(part.video)) - 0.05);
    }

    /** One goes on only when both can: a teacher who talks about the wrong slide is worse than a pause. */
    look = () => {
        const lead = this.leader;
        if (!lead)
            return;
        const active = this.parts.filter((p) => !this.rests(p));
        const starved = active.some(({ video }) => video.seeking
            || (video.readyState < READY && !video.ended && endOf(video) - video.currentTime > 0.3));
        if (starved !== this.starved) {
            this.starved = starved;
            this.host.onState();
        }
        const run = this.wanted && !starved;
        for (const part of this.parts)
            this.drive(part.video, run && active.includes(part));
        for (const part of active.slice(1))
            this.nudge(lead, part);
    };

    /** @param {HTMLMediaElement} video @param {boolean} run */
    drive(video, run) {
        if (run && video.paused && !video.ended)
            video.play().catch((e) => {
                if (e.name === 'NotAllowedError') {
                    this.wanted = false;
                    this.host.onState();
                }
            });
        else if (!run && !video.paused)
            video.pause();
    }

    /** @param {HTMLMediaElement} lead @param {Part} part */
    nudge(lead, { video, only }) {
        if (video.seeking || lead.seeking)
            return;
        const { rate, jump } = inStep(lead.currentTime, video.currentTime, this.rate,
            only === 'pictures' ? NUDGE.picture : NUDGE.voice);
        if (video.playbackRate !== rate)
            video.playbackRate = rate;
        if (jump !== null)
            video.currentTime = jump;
    }

    /** Largest distance between the parts, in seconds. */
    get apart() {
        const lead = this.leader;
        if (!lead)
            return 0;
        return Math.max(0, ...this.parts.slice(1).filter((p) => !this.rests(p))
            .map(({ video }) => Math.abs(video.currentTime - lead.currentTime)));
    }
}

/** @param {HTMLMediaElement} video */
function endOf(video) {
    return Number.isFinite(video.duration) ? video.duration : Infinity;
}

/** @param {HTMLMediaElement} video */
function bufferedAhead(video) {
    for (let i = 0; i < video.buffered.length; i++)
        if (video.buffered.start(i) <= video.currentTime + 0.1 && video.buffered.end(i) > video.currentTime)
            return video.buffered.end(i) - video.currentTime;
    return 0;
}

/**
 * The browser's own player behind the same calls, for one media file. Its errors stay its own: an
 * answer that cannot be heard must not stop the teacher.
 * @param {HTMLMediaElement} video
 */
function plainPlayer(video) {
    return {
        /** @param {string} url @param {number} at */
        async load(url, at) {
            video.preload = 'auto';
            video.src = url;
            video.currentTime = at;
        },
        async destroy() {
            video.removeAttribute('src');
            video.load();
        },
    };
}
