/* observer.js - watching a lesson in silence: pictures, voices, marks. */

import { act, begin, iconButton, languageSwitch, needLesson, toast } from '../chrome.js';
import { byId, el, icon, setText } from '../dom.js';
import { t } from '../i18n.js';
import { follow } from '../live.js';
import { stayAwake, toggleFullScreen } from '../media.js';
import { pictureSaying, siteOf } from '../sayings.js';
import { Sound, View, seen } from '../view.js';
import { Whep } from '../whep.js';
import { clockText, errorText } from '../words.js';

const { api, me, lesson: id } = await begin();
const lessonId = id ?? (await needLesson());

const pictures = byId('pictures');
const views = [new View('main'), new View('side')];
pictures.append(...views.map((v) => v.root));
const sound = new Sound(document.body);

/** What the person chose to see large; 'auto': slides, or the teacher while there are none. */
let chosen = 'auto';
let layout = 'pip';
let up = false;
/** @type {unknown} */
let refused = null;
let stalled = [0, 0];
/** Lesson clock when the line of text was begun: the mark belongs there. @type {number | null} */
let anchor = null;

const live = follow(api, lessonId, { paint, onBack: () => whep.probe() });
const lesson = live.lesson;

const whep = new Whep(api, lessonId, {
    slots: ['slides', 'camera'],
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
whep.start();
stayAwake();

/** @returns {[string, string]} slots of the large and the small picture */
function wantedSlots() {
    const main = chosen !== 'auto' ? chosen : lesson.slotLive('slides') ? 'slides' : 'camera';
    const side = main !== 'camera' ? 'camera' : lesson.slotLive('slides') ? 'slides' : 'off';
    return [main, side];
}

function paint() {
    if (lesson.ended())
        whep.stop();
    const slots = wantedSlots();
    if (lesson.known && slots.join() !== whep.slots.join())
        whep.point(slots).catch((e) => toast(errorText(e)));
    pictures.dataset.layout = slots[1] === 'off' ? 'single' : layout;
    views.forEach((v, n) => paintView(v, slots[n] ?? 'off', n));
    paintChoices();
    paintMarks();
}

/** @param {View} view @param {string} slot @param {number} n */
function paintView(view, slot, n) {
    const early = /** @type {{type?: string}} */ (refused ?? {}).type === 'lesson-not-running';
    const saying = early && lesson.known && !lesson.ended()
        ? { key: 'say.lead.notyet', still: false }
        : pictureSaying(lesson, slot, { up, stalledMs: stalled[n] ?? 0, ...seen(view) });
    view.say(saying);
    view.setLabel(slotName(slot));
}

/** @param {string} slot */
function slotName(slot) {
    if (slot === 'floor')
        return lesson.floor ? lesson.siteName(lesson.floor) : t('slot.floor');
    return slot.startsWith('site/') ? siteOf(lesson, slot)?.name ?? '' : t(`slot.${slot}`);
}

const select = /** @type {HTMLSelectElement} */ (byId('main-slot'));
select.addEventListener('change', () => {
    chosen = select.value;
    paint();
});

function paintChoices() {
    const all = ['auto', 'slides', 'camera', 'board'];
    if (me.can.includes('play:sites'))
        all.push('floor', ...lesson.points().map((s) => `site/${s.id}`));
    if (select.dataset.all === all.join())
        return;
    select.dataset.all = all.join();
    select.replaceChildren(...all.map((s) => el('option', { value: s }, slotName(s))));
    select.value = all.includes(chosen) ? chosen : 'auto';
}

const KINDS = me.role === 'student'
    ? [['question', 'question', '1'], ['later', 'flag', '2']]
    : [['question', 'question', '1'], ['highlight', 'star', '2'], ['problem', 'alert', '3']];
const line = /** @type {HTMLInputElement} */ (byId('line'));
/** @type {Map<string, HTMLButtonElement>} */
const keys = new Map();
for (const [kind = '', pic = '', key = ''] of KINDS) {
    const b = el('button', { class: 'btn', type: 'button', onclick: () => mark(kind, b) },
        icon(pic), t(`mark.${kind}`), el('kbd', {}, t('key', { key })));
    keys.set(key, b);
    byId('mark-keys').append(b);
}
byId('mark-keys').hidden = !me.can.includes('mark');
line.hidden = !me.can.includes('mark');

line.addEventListener('input', () => {
    anchor = line.value === '' ? null : anchor ?? lesson.clock.ms();
});
byId('mark-form').addEventListener('submit', (e) => {
    e.preventDefault();
    mark('note', null);
});

/** @param {string} kind @param {HTMLButtonElement | null} button */
function mark(kind, button) {
    const at = anchor ?? lesson.clock.ms();
    const text = line.value.trim();
    return act(button, async () => {
        const data = await live.calls.mark(kind, text, at);
        lesson.apply('mark', data.mark ? data : { mark: data });
        line.value = '';
        anchor = null;
        toast(t('mark.done', { kind: t(`mark.${kind}`), at: clockText(at / 1000) }));
        live.repaint();
    });
}

let painted = '';
function paintMarks() {
    const marks = lesson.marksInOrder();
    const now = marks.map((m) => m.id).join();
    if (now === painted)
        return;
    painted = now;
    setText(byId('count'), String(marks.length));
    byId('marks').replaceChildren(...marks.reverse().map((m) => el('li', {},
        el('time', {}, clockText(m.clock_ms / 1000)),
        el('span', { class: `tag ${m.kind}` }, t(`mark.${m.kind}`)),
        el('span', { class: 'text' }, m.text,
            m.by && m.by.sub !== me.sub ? el('small', {}, m.by.name) : null))));
}

const mute = iconButton('mute', 'sound');
const muteWords = el('span');
mute.append(muteWords);
function paintMute() {
    setText(muteWords, t(sound.muted ? 'sound.off' : 'sound.on'));
    mute.setAttribute('aria-pressed', String(sound.muted));
}
mute.addEventListener('click', () => {
    sound.setMuted(!sound.muted);
    paintMute();
});
paintMute();
iconButton('full', 'full').addEventListener('click', toggleFullScreen);
const layoutButton = iconButton('layout', 'layout');
layoutButton.addEventListener('click', nextLayout);
function nextLayout() {
    layout = { pip: 'beside', beside: 'single', single: 'pip' }[layout] ?? 'pip';
    paint();
}
languageSwitch(byId('lang'));

document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || e.target instanceof HTMLInputElement)
        return;
    if (keys.has(e.key))
        keys.get(e.key)?.click();
    else if (e.key === 'l')
        nextLayout();
    else if (e.key === 'm')
        mute.click();
    else if (e.key === 'f')
        toggleFullScreen();
});
