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

/**
 * A list whose entries stay the same elements while they are in it: whoever is about to touch a
 * button, or has it in focus, keeps it.
 * @template T
 * @param {HTMLElement} host @param {readonly T[]} items @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} make @param {(e: HTMLElement, item: T, n: number) => void} paint
 */
export function keepList(host, items, keyOf, make, paint) {
    const old = new Map([...host.children].map((e) => [/** @type {HTMLElement} */ (e).dataset.key ?? '', /** @type {HTMLElement} */ (e)]));
    items.forEach((item, n) => {
        const key = keyOf(item);
        const e = old.get(key) ?? make(item);
        old.delete(key);
        e.dataset.key = key;
        if (host.children[n] !== e)
            host.insertBefore(e, host.children[n] ?? null);
        paint(e, item, n);
    });
    for (const e of old.values())
        e.remove();
}
