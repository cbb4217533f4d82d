/* point.js - a teaching point in a browser: one touch, then the lesson, for ever. */

import { act, begin, iconButton, languageSwitch, needLesson } from '../chrome.js';
import { byId, el, icon, setText, show } from '../dom.js';
import { t } from '../i18n.js';
import { follow } from '../live.js';
import { Meter, capture, stayAwake, toggleFullScreen } from '../media.js';
import { heardBy, pictureSaying, pointLayout } from '../sayings.js';
import { Sound, View, seen } from '../view.js';
import { Whep } from '../whep.js';
import { Whip } from '../whip.js';
import { clockText, dateText, errorText, linkWords, waitText } from '../words.js';

const SLOTS = ['camera', 'slides', 'floor', 'board'];

const { api, me, lesson: id, params } = await begin(['assistant']);
const lessonId = id ?? (await needLesson());
const site = me.site ?? '';

const views = SLOTS.map(() => new View('side-view'));
const self = new View('self-view', t('point.self'));
byId('pictures').append(...views.map((v) => v.root), self.root);
self.root.hidden = true;
const sound = new Sound(byId('room'));

let entered = false;
let up = false;
let sending = false;
let taken = false; /* another device of this room sends */
let wanted = true; /* the microphone's switch in this room */
let stalled = SLOTS.map(() => 0);
/** @type {unknown} */
let refused = null;
/** @type {{camera: MediaStreamTrack | null, voice: MediaStreamTrack | null, error: unknown}} */
let own = { camera: null, voice: null, error: null };
/** @type {Meter | null} */
let meter = null;

const live = follow(api, lessonId, { paint, onBack: () => whep.probe() });
const lesson = live.lesson;

const whep = new Whep(api, lessonId, {
    slots: SLOTS,
    voices: 3,
    wake: live.wake,
    onVideo: (n, track) => views[n]?.setTrack(track),
    onAudio: (n, track) => sound.setVoice(n, track),
    onState: (s) => {
        up = s.state === 'up';
        refused = s.state === 'waiting' ? s.error : null;
        live.repaint();
    },
    onSample: (s, mids) => {
        stalled = mids.map((mid) => s.inbound.find((i) => i.mid === mid)?.stalledMs ?? 0);
    },
    expecting: () => lesson.leadSite()?.state === 'open',
});
const whip = new Whip(api, lessonId, {
    wake: live.wake,
    media: () => ({
        voice: own.voice, pictures: own.camera ? [{ source: 'class', track: own.camera }] : [],
    }),
    onState: (s) => {
        sending = s.state === 'up';
        taken = s.state === 'waiting' && /** @type {{type?: string}} */ (s.error ?? {}).type === 'source-taken';
        live.repaint();
    },
});

async function enter() {
    if (entered)
        return;
    entered = true;
    byId('touch').hidden = true;
    stayAwake();
    whep.start();
    own = own.voice || own.camera ? own : await capture({});
    useOwn();
    paint();
    byId('hand').focus();
}

/** Publishes what this room has; a device that is pulled out and put back is found again. */
function useOwn() {
    self.root.hidden = !own.camera;
    self.setTrack(own.camera);
    meter?.close();
    meter = own.voice ? new Meter(own.voice) : null;
    if (own.voice)
        own.voice.enabled = wanted;
    for (const track of [own.voice, own.camera])
        track?.addEventListener('ended', retake);
    if (own.voice || own.camera)
        whip.start();
}

async function retake() {
    whip.stop();
    for (const track of [own.voice, own.camera])
        track?.stop();
    own = await capture({});
    useOwn();
    live.repaint();
}
navigator.mediaDevices?.addEventListener('devicechange', () => {
    if (entered && !lesson.ended() && (!own.voice || !own.camera))
        retake();
});

/** The bell: nothing of this room goes out any more, and the camera's light goes off. */
function leave() {
    whep.stop();
    whip.stop();
    meter?.close();
    meter = null;
    for (const track of [own.voice, own.camera])
        track?.stop();
    own = { camera: null, voice: null, error: null };
    self.root.hidden = true;
}

function paint() {
    if (lesson.ended())
        leave();
    paintPlaces();
    paintTouch();
    paintSigns();
    paintSay();
}

function paintPlaces() {
    const places = pointLayout(lesson, site);
    byId('pictures').dataset.layout = places.side ? 'two' : 'single';
    SLOTS.forEach((slot, n) => {
        const v = /** @type {View} */ (views[n]);
        const place = slot === places.main ? 'main-view' : slot === places.side ? 'side-view' : '';
        show(v.root, place !== '');
        if (place)
            v.root.className = `view ${place}`;
        const saying = pictureSaying(lesson, slot, { up, stalledMs: stalled[n] ?? 0, ...seen(v) });
        v.say(place === 'main-view' && saying && !saying.still ? { key: 'brand', still: false } : saying);
        v.setLabel(slot === 'floor' ? lesson.siteName(lesson.floor) : '');
        if (place === 'main-view')
            mainSaying = saying;
    });
}

/** @type {import('../sayings.js').Saying | null} */
let mainSaying = null;

/** The middle of the screen: never black without a reason in words. */
function paintSay() {
    const say = byId('say');
    const text = mainSaying ? t(mainSaying.key) : '';
    show(say, entered && text !== '');
    if (mainSaying?.key === 'say.lead.notyet' && lesson.lesson)
        say.replaceChildren(text, el('small', {}, startText()));
    else if (refused && !lesson.ended() && /** @type {any} */ (refused).status === 403)
        setText(say, errorText(refused));
    else
        setText(say, text);
}

function startText() {
    const left = Date.parse(lesson.lesson?.starts_at ?? '') - Date.now();
    return left > 0 && left < 6 * 3600_000
        ? t('point.countdown', { left: clockText(left / 1000) })
        : dateText(lesson.lesson?.starts_at ?? '');
}

function paintTouch() {
    if (entered || !lesson.lesson)
        return;
    setText(byId('lesson-title'), lesson.lesson.title);
    setText(byId('lesson-when'), lesson.running() ? t('point.now') : lesson.ended() ? t('say.ended') : startText());
    byId('checks').replaceChildren(...checks().map(([ok, key]) =>
        el('li', { class: 'row' }, el('span', { class: `quality ${ok ? 'good' : 'fair'}` }, t(key)))));
}

/** @returns {[boolean, string][]} */
function checks() {
    const leadHere = lesson.leadSite()?.state === 'open';
    return [[live.events.held !== null, live.events.held ? 'check.relay' : 'check.norelay'],
        [leadHere, leadHere ? 'check.lead' : 'check.nolead']];
}

const hand = iconButton('hand', 'hand');
const handWords = el('span');
const handHint = el('small', {}, t('point.lower'));
hand.append(el('span', {}, handWords, handHint));
const mic = iconButton('mic', 'mic');
const micWords = el('span');
mic.append(micWords);
const heard = byId('heard');
const heardWords = el('span');
const bars = el('span', { class: 'bars' }, el('span'), el('span'), el('span'));
heard.append(icon('mic'), heardWords, bars);

function paintSigns() {
    const mine = lesson.floor !== null && lesson.floor === site;
    show(byId('speak'), entered && mine);
    byId('room').classList.toggle('speaking', entered && mine);
    const since = lesson.hands.find((h) => h.site === site)?.since_ms;
    const isUp = since !== undefined;
    hand.setAttribute('aria-pressed', String(isUp || mine));
    hand.disabled = !lesson.running();
    setText(handWords, mine ? t('point.release')
        : isUp ? t('point.raised', { wait: waitText(lesson.clock.ms() - since) }) : t('point.hand'));
    show(handHint, isUp && !mine);
    const who = heardBy(lesson, site, { up: sending, open: wanted && own.voice !== null });
    heard.className = `mic${who === 'all' || who === 'lead' ? ' live' : ''}`;
    setText(heardWords, taken && !sending ? t('problem.source-taken') : own.voice || !entered ? t(`heard.${who}`) : t(lesson.ended() ? 'say.ended' : 'heard.none'));
    show(mic, own.voice !== null);
    setText(micWords, t(wanted ? 'mic.close' : 'mic.open'));
    const link = linkWords(lesson.sites.get(site), lesson.quality.get(site));
    const word = byId('link');
    word.className = `quality ${up ? link.level : 'poor'}`;
    setText(word, t(up ? link.key : entered ? 'say.reconnecting' : link.key));
    show(word, entered);
}

setInterval(() => {
    const level = meter && wanted ? meter.level() : 0;
    [...bars.children].forEach((b, n) => {
        /** @type {HTMLElement} */ (b).style.transform = `scaleY(${Math.max(0.25, Math.min(1, level * (1.6 - n * 0.3)))})`;
    });
}, 120);

hand.addEventListener('click', () => act(hand, async () => {
    if (lesson.floor === site)
        await live.calls.floor('release');
    else
        await live.calls.hand(!lesson.hands.some((h) => h.site === site));
}));
mic.addEventListener('click', () => {
    wanted = !wanted;
    if (own.voice)
        own.voice.enabled = wanted;
    paint();
});
const slow = iconButton('slow', 'slow');
slow.append(t('slow'));
slow.addEventListener('click', () => act(slow, () => live.calls.message('', 'lead', 'slow'), 'slow.done'));
iconButton('full', 'full').addEventListener('click', toggleFullScreen);
byId('enter').addEventListener('click', () => {
    toggleFullScreen();
    enter();
});
languageSwitch(byId('lang'));
byId('enter').focus();
if (params.get('auto') === '1')
    enter();

/* a remote control has arrows and OK: arrows walk along the buttons */
document.addEventListener('keydown', (e) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
    if (!step)
        return;
    const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('button')]
        .filter((b) => !b.disabled && b.offsetParent !== null));
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    all[(at + step + all.length) % all.length]?.focus();
    e.preventDefault();
});
