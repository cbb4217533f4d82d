/* assistant.js - the assistant's phone: hand, "slower", later, help, a private line to the lead. */

import { act, begin, iconButton, languageSwitch, needLesson } from '../chrome.js';
import { byId, el, setText, show } from '../dom.js';
import { t } from '../i18n.js';
import { follow } from '../live.js';
import { heardBy } from '../sayings.js';
import { clockText, linkWords, waitText } from '../words.js';

const { api, me, lesson: id } = await begin(['assistant']);
const lessonId = id ?? (await needLesson());
const site = me.site ?? '';

const live = follow(api, lessonId, { paint });
const lesson = live.lesson;

/** A button with an icon above words that can change. @param {string} name @param {string} pic */
function key(name, pic) {
    const button = iconButton(name, pic);
    const words = el('span');
    button.append(words);
    return { button, words };
}
const hand = key('hand', 'hand');
const handHint = el('small', {}, t('point.lower'));
hand.button.append(handHint);
const slow = key('slow', 'slow');
const later = key('later', 'flag');
const help = key('help', 'wrench');
const release = key('release', 'mic-off');
const screen = key('screen', 'screen');
setText(slow.words, t('slow'));
setText(later.words, t('mark.later'));
setText(help.words, t('help'));
setText(release.words, t('point.release'));
setText(screen.words, t('assistant.screen'));

function paint() {
    const mine = lesson.floor !== null && lesson.floor === site;
    const since = lesson.hands.find((h) => h.site === site)?.since_ms;
    const isUp = since !== undefined;
    const running = lesson.running();
    show(byId('floor'), mine);
    show(release.button, mine);
    show(hand.button, !mine);
    hand.button.setAttribute('aria-pressed', String(isUp));
    setText(hand.words, isUp ? t('point.raised', { wait: waitText(lesson.clock.ms() - since) }) : t('point.hand'));
    show(handHint, isUp);
    for (const k of [hand, slow, later, help])
        k.button.disabled = !running;
    paintRoom();
    paintMessages();
}

function paintRoom() {
    const room = lesson.sites.get(site);
    setText(byId('room-name'), room?.name ?? site);
    const link = linkWords(room, lesson.quality.get(site));
    byId('link').className = `quality ${link.level}`;
    setText(byId('link'), t(link.key));
    const sends = !!room && room.state === 'open' && room.sources.includes('voice');
    const lead = lesson.leadSite();
    const leadWord = lesson.ended() ? 'say.ended'
        : !lesson.running() ? 'say.lead.notyet'
            : lead?.state === 'open' ? null : 'say.lead.away';
    setText(byId('room-says'), leadWord ? t(leadWord)
        : t(`heard.${sends ? heardBy(lesson, site, { up: true, open: true }) : 'nobody'}`));
}

let painted = '';
function paintMessages() {
    const all = lesson.messagesInOrder().slice(-50).reverse();
    const now = all.map((m) => m.id).join();
    if (now === painted && now !== '')
        return;
    painted = now;
    byId('messages').replaceChildren(...(all.length ? all.map((m) => el('li', { class: m.kind },
        el('span', { class: 'from' }, `${clockText(m.clock_ms / 1000)} · ${m.by?.sub === me.sub ? t('me') : m.by?.name ?? ''}`),
        el('span', {}, m.kind === 'text' ? m.text : [t(`message.${m.kind}`), m.text].filter(Boolean).join(' '))))
        : [el('li', { class: 'empty' }, t('assistant.nomessages'))]));
}

hand.button.addEventListener('click', () => act(hand.button,
    () => live.calls.hand(!lesson.hands.some((h) => h.site === site))));
release.button.addEventListener('click', () => act(release.button, () => live.calls.floor('release')));
slow.button.addEventListener('click', () => act(slow.button,
    () => live.calls.message('', 'lead', 'slow'), 'slow.done'));
later.button.addEventListener('click', () => act(later.button,
    () => live.calls.mark('later', ''), 'later.done'));
help.button.addEventListener('click', () => act(help.button,
    () => live.calls.message('', 'lead', 'help'), 'help.done'));

const line = /** @type {HTMLInputElement} */ (byId('line'));
byId('say-form').addEventListener('submit', (e) => {
    e.preventDefault();
    const text = line.value.trim();
    if (text)
        act(null, async () => {
            await live.calls.message(text, 'lead');
            line.value = '';
        });
});
languageSwitch(byId('lang'));
