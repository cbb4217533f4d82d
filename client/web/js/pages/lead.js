/* lead.js - the lead's console: begin and end, every class in sight, the floor in one touch. */

import { act, begin, iconButton, languageSwitch, needLesson, toast } from '../chrome.js';
import { byId, el, keepList, setText, show } from '../dom.js';
import { t } from '../i18n.js';
import { OwnRoom } from '../ownroom.js';
import { follow } from '../live.js';
import { stayAwake, toggleFullScreen } from '../media.js';
import { Sound } from '../view.js';
import { PER_PAGE, Wall } from '../wall.js';
import { Whep } from '../whep.js';
import { clockText, errorText, waitText } from '../words.js';

const { api, me, lesson: id } = await begin(['lead', 'admin']);
const lessonId = id ?? (await needLesson());

const sound = new Sound(document.body);
let up = false;
/** @type {Whep | null} */
let whep = null;

const live = follow(api, lessonId, { paint, onEvent, onBack: () => whep?.probe() });
const lesson = live.lesson;
const wall = new Wall(byId('wall'), lesson, (site) => floorTouch(site));
const own = new OwnRoom(byId('own-body'), api, lessonId, live, {
    onPublishing: (on) => {
        sound.setMuted(!on);
        paintSound();
    },
});
/* a room client in the room plays the voices; this page would only echo them */
sound.setMuted(true);
stayAwake();

/** The wall's connection needs the number of points, which the first snapshot tells. */
function openWall() {
    const lines = Math.min(PER_PAGE, lesson.points().length);
    if (whep || !lesson.known || lines === 0)
        return;
    whep = new Whep(api, lessonId, {
        slots: wall.slots(lines),
        voices: 3,
        wake: live.wake,
        onVideo: (n, track) => wall.setTrack(n, track),
        onAudio: (n, track) => sound.setVoice(n, track),
        onState: (s) => {
            up = s.state === 'up';
            live.repaint();
        },
        onSample: (s, mids) => wall.setSample(s, mids),
        expecting: () => lesson.points().some((p) => p.state === 'open'),
    });
    whep.start();
}

/** @param {string} name @param {any} data */
function onEvent(name, data) {
    if (name === 'message' && data.message.kind === 'slow')
        toast(t('lead.slow', { who: nameOf(data.message) }));
    if (name === 'message' && data.message.kind === 'help')
        toast(t('lead.help', { who: nameOf(data.message) }));
}

/** @param {import('../lesson.js').Message} m */
function nameOf(m) {
    return [lesson.siteName(m.by?.site), m.by?.name].filter(Boolean).join(' ');
}

function paint() {
    openWall();
    wall.paint(up);
    if (whep && lesson.known && !lesson.ended()) {
        const slots = wall.slots(whep.slots.length);
        if (slots.join() !== whep.slots.join())
            whep.point(slots).catch((e) => toast(errorText(e)));
    }
    own.paint();
    paintState();
    paintHands();
    paintMessages();
}

function paintState() {
    const running = lesson.running();
    show(byId('start'), lesson.known && !running && !lesson.ended());
    show(byId('end'), running);
    for (const mode of ['lecture', 'interact']) {
        const b = /** @type {HTMLButtonElement} */ (byId(mode));
        b.setAttribute('aria-pressed', String(lesson.mode === mode));
        b.disabled = !running;
    }
    setText(byId('mode-says'), t(`mode.${lesson.mode}.says`));
    const take = byId('take');
    show(take, lesson.floor !== null);
    setText(take, t('lead.take', { site: lesson.siteName(lesson.floor) }));
    show(byId('pager'), wall.pages() > 1);
    setText(byId('page-no'), `${wall.page + 1} / ${wall.pages()}`);
    if (lesson.ended() && whep) {
        whep.stop();
        whep = null;
    }
}

function paintHands() {
    setText(byId('hand-count'), String(lesson.hands.length));
    show(byId('no-hands'), lesson.hands.length === 0);
    const now = lesson.clock.ms();
    keepList(byId('hands'), lesson.hands, (h) => h.site, makeHand, (e, h, n) => {
        setText(part(e, '.order'), String(n + 1));
        setText(part(e, 'strong'), lesson.siteName(h.site));
        setText(part(e, '.muted'), t('lead.waiting', { wait: waitText(now - h.since_ms) }));
    });
}

/** @param {import('../lesson.js').Hand} h */
function makeHand(h) {
    return el('li', {}, el('span', { class: 'order' }),
        el('span', { class: 'grow' }, el('strong'), el('br'), el('span', { class: 'muted' })),
        el('button', { class: 'btn go small', type: 'button', onclick: () => floorTouch(h.site) }, t('lead.give')),
        el('button', {
            class: 'btn quiet small', type: 'button',
            onclick: () => act(null, () => live.calls.hand(false, h.site)),
        }, t('lead.lower')));
}

/** @param {HTMLElement} e @param {string} selector @returns {Element} */
function part(e, selector) {
    return /** @type {Element} */ (e.querySelector(selector));
}

let painted = '';
function paintMessages() {
    const all = lesson.messagesInOrder();
    const now = `${all.at(-1)?.id ?? ''}/${all.length}`;
    if (now === painted)
        return;
    painted = now;
    const list = byId('messages');
    list.replaceChildren(...(all.length ? all.map((m) => el('li', { class: m.kind },
        el('span', { class: 'from' }, `${clockText(m.clock_ms / 1000)} · ${nameOf(m)}${m.to === 'lead' ? '' : ` → ${toText(m.to)}`}`),
        el('span', {}, m.kind === 'text' ? m.text : [t(`message.${m.kind}`), m.text].filter(Boolean).join(' '))))
        : [el('li', { class: 'empty' }, t('lead.nomessages'))]));
    list.scrollTop = list.scrollHeight;
}

/** @param {string} to */
function toText(to) {
    return to.startsWith('site/') ? lesson.siteName(to.slice(5)) : t(`to.${to}`);
}

/** One touch gives the floor, the next takes it back. @param {string} site */
function floorTouch(site) {
    return act(null, () => {
        if (lesson.floor === site)
            return live.calls.floor('take');
        return live.calls.floor(lesson.hands.some((h) => h.site === site) ? 'give' : 'call_on', site);
    });
}

const button = (/** @type {string} */ name) => /** @type {HTMLButtonElement} */ (byId(name));
button('start').addEventListener('click', () => act(button('start'), () => live.calls.start()));
const sure = /** @type {HTMLDialogElement} */ (byId('sure'));
button('end').addEventListener('click', () => sure.showModal());
button('sure-no').addEventListener('click', () => sure.close());
button('sure-yes').addEventListener('click', () => {
    sure.close();
    act(button('end'), () => live.calls.end(), 'lead.ended');
});
for (const mode of /** @type {const} */ (['lecture', 'interact']))
    button(mode).addEventListener('click', () => act(button(mode), () => live.calls.mode(mode)));
button('take').addEventListener('click', () => act(button('take'), () => live.calls.floor('take')));
button('prev').addEventListener('click', () => turn(-1));
button('next').addEventListener('click', () => turn(1));

/** @param {number} by */
function turn(by) {
    wall.turn(by);
    paint();
}

const line = /** @type {HTMLInputElement} */ (byId('line'));
byId('say-form').addEventListener('submit', (e) => {
    e.preventDefault();
    const text = line.value.trim();
    if (text)
        act(null, async () => {
            await live.calls.message(text, 'all');
            line.value = '';
        });
});

const soundButton = iconButton('sound', 'sound');
const soundWords = el('span');
soundButton.append(soundWords);
soundButton.addEventListener('click', () => {
    sound.setMuted(!sound.muted);
    paintSound();
});
function paintSound() {
    setText(soundWords, t(sound.muted ? 'lead.listen' : 'lead.silent'));
    soundButton.setAttribute('aria-pressed', String(!sound.muted));
}
paintSound();
iconButton('full', 'full').addEventListener('click', toggleFullScreen);
languageSwitch(byId('lang'));
if (me.role === 'admin')
    byId('own').hidden = true;
