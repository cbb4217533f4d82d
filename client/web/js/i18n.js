/* i18n.js - every word a person reads comes from a catalogue; zh-CN first, English by choice. */

/** @type {Record<string, string>} */
let words = {};
let lang = 'zh-CN';

export const LANGS = ['zh-CN', 'en'];

/**
 * Which catalogue suits: an explicit wish first, then what the browser says, else Chinese.
 * @param {string | null} wish @param {readonly string[]} browser
 */
export function pickLang(wish, browser) {
    for (const w of [wish, ...browser]) {
        if (!w)
            continue;
        if (/^zh\b/i.test(w))
            return 'zh-CN';
        if (/^en\b/i.test(w))
            return 'en';
    }
    return 'zh-CN';
}

/**
 * Fills {name} places. A place without a value stays visible, so that tests and eyes find it.
 * @param {string} text @param {Record<string, unknown>} [values]
 */
export function fill(text, values = {}) {
    return text.replace(/\{(\w+)\}/g, (all, key) => (key in values ? String(values[key]) : all));
}

/** @param {Record<string, string>} catalogue @param {string} name */
export function useCatalogue(catalogue, name) {
    words = catalogue;
    lang = name;
}

export function currentLang() {
    return lang;
}

/** @param {string} key @param {Record<string, unknown>} [values] */
export function t(key, values) {
    return fill(words[key] ?? key, values);
}

/** True if the catalogue has this key: for keys made from what a server says. @param {string} key */
export function has(key) {
    return key in words;
}

/** Reads the catalogue that suits and puts it into the page. */
export async function loadWords() {
    const wish = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem('lang');
    const name = pickLang(wish, navigator.languages ?? [navigator.language]);
    const answer = await fetch(new URL(`../i18n/${name}.json`, import.meta.url));
    useCatalogue(await answer.json(), name);
    document.documentElement.lang = name;
    applyWords(document);
}

/** @param {string} name */
export function switchLang(name) {
    localStorage.setItem('lang', name);
    const url = new URL(location.href);
    url.searchParams.delete('lang');
    history.replaceState(null, '', url);
    location.reload();
}

/**
 * data-t="key" sets the text, data-t-label the accessible name, data-t-hint the placeholder.
 * @param {ParentNode} root
 */
export function applyWords(root) {
    for (const e of root.querySelectorAll('[data-t]'))
        e.textContent = t(e.getAttribute('data-t') ?? '');
    for (const e of root.querySelectorAll('[data-t-label]'))
        e.setAttribute('aria-label', t(e.getAttribute('data-t-label') ?? ''));
    for (const e of root.querySelectorAll('[data-t-hint]'))
        e.setAttribute('placeholder', t(e.getAttribute('data-t-hint') ?? ''));
}
