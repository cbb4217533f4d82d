/* chrome.js - what every page has around its content: words, top bar, one-line news, first checks. */

import { Api } from './api.js';
import { byId, el, icon, setText, show } from './dom.js';
import { LANGS, currentLang, loadWords, switchLang, t } from './i18n.js';
import { takeTicket } from './ticket.js';
import { clockText, errorText } from './words.js';

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/** @param {string} text one short sentence, gone after a while */
export function toast(text) {
    let line = document.getElementById('toast');
    if (!line) {
        line = el('div', { id: 'toast', role: 'status' });
        document.body.append(line);
    }
    line.hidden = false;
    setText(line, text);
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => {
        if (line)
            line.hidden = true;
    }, 4000);
}

/**
 * Runs what a touch asked for; a failure is said in words, and the button is free again.
 * @param {HTMLButtonElement | null} button @param {() => Promise<unknown>} work
 * @param {string} [done] key of what is said after success
 */
export async function act(button, work, done) {
    if (button)
        button.disabled = true;
    try {
        await work();
        if (done)
            toast(t(done));
    } catch (e) {
        console.warn(e);
        toast(errorText(e));
    } finally {
        if (button)
            button.disabled = false;
    }
}

/** A button that changes to the other language. @param {HTMLElement} host */
export function languageSwitch(host) {
    const other = LANGS.find((l) => l !== currentLang()) ?? 'en';
    host.append(el('button', {
        class: 'btn quiet small', type: 'button', lang: other, onclick: () => switchLang(other),
    }, other === 'en' ? 'English' : '中文'));
}

/**
 * Puts one sentence where the page would be: no token, no right, no lesson.
 * @param {string} title @param {string} text @param {...Node} more
 */
export function onlySay(title, text, ...more) {
    document.body.replaceChildren(el('main', { class: 'only' },
        el('img', { src: 'img/brand.svg', alt: '' }), el('h1', {}, title), el('p', {}, text), ...more));
}

/**
 * @typedef {{api: Api, me: {sub: string, name: string, role: string, site?: string | null,
 *            lesson?: string | null, can: string[]}, lesson: string | null, params: URLSearchParams}} Start
 */

/**
 * Words, token, who am I. A relay that does not answer yet is asked again, for ever; what cannot be
 * mended by waiting is said.
 * @param {string[]} [roles] that this page is for; none: everybody
 * @returns {Promise<Start>} never returns if the page has nothing to do
 */
export async function begin(roles = []) {
    await loadWords();
    /* a page that comes back out of the browser's memory has left the lesson: it enters anew */
    addEventListener('pageshow', (e) => e.persisted && location.reload());
    const ticket = takeTicket();
    if (!ticket.token) {
        onlySay(t('start.nolink.title'), t('start.nolink.text'));
        return new Promise(() => {});
    }
    const api = new Api(ticket.token);
    const me = await whoAmI(api);
    if (roles.length && !roles.includes(me.role)) {
        onlySay(t('start.role.title'), t('start.role.text'),
            el('a', { class: 'btn primary big', href: 'index.html' }, t('start.role.go')));
        return new Promise(() => {});
    }
    const lesson = ticket.lesson ?? (me.lesson && me.lesson !== '*' ? me.lesson : null);
    return { api, me, lesson, params: ticket.params };
}

/** @param {Api} api @returns {Promise<any>} */
async function whoAmI(api) {
    for (let n = 0; ; n++) {
        try {
            return await api.get('/api/v1/me');
        } catch (e) {
            const status = /** @type {{status?: number}} */ (e).status;
            if (status === 401 || status === 403) {
                onlySay(t('start.expired.title'), t('start.expired.text'));
                return new Promise(() => {});
            }
            if (n === 0)
                toast(t('say.reconnecting'));
            await new Promise((r) => setTimeout(r, 1000 + Math.random() * 1000 * Math.min(n, 5)));
        }
    }
}

/** The page is for one lesson and the link does not say which. */
export function needLesson() {
    location.replace('index.html');
    return new Promise(() => {});
}

/**
 * Lesson title, clock and recording lamp of a live page; elements that a page lacks are passed over.
 * @param {import('./lesson.js').LessonState} lesson
 */
export function paintBar(lesson) {
    const l = lesson.lesson;
    const title = document.getElementById('title');
    if (title && l) {
        setText(title, l.title);
        document.title = `${l.title} · ${t('brand')}`;
    }
    const sub = document.getElementById('subtitle');
    if (sub && l)
        setText(sub, [l.lead_site.name, l.teacher].filter(Boolean).join(' · '));
    const clock = document.getElementById('clock');
    if (clock)
        setText(clock, lesson.running() || lesson.ended() ? clockText(lesson.clock.ms() / 1000) : '–:––');
    const lamp = document.getElementById('lamp');
    if (lamp && l) {
        const on = l.record && lesson.running();
        lamp.classList.toggle('on', on);
        setText(lamp, t(on ? 'lamp.on' : lesson.running() ? 'lamp.norecord' : 'lamp.off'));
    }
}

/** Shows, over everything, that the page has lost touch; null: it has not. @param {string | null} text */
export function paintLost(text) {
    const e = document.getElementById('lost');
    if (!e)
        return;
    show(e, text !== null);
    if (text !== null)
        setText(e, text);
}

/** @param {string} id @param {string} iconName puts an icon before the button's words */
export function iconButton(id, iconName) {
    const b = /** @type {HTMLButtonElement} */ (byId(id));
    b.prepend(icon(iconName));
    return b;
}
