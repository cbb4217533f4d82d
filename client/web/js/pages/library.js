/* library.js - what was recorded: find a lesson, see how far I got, open it. */

import { begin, languageSwitch } from '../chrome.js';
import { byId, el, setText, show } from '../dom.js';
import { t } from '../i18n.js';
import { clockText, dateText, errorText, gradeText, subjectText } from '../words.js';

const PAGE = 24;
/* While one is still being made, the list is asked for again. */
const AGAIN_MS = 3000;

const { api } = await begin();
languageSwitch(byId('lang'));
const q = /** @type {HTMLInputElement} */ (byId('q'));
let shown = PAGE;
let asked = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let again;

async function load() {
    const mine = ++asked;
    clearTimeout(again);
    const query = new URLSearchParams({ limit: String(shown) });
    if (q.value.trim())
        query.set('q', q.value.trim());
    try {
        const found = await api.get(`/api/v1/resources?${query}`);
        if (mine === asked)
            paint(found.resources, found.total);
    } catch (e) {
        if (mine !== asked)
            return;
        setText(byId('count'), errorText(e));
        again = setTimeout(load, AGAIN_MS);
    }
}

/** @param {any[]} list @param {number} total */
function paint(list, total) {
    setText(byId('count'), total ? t('library.count', { n: total }) : '');
    byId('grid').replaceChildren(...list.map((r) => el('li', {}, card(r))));
    show(byId('empty'), list.length === 0);
    setText(byId('empty'), t(q.value.trim() ? 'library.none' : 'library.empty'));
    show(byId('more'), total > list.length);
    if (list.some((r) => r.state === 'packaging' || r.state === 'recording'))
        again = setTimeout(load, AGAIN_MS);
}

/** @param {any} r */
function card(r) {
    const ready = r.state === 'ready';
    const poster = el('div', { class: 'poster' }, el('b', { 'aria-hidden': 'true' }, (subjectText(r.subject) || r.title).slice(0, 2)));
    if (r.poster)
        poster.append(el('img', { src: r.poster, alt: '', loading: 'lazy', onerror: removeIt }));
    if (ready)
        poster.append(el('span', { class: 'long' }, clockText(r.duration_ms / 1000)));
    if (ready && r.position_ms)
        poster.append(progress(r.position_ms / r.duration_ms));
    const about = el('div', { class: 'about' }, el('h2', {}, r.title),
        el('div', { class: 'row' }, ...[subjectText(r.subject), gradeText(r.grade), r.teacher].filter(Boolean)
            .map((s) => el('span', { class: 'chip' }, s))),
        el('time', { datetime: r.recorded_at }, dateText(r.recorded_at)),
        ready ? null : el('span', { class: `quality ${r.state === 'failed' ? 'poor' : 'fair'}` }, t(`resource.${r.state}`)));
    if (!ready)
        return el('div', { class: 'lesson-card' }, poster, about);
    return el('a', { class: 'lesson-card', href: `replay.html#id=${encodeURIComponent(r.id)}` }, poster, about);
}

/** @param {number} part */
function progress(part) {
    const bar = el('span');
    bar.style.transform = `scaleX(${Math.min(1, part)})`;
    return el('div', { class: 'done' }, bar);
}

/** A poster that cannot be had leaves the drawn one. @param {Event} e */
function removeIt(e) {
    /** @type {HTMLElement} */ (e.target).remove();
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;
q.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
        shown = PAGE;
        load();
    }, 250);
});
byId('search').addEventListener('submit', (e) => {
    e.preventDefault();
    load();
});
byId('more').addEventListener('click', () => {
    shown += PAGE;
    load();
});
await load();
