/* wall.js - every class at a size where faces are seen, and what a lead must know of each. */

import { el, icon, setText, show } from './dom.js';
import { t } from './i18n.js';
import { pictureSaying } from './sayings.js';
import { View, seen } from './view.js';
import { calledText, linkWords, rungKey } from './words.js';

/** Video lines of one connection that are left beside three voices. */
export const PER_PAGE = 8;

/**
 * The slots of one page of the wall: a small picture of each point, the full one of who has the floor.
 * @param {import('./lesson.js').Site[]} points @param {number} page @param {number} lines
 * @param {string | null} floor
 */
export function wallSlots(points, page, lines, floor) {
    const out = [];
    for (let i = 0; i < lines; i++) {
        const p = points[page * PER_PAGE + i];
        out.push(!p ? 'off' : p.id === floor ? `site/${p.id}` : `wall/${p.number}`);
    }
    return out;
}

/** Columns so that n tiles of 16:9 fill a wide screen best. @param {number} n */
export function columnsFor(n) {
    return n <= 1 ? 1 : n <= 4 ? 2 : 3;
}

export class Wall {
    /**
     * @param {HTMLElement} host @param {import('./lesson.js').LessonState} lesson
     * @param {(site: string) => void} onFloor
     */
    constructor(host, lesson, onFloor) {
        this.host = host;
        this.lesson = lesson;
        this.onFloor = onFloor;
        this.page = 0;
        /** @type {ReturnType<typeof makeTile>[]} */
        this.tiles = [];
        /** @type {(MediaStreamTrack | undefined)[]} */
        this.tracks = [];
        /** @type {number[]} */
        this.stalled = [];
    }

    pages() {
        return Math.max(1, Math.ceil(this.lesson.points().length / PER_PAGE));
    }

    /** @param {number} by */
    turn(by) {
        this.page = (this.page + by + this.pages()) % this.pages();
    }

    /** @param {number} lines */
    slots(lines) {
        return wallSlots(this.lesson.points(), this.page, lines, this.lesson.floor);
    }

    /** @param {number} n @param {MediaStreamTrack} track */
    setTrack(n, track) {
        this.tracks[n] = track;
        this.tiles[n]?.view.setTrack(track);
    }

    /** @param {import('./rtc.js').Sample} s @param {string[]} mids */
    setSample(s, mids) {
        this.stalled = mids.map((mid) => s.inbound.find((i) => i.mid === mid)?.stalledMs ?? 0);
    }

    /** @param {boolean} up */
    paint(up) {
        const here = this.lesson.points().slice(this.page * PER_PAGE, (this.page + 1) * PER_PAGE);
        while (this.tiles.length < here.length)
            this.addTile();
        this.host.style.setProperty('--cols', String(columnsFor(here.length)));
        this.tiles.forEach((tile, n) => {
            const site = here[n];
            show(tile.root, !!site);
            if (site)
                this.paintTile(tile, site, n, up);
        });
    }

    addTile() {
        const n = this.tiles.length;
        const tile = makeTile(() => {
            const site = this.lesson.points()[this.page * PER_PAGE + n];
            if (site)
                this.onFloor(site.id);
        });
        this.tiles.push(tile);
        this.host.append(tile.root);
        const track = this.tracks[n];
        if (track)
            tile.view.setTrack(track);
    }

    /**
     * @param {ReturnType<typeof makeTile>} tile @param {import('./lesson.js').Site} site
     * @param {number} n @param {boolean} up
     */
    paintTile(tile, site, n, up) {
        const { lesson } = this;
        const floor = lesson.floor === site.id;
        const hand = lesson.hands.some((h) => h.site === site.id);
        tile.root.className = `site${floor ? ' floor' : hand ? ' hand' : ''}`;
        show(tile.hand, hand && !floor);
        show(tile.speaks, floor || lesson.speaking === site.id);
        setText(tile.speaks, t(floor ? 'lead.hasfloor' : 'lead.heard'));
        setText(tile.name, site.name);
        setText(tile.called, calledText(lesson.sinceFloor(site)));
        const link = linkWords(site, lesson.quality.get(site.id));
        tile.link.className = `quality ${link.level}`;
        const rung = rungKey(site, lesson.quality.get(site.id));
        setText(tile.link, rung ? `${t(link.key)} · ${t(rung)}` : t(link.key));
        tile.button.className = `btn small ${floor ? 'danger' : 'go'}`;
        tile.button.disabled = !lesson.running() || (!floor && site.state === 'absent');
        setText(tile.button, t(floor ? 'lead.takeback' : hand ? 'lead.give' : 'lead.call'));
        tile.button.setAttribute('aria-label', `${tile.button.textContent} ${site.name}`);
        tile.view.say(pictureSaying(lesson, `wall/${site.number}`,
            { up, stalledMs: this.stalled[n] ?? 0, ...seen(tile.view) }));
    }
}

/** @param {() => void} onTouch */
function makeTile(onTouch) {
    const view = new View('');
    const hand = el('span', { class: 'badge-hand' }, icon('hand'), t('lead.handup'));
    const speaks = el('span', { class: 'badge-floor' });
    const name = el('span', { class: 'name' });
    const called = el('span');
    const link = el('span', { class: 'quality good' });
    const button = el('button', { class: 'btn small go', type: 'button', onclick: onTouch });
    view.root.append(hand, speaks);
    const root = el('article', { class: 'site' }, view.root,
        el('div', { class: 'foot' }, name, el('span', { class: 'facts' }, called, link), button));
    return { root, view, hand, speaks, name, called, link, button };
}
