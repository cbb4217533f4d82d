/* dom.js - making elements, and nothing else. */

/**
 * el('button', {class: 'big', onclick: f, disabled: true}, 'text', child)
 * Properties that start with "on" are listeners; true and false set or leave out an attribute.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, any>} [props]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, props = {}, ...children) {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(props))
        setProp(e, k, v);
    for (const c of children)
        if (c !== null && c !== undefined && c !== false)
            e.append(c);
    return e;
}

/** @param {HTMLElement} e @param {string} k @param {any} v */
function setProp(e, k, v) {
    if (k.startsWith('on'))
        e.addEventListener(k.slice(2), v);
    else if (v === true)
        e.setAttribute(k, '');
    else if (v !== false && v !== null && v !== undefined)
        e.setAttribute(k, String(v));
}

/** @param {string} name one of the symbols in img/icons.svg @param {string} [cls] */
export function icon(name, cls = '') {
    const ns = 'http://www.w3.org/2000/svg';
    const svg = document.createElementNS(ns, 'svg');
    svg.setAttribute('class', `icon ${cls}`);
    svg.setAttribute('aria-hidden', 'true');
    const use = document.createElementNS(ns, 'use');
    use.setAttribute('href', `img/icons.svg#${name}`);
    svg.append(use);
    return svg;
}

/**
 * The element with this id; a page that lacks it is broken, and says so at once.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id @returns {T}
 */
export function byId(id) {
    const e = document.getElementById(id);
    if (!e)
        throw new Error(`page has no #${id}`);
    return /** @type {T} */ (e);
}

/** @param {Element} e @param {string} text sets text only when it differs: screen readers stay calm */
export function setText(e, text) {
    if (e.textContent !== text)
        e.textContent = text;
}

/** @param {HTMLElement} e @param {boolean} on */
export function show(e, on) {
    if (e.hidden === on)
        e.hidden = !on;
}
