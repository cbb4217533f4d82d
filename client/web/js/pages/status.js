/* status.js - the technician's page: every site of today in plain words, the worst first. */

import { Api } from '../api.js';
import { begin, languageSwitch, paintLost } from '../chrome.js';
import { byId, el, setText, show } from '../dom.js';
import { t } from '../i18n.js';
import { rowsOf } from '../health.js';
import { errorText } from '../words.js';

const EVERY_MS = 3000;
/* Lessons are asked one after the other: the page must not be a load on the relay. */
const MOST_LESSONS = 100;

const { api } = await begin(['technician', 'admin']);
languageSwitch(byId('lang'));

/** /readyz answers 503 with the same object when something is wrong. */
async function node() {
    try {
        return await new Api(null).get('/readyz');
    } catch (e) {
        if (/** @type {{status?: number}} */ (e).status !== 503)
            throw e;
        const answer = await fetch('/readyz', { cache: 'no-store' });
        return answer.json().catch(() => ({ ready: false, checks: {} }));
    }
}

async function look() {
    const [ready, { lessons }] = await Promise.all([
        node(), api.get(`/api/v1/lessons?state=running&limit=${MOST_LESSONS}`),
    ]);
    const states = [];
    for (const l of lessons)
        states.push(await api.get(`/api/v1/lessons/${encodeURIComponent(l.id)}/state`).catch(() => null));
    paint(ready, states.filter(Boolean));
}

/** @param {{ready: boolean, checks: Record<string, string>}} ready @param {any[]} states */
function paint(ready, states) {
    const rows = rowsOf(states);
    const bad = rows.filter((r) => r.level === 'poor').length;
    const fair = rows.filter((r) => r.level === 'fair').length;
    byId('summary').replaceChildren(
        figure(states.length, 'status.lessons'), figure(rows.length, 'status.count'),
        figure(bad, 'status.bad'), figure(fair, 'status.fair'));
    const broken = Object.entries(ready.checks ?? {}).filter(([, v]) => v !== 'ok');
    byId('node').replaceChildren(el('li', { class: broken.length || !ready.ready ? 'poor' : 'good' },
        el('span', { class: 'name' }, t('status.node')),
        el('span', { class: 'what' }, broken.length
            ? broken.map(([k, v]) => `${t(`check.${k}`)}${t('colon')}${v}`).join(t('list.semicolon')) : t('status.node.good'))));
    byId('sites').replaceChildren(...rows.map((r) => el('li', { class: r.level },
        el('span', {}, el('span', { class: 'name' }, r.name), el('br'), el('span', { class: 'muted' }, r.lesson)),
        el('span', { class: 'what' }, r.says.map((s) => t(s.key, s.values)).join(t('list.semicolon'))),
        el('span', { class: 'figures' }, r.figures))));
    show(byId('empty'), rows.length === 0);
    setText(byId('when'), t('status.when', { time: new Date().toLocaleTimeString(document.documentElement.lang, { hour12: false }) }));
}

/** @param {number} n @param {string} key */
function figure(n, key) {
    return el('div', { class: 'card' }, el('b', {}, String(n)), el('span', { class: 'muted' }, t(key)));
}

for (;;) {
    try {
        await look();
        paintLost(null);
    } catch (e) {
        paintLost(errorText(e));
    }
    await new Promise((r) => setTimeout(r, EVERY_MS));
}
