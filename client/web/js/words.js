/* words.js - numbers and codes put into words that a teacher would use. */

import { currentLang, has, t } from './i18n.js';

/** Seconds as 3:07 or 1:02:09. @param {number} s */
export function clockText(s) {
    const whole = Math.max(0, Math.floor(Number.isFinite(s) ? s : 0));
    const h = Math.floor(whole / 3600);
    const m = Math.floor(whole / 60) % 60;
    const sec = String(whole % 60).padStart(2, '0');
    return h ? `${h}:${String(m).padStart(2, '0')}:${sec}` : `${m}:${sec}`;
}

/** How long somebody has been waiting. @param {number} ms */
export function waitText(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    return s < 60 ? t('wait.seconds', { n: s }) : t('wait.minutes', { n: Math.floor(s / 60) });
}

/** When a point was last called on. @param {number | null | undefined} agoMs */
export function calledText(agoMs) {
    if (agoMs === null || agoMs === undefined)
        return t('called.never');
    const min = Math.floor(agoMs / 60000);
    return min < 1 ? t('called.now') : t('called.minutes', { n: min });
}

/** @param {string | number | Date} when */
export function dateText(when) {
    const d = new Date(when);
    if (Number.isNaN(d.getTime()))
        return '';
    return new Intl.DateTimeFormat(currentLang(), {
        year: 'numeric', month: 'long', day: 'numeric', weekday: 'short',
        hour: '2-digit', minute: '2-digit', hour12: false,
    }).format(d);
}

/** @param {number} seconds */
export function lengthText(seconds) {
    const min = Math.round(seconds / 60);
    return min < 1 ? t('length.seconds', { n: Math.round(seconds) }) : t('length.minutes', { n: min });
}

/** @param {number} bytes */
export function sizeText(bytes) {
    if (bytes < 1024 * 1024)
        return `${Math.round(bytes / 1024)} KB`;
    return `${(bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0)} MB`;
}

/**
 * A link in words, by what a person would notice: is it there, does it lose, is it slow.
 * @param {import('./lesson.js').Site | undefined} site
 * @param {import('./lesson.js').Quality | undefined} q
 * @returns {{level: 'good' | 'fair' | 'poor' | 'off', key: string}}
 */
export function linkWords(site, q) {
    if (!site || site.state === 'absent')
        return { level: 'off', key: 'link.absent' };
    if (site.state === 'away')
        return { level: 'poor', key: 'link.away' };
    if (site.state === 'connecting')
        return { level: 'fair', key: 'link.connecting' };
    if (!q || q.level === 'good' || !q.level)
        return { level: 'good', key: 'link.good' };
    if (q.level === 'lost')
        return { level: 'poor', key: 'link.away' };

    const level = q.level === 'poor' ? 'poor' : 'fair';
    const up = q.up?.loss ?? 0;
    const down = q.down?.loss ?? 0;
    if (Math.max(up, down) >= 0.02)
        return { level, key: up >= down ? 'link.lossup' : 'link.lossdown' };
    return { level, key: (q.rtt_ms ?? 0) >= 200 ? 'link.slow' : `link.${level}` };
}

/**
 * What a site gets when its way does not carry everything; '' when it does, or nobody knows.
 * @param {import('./lesson.js').Site | undefined} site
 * @param {import('./lesson.js').Quality | undefined} q
 */
export function rungKey(site, q) {
    return site?.state === 'open' && q?.rung && q.rung < 5 ? `rung.${q.rung}` : '';
}

/** What a teaching subject is called; an unknown one is shown as it was written. @param {string} s */
export function subjectText(s) {
    return s && has(`subject.${s}`) ? t(`subject.${s}`) : s;
}

/** @param {string | number | undefined | null} g */
export function gradeText(g) {
    if (g === undefined || g === null || g === '')
        return '';
    return has(`grade.${g}`) ? t(`grade.${g}`) : String(g);
}

/**
 * What went wrong, in words. The status decides; a code is never shown.
 * @param {unknown} error
 */
export function errorText(error) {
    const e = /** @type {{status?: number, name?: string, code?: string}} */ (error ?? {});
    const type = /** @type {{type?: string}} */ (e).type;
    if (type && has(`problem.${type}`))
        return t(`problem.${type}`);
    const byName = e.name && has(`error.${e.name}`) ? t(`error.${e.name}`) : null;
    if (typeof e.status === 'number' && e.status > 0)
        return has(`error.${e.status}`) ? t(`error.${e.status}`) : t(e.status >= 500 ? 'error.server' : 'error.refused');
    return byName ?? t('error.network');
}
