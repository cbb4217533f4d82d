/* index.js - reads who somebody is and leads to the right page. */

import { begin, languageSwitch } from '../chrome.js';
import { byId, el, icon, setText, show } from '../dom.js';
import { t } from '../i18n.js';
import { dateText, gradeText, subjectText } from '../words.js';

const { api, me, lesson } = await begin();
setText(byId('who'), t('index.who', { name: me.name || me.sub, role: t(`role.${me.role}`) }));
languageSwitch(byId('lang'));

/** @type {Record<string, string>} */
const HOME = { lead: 'lead.html', observer: 'observer.html', student: 'observer.html', technician: 'status.html', admin: 'lead.html' };

/** @param {string} id */
function pageFor(id) {
    return `${me.role === 'assistant' ? 'point.html' : HOME[me.role] ?? 'observer.html'}#lesson=${encodeURIComponent(id)}`;
}

if (me.role === 'technician')
    location.replace('status.html');
else if (lesson && me.role !== 'assistant' && me.role !== 'student')
    location.replace(pageFor(lesson));
else
    await choose();

async function choose() {
    byId('ways').append(...ways());
    show(byId('ways'), true);
    for (;;) {
        const { lessons } = await api.get('/api/v1/lessons?limit=50').catch(() => ({ lessons: null }));
        if (lessons)
            paint(lessons);
        await new Promise((r) => setTimeout(r, 5000));
    }
}

function ways() {
    const out = [];
    const hash = lesson ? `#lesson=${encodeURIComponent(lesson)}` : '';
    if (me.role === 'assistant' && lesson)
        out.push(way(`point.html${hash}`, 'screen', 'index.point', 'index.point.says'),
            way(`assistant.html${hash}`, 'hand', 'index.assistant', 'index.assistant.says'));
    if (me.role === 'student' && lesson)
        out.push(way(`observer.html${hash}`, 'play', 'index.watch', 'index.watch.says'));
    if (me.can.includes('library'))
        out.push(way('library.html', 'search', 'index.library', 'index.library.says'));
    return out;
}

/** @param {string} href @param {string} pic @param {string} title @param {string} says */
function way(href, pic, title, says) {
    return el('a', { href }, icon(pic), el('b', {}, t(title)), el('span', { class: 'muted' }, t(says)));
}

/** @param {import('../lesson.js').Lesson[]} lessons */
function paint(lessons) {
    const rank = { running: 0, planned: 1, ended: 2 };
    const open = lessons.filter((l) => l.state !== 'ended')
        .sort((a, b) => rank[/** @type {'running'} */ (a.state)] - rank[/** @type {'running'} */ (b.state)]
            || a.starts_at.localeCompare(b.starts_at));
    show(byId('lessons-title'), open.length > 0);
    show(byId('empty'), open.length === 0);
    byId('lessons').replaceChildren(...open.map((l) => el('li', {}, el('a', { href: pageFor(l.id) },
        el('b', {}, l.title),
        el('span', { class: `chip ${l.state}` }, t(`lesson.${l.state}`)),
        el('span', { class: 'muted' }, [dateText(l.starts_at), l.lead_site.name, l.teacher, subjectText(l.subject), gradeText(l.grade)]
            .filter(Boolean).join(' · '))))));
}
