/* lesson.js - what is going on in the lesson, as told by its events. No page, no network. */

import { LessonClock } from './clock.js';

/**
 * @typedef {{sub: string, name: string, role: string, site?: string | null}} Person
 * @typedef {{id: string, name: string, lead: boolean, number: number, state: string, sources: string[],
 *            hand_since_ms: number | null, has_floor: boolean, floor_count: number,
 *            last_floor_ms: number | null, people: Person[]}} Site
 * @typedef {{site: string, since_ms: number, by?: Person | null}} Hand
 * @typedef {{id: number, clock_ms: number, kind: string, text: string, by?: Person | null,
 *            private?: boolean}} Mark
 * @typedef {{id: number, clock_ms: number, kind: string, text: string, to: string,
 *            by?: Person | null, at?: string}} Message
 * @typedef {{kbps: number | null, loss: number | null}} Way
 * @typedef {{site: string, level: string, rung?: number | null, rtt_ms: number | null, up: Way, down: Way}} Quality
 * @typedef {{id: string, title: string, subject: string, grade: string, teacher: string, state: string,
 *            record: boolean, lead_site: {id: string, name: string}, points: {id: string, name: string}[],
 *            starts_at: string, started_at: string | null, ended_at: string | null,
 *            duration_min: number, resource: string | null}} Lesson
 */

export class LessonState {
    /** @param {LessonClock} [clock] */
    constructor(clock = new LessonClock()) {
        this.clock = clock;
        /** False until the relay has told the whole state once. */
        this.known = false;
        /** @type {Person | null} */
        this.me = null;
        /** @type {Lesson | null} */
        this.lesson = null;
        this.mode = 'lecture';
        /** @type {string | null} */
        this.floor = null;
        /** @type {Hand[]} */
        this.hands = [];
        /** @type {Map<string, Site>} */
        this.sites = new Map();
        /** @type {Map<number, any>} */
        this.members = new Map();
        /** @type {string | null} */
        this.speaking = null;
        /** @type {Map<string, Quality>} */
        this.quality = new Map();
        /** @type {Map<number, Mark>} */
        this.marks = new Map();
        /** @type {Map<number, Message>} */
        this.messages = new Map();
    }

    /**
     * @param {string} name of the event @param {any} data
     * @returns {boolean} whether it was understood
     */
    apply(name, data) {
        const f = HANDLERS[name];
        if (!f || data === null || typeof data !== 'object')
            return false;
        if (name !== 'snapshot' && typeof data.clock_ms === 'number' && this.running())
            this.clock.hear(data.clock_ms);
        f(this, data);
        return true;
    }

    running() {
        return this.lesson?.state === 'running';
    }
    ended() {
        return this.lesson?.state === 'ended';
    }

    /** @returns {Site | null} */
    leadSite() {
        for (const s of this.sites.values())
            if (s.lead)
                return s;
        return null;
    }

    /** The points in the order of the lesson. @returns {Site[]} */
    points() {
        return [...this.sites.values()].filter((s) => !s.lead).sort((a, b) => a.number - b.number);
    }

    /** @param {string | null | undefined} id */
    siteName(id) {
        return id ? this.sites.get(id)?.name ?? id : '';
    }

    /** Whether media of a slot is being sent to the relay now. @param {string} slot */
    slotLive(slot) {
        if (slot === 'floor')
            return this.floor !== null && this.siteSends(this.sites.get(this.floor));
        if (slot.startsWith('site/'))
            return this.siteSends(this.sites.get(slot.slice(5)));
        if (slot.startsWith('wall/'))
            return this.siteSends(this.points()[Number(slot.slice(5)) - 1]);
        const lead = this.leadSite();
        return lead !== null && lead.state === 'open' && lead.sources.includes(slot);
    }

    /** @param {Site | undefined} s */
    siteSends(s) {
        return !!s && s.state === 'open' && s.sources.includes(s.lead ? 'camera' : 'class');
    }

    /** Milliseconds since a site last had the floor; null: never. @param {Site} s */
    sinceFloor(s) {
        if (s.has_floor)
            return 0;
        return s.last_floor_ms === null ? null : Math.max(0, this.clock.ms() - s.last_floor_ms);
    }

    /** Marks by lesson time. @returns {Mark[]} */
    marksInOrder() {
        return [...this.marks.values()].sort((a, b) => a.clock_ms - b.clock_ms || a.id - b.id);
    }

    /** @returns {Message[]} */
    messagesInOrder() {
        return [...this.messages.values()].sort((a, b) => a.id - b.id);
    }

    /** @param {Lesson} lesson @param {number | null | undefined} clockMs */
    setLesson(lesson, clockMs) {
        this.lesson = lesson;
        if (typeof clockMs === 'number')
            this.clock.hear(clockMs, lesson.state === 'running');
    }
}

/** @type {Record<string, (s: LessonState, d: any) => void>} */
const HANDLERS = {
    snapshot(s, d) {
        s.known = true;
        s.me = d.me ?? null;
        s.mode = d.mode;
        s.floor = d.floor ?? null;
        s.hands = d.hands ?? [];
        s.sites = new Map((d.sites ?? []).map((/** @type {Site} */ x) => [x.id, x]));
        s.members = new Map((d.members ?? []).map((/** @type {any} */ x) => [x.id, x]));
        s.speaking = d.speaking ?? null;
        s.quality = new Map((d.quality ?? []).map((/** @type {Quality} */ x) => [x.site, x]));
        s.marks = new Map((d.marks ?? []).map((/** @type {Mark} */ x) => [x.id, x]));
        s.messages = new Map((d.messages ?? []).map((/** @type {Message} */ x) => [x.id, x]));
        s.setLesson(d.lesson, d.clock_ms);
    },
    lesson(s, d) {
        s.setLesson(d.lesson, d.clock_ms ?? d.lesson?.clock_ms);
    },
    mode(s, d) {
        s.mode = d.mode;
    },
    floor(s, d) {
        s.floor = d.floor ?? null;
        for (const site of s.sites.values())
            site.has_floor = site.id === s.floor;
    },
    hand(s, d) {
        s.hands = d.hands ?? [];
        for (const site of s.sites.values())
            site.hand_since_ms = s.hands.find((h) => h.site === site.id)?.since_ms ?? null;
    },
    mark(s, d) {
        s.marks.set(d.mark.id, d.mark);
    },
    message(s, d) {
        s.messages.set(d.message.id, d.message);
    },
    site(s, d) {
        s.sites.set(d.site.id, d.site);
    },
    member(s, d) {
        if (d.member.state === 'gone')
            s.members.delete(d.member.id);
        else
            s.members.set(d.member.id, d.member);
    },
    quality(s, d) {
        for (const q of d.sites ?? [])
            s.quality.set(q.site, q);
    },
    speaking(s, d) {
        s.speaking = d.site ?? null;
    },
};
