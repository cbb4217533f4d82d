/* replay.js - a recorded lesson: teacher and slides in step, chapters, speed, a thin way. */

import { begin, iconButton, languageSwitch } from '../chrome.js';
import { byId, el, icon, setText, show } from '../dom.js';
import { Duo } from '../duo.js';
import { t } from '../i18n.js';
import { toggleFullScreen } from '../media.js';
import { Place } from '../place.js';
import { chapterAt, chaptersOf, planOf, readManifest } from '../resource.js';
import { lastBefore } from '../sync.js';
import { clockText, dateText, errorText, gradeText, lengthText, sizeText, subjectText } from '../words.js';

const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2];
const STEP_S = 10;
const KEEP_EVERY_MS = 10_000;
const RETRY_MS = 3000;

const { api, params } = await begin();
const id = params.get('id') ?? '';
if (!id)
    location.replace('library.html');
languageSwitch(byId('lang'));

const screens = byId('screens');
const main = /** @type {HTMLElement} */ (screens.querySelector('.main'));
const side = /** @type {HTMLElement} */ (screens.querySelector('.side'));
const camera = el('video', { playsinline: true, tabindex: '-1' });
const slides = el('video', { playsinline: true, tabindex: '-1' });
const elements = { camera, slides, lead: el('video', { hidden: true }), floor: el('audio') };
const still = el('img', { class: 'still', alt: '', hidden: true });
const place = new Place(api, id);
screens.append(elements.lead, elements.floor);
const duo = new Duo({ onTime, onState: paint, onError: broken, onEnd: () => place.keep(0) });

/** @type {import('../resource.js').Resource} */
let lesson;
let about = /** @type {any} */ (null);
let thin = false;
let begun = false;
let layout = innerWidth < 700 ? 'stack' : 'pip';
let swapped = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let renewal;

/** Asks until the recording is there: seconds after the bell it is. */
async function open() {
    for (;;) {
        try {
            about = await api.get(`/api/v1/resources/${encodeURIComponent(id)}`);
            if (about.state === 'ready')
                return await grant();
            setText(byId('wait'), t('replay.notready'));
        } catch (e) {
            console.warn(e);
            setText(byId('wait'), errorText(e));
        }
        show(byId('wait'), true);
        show(byId('start'), false);
        await new Promise((r) => setTimeout(r, RETRY_MS));
    }
}

/** Addresses of the media, good for a while only; new ones are fetched before that. */
async function grant() {
    const got = await api.get(`/api/v1/resources/${encodeURIComponent(id)}/manifest`);
    lesson = readManifest(got.manifest, got.base);
    /* marks made by observers, and after the bell, are not in the recording */
    const more = await api.get(`/api/v1/lessons/${encodeURIComponent(about.lesson)}/marks`).catch(() => null);
    if (more)
        lesson.chapters = chaptersOf([...(got.manifest.marks ?? []), ...more.marks])
            .filter((c) => c.at <= lesson.duration);
    clearTimeout(renewal);
    const left = Date.parse(got.expires_at) - Date.now() - 120_000;
    if (left > 0)
        renewal = setTimeout(() => reload().catch(broken), Math.min(left, 2 ** 31 - 1));
}

/** @param {number} at */
function load(at) {
    return duo.load(planOf(lesson, thin).map((p) => ({ ...p, video: elements[p.element] })), at);
}

/** The same place again with new addresses, or in the other way of watching. */
async function reload() {
    const at = duo.time;
    await grant();
    await load(at);
}

let breaks = 0;
/** @param {any} e */
function broken(e) {
    console.warn('replay', e?.code ?? '', e?.message ?? '', JSON.stringify(e?.data ?? null));
    if (e && e.severity === 1)
        return;
    setText(byId('wait'), e?.name === 'OldBrowser' ? errorText(e) : t('replay.broken'));
    show(byId('wait'), true);
    if (e?.name !== 'OldBrowser')
        setTimeout(() => reload().then(() => {
            breaks = 0;
        }, broken), Math.min(RETRY_MS * ++breaks, 20_000));
}

function paint() {
    const play = byId('play');
    play.replaceChildren(icon(duo.wanted ? 'pause' : 'play'));
    play.setAttribute('aria-label', t(duo.wanted ? 'replay.pause' : 'replay.play'));
    show(byId('start'), !begun && !!lesson);
    setText(byId('wait'), t('replay.wait'));
    show(byId('wait'), begun && duo.wanted && duo.starved);
    paintPlaces();
    onTime();
}

/** Slides large and the teacher beside, or the other way; one alone fills the place. */
function paintPlaces() {
    const hasCamera = !!lesson?.camera?.pictures && !thin;
    const hasSlides = !!lesson?.slides?.pictures || (thin && lesson.stills.length > 0);
    const big = hasSlides && (!hasCamera || !swapped) ? slides : camera;
    const small = big === slides ? camera : slides;
    if (big.parentElement !== main)
        main.prepend(big);
    if (small.parentElement !== side)
        side.prepend(small);
    if (still.parentElement !== main)
        main.append(still);
    screens.dataset.layout = hasCamera && hasSlides ? layout : 'single';
    show(still, thin);
}

const seek = /** @type {HTMLInputElement} */ (byId('seek'));
let dragging = false;
function onTime() {
    const all = lesson ? Math.max(duo.duration, lesson.duration) : 0;
    const at = duo.time;
    screens.dataset.apart = String(Math.round(duo.apart * 1000));
    setText(byId('time'), t('replay.of', { at: clockText(at), all: clockText(all) }));
    if (!all)
        return;
    if (!dragging)
        seek.value = String(Math.round(at / all * 1000));
    seek.setAttribute('aria-valuetext', clockText(at));
    byId('played').style.transform = `scaleX(${at / all})`;
    byId('loaded').style.transform = `scaleX(${Math.min(1, (at + duo.ahead) / all)})`;
    const now = chapterAt(lesson.chapters, at);
    [...byId('chapters').children].forEach((li, n) => li.setAttribute('aria-current', String(n === now)));
    const shown = thin ? lastBefore(lesson.stills, at) : null;
    if (shown && still.getAttribute('src') !== shown.url)
        still.src = shown.url;
}

function start() {
    begun = true;
    duo.play();
    byId('play').focus();
}

/** @param {number} s */
function jump(s) {
    duo.seek(s);
    if (!begun)
        start();
}

function paintAbout() {
    document.title = `${about.title} · ${t('brand')}`;
    setText(byId('title'), about.title);
    setText(byId('subtitle'), [about.teacher, dateText(about.recorded_at)].filter(Boolean).join(' · '));
    const sites = [about.lead_site, ...(about.points ?? [])].filter(Boolean).map((s) => s.name);
    const facts = [['teacher', about.teacher], ['subject', subjectText(about.subject)], ['grade', gradeText(about.grade)],
        ['date', dateText(about.recorded_at)], ['length', lengthText(lesson.duration)], ['sites', sites.join(t('list.and'))]];
    byId('facts').replaceChildren(...facts.filter(([, v]) => v)
        .flatMap(([k, v]) => [el('dt', {}, t(`fact.${k}`)), el('dd', {}, v)]));
}

function paintChapters() {
    byId('chapters').replaceChildren(...(lesson.chapters.length ? lesson.chapters.map((c) => el('li', {},
        el('button', { type: 'button', onclick: () => jump(c.at) },
            el('time', {}, clockText(c.at)), el('span', { class: `tag ${c.kind}` }, t(`mark.${c.kind}`)),
            el('span', { class: 'text' }, c.text, c.by ? el('small', {}, c.by) : null)))) : [el('li', { class: 'empty' }, t('replay.nochapters'))]));
    byId('pins').replaceChildren(...lesson.chapters.map((c) => {
        const pin = el('i', { class: c.kind });
        pin.style.left = `${c.at / lesson.duration * 100}%`;
        return pin;
    }));
}

function paintThin() {
    byId('thin').setAttribute('aria-pressed', String(thin));
    const size = sizeText(lesson.thinBytes);
    setText(byId('thin-says'), t(thin ? 'replay.thin.on' : 'replay.thin.off', { size }));
}

let used = 0;
new PerformanceObserver((list) => {
    for (const e of list.getEntries())
        if (new URL(e.name).pathname.startsWith('/media/'))
            used += /** @type {PerformanceResourceTiming} */ (e).transferSize;
    setText(byId('used'), t('replay.used', { size: sizeText(used) }));
}).observe({ type: 'resource', buffered: true });

byId('start').addEventListener('click', start);
byId('play').addEventListener('click', toggle);
function toggle() {
    if (!begun)
        start();
    else if (duo.wanted)
        duo.pause();
    else
        duo.play();
    if (!duo.wanted)
        place.keep(duo.time);
}
seek.addEventListener('input', () => {
    dragging = true;
    setText(byId('time'), t('replay.of', { at: clockText(seekTo()), all: clockText(lesson.duration) }));
});
seek.addEventListener('change', () => {
    dragging = false;
    duo.seek(seekTo());
});
function seekTo() {
    return Number(seek.value) / 1000 * Math.max(duo.duration, lesson.duration);
}
for (const [name, by] of /** @type {const} */ ([['back', -STEP_S], ['ahead', STEP_S]])) {
    const b = iconButton(name, name);
    b.append(el('small', {}, String(STEP_S)));
    b.addEventListener('click', () => duo.seek(duo.time + by));
}
iconButton('full', 'full').addEventListener('click', toggleFullScreen);
iconButton('layout', 'layout').addEventListener('click', () => {
    layout = { pip: 'beside', beside: 'stack', stack: 'single', single: 'pip' }[layout] ?? 'pip';
    paint();
});
side.addEventListener('click', () => {
    swapped = !swapped;
    paint();
});
const speed = /** @type {HTMLSelectElement} */ (byId('speed'));
speed.append(...SPEEDS.map((s) => el('option', { value: s }, `${s}×`)));
speed.value = '1';
speed.addEventListener('change', () => duo.setRate(Number(speed.value)));
const thinButton = iconButton('thin', 'leaf');
thinButton.append(t('replay.thin'));
thinButton.addEventListener('click', () => {
    thin = !thin;
    paintThin();
    load(duo.time).then(() => {
        duo.look();
        paint();
    }, broken);
});

document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || e.target instanceof HTMLSelectElement)
        return;
    const onButton = e.target instanceof HTMLButtonElement;
    if (e.key === 'k' || (e.key === ' ' && !onButton))
        toggle();
    else if (e.key === 'ArrowLeft' && e.target !== seek)
        duo.seek(duo.time - STEP_S);
    else if (e.key === 'ArrowRight' && e.target !== seek)
        duo.seek(duo.time + STEP_S);
    else
        return;
    e.preventDefault();
});

setInterval(() => duo.wanted && place.keep(duo.time), KEEP_EVERY_MS);
addEventListener('pagehide', () => begun && place.keep(duo.time, true));

await open();
const from = place.resume(about.position_ms, about.duration_ms) / 1000;
paintAbout();
paintChapters();
paintThin();
byId('start-words').replaceChildren(icon('play'),
    from ? t('replay.resume', { at: clockText(from) }) : t('replay.start'));
paint();
byId('start').focus();
await load(from).catch(broken);
