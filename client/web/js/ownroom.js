/* ownroom.js - the lead's own room: published by a room client, or from this very page. */

import { act } from './chrome.js';
import { el, icon, setText, show } from './dom.js';
import { t } from './i18n.js';
import { Meter, capture, captureScreen } from './media.js';
import { View } from './view.js';
import { Whip } from './whip.js';
import { errorText, linkWords } from './words.js';

export class OwnRoom {
    /**
     * @param {HTMLElement} host @param {import('./api.js').Api} api @param {string} lessonId
     * @param {import('./live.js').Live} live @param {{onPublishing: (on: boolean) => void}} conf
     */
    constructor(host, api, lessonId, live, conf) {
        this.live = live;
        this.conf = conf;
        this.publishing = false;
        this.sendsUp = false;
        /** @type {unknown} */
        this.error = null;
        /** @type {MediaStreamTrack | null} */
        this.voice = null;
        /** @type {MediaStreamTrack | null} */
        this.camera = null;
        /** @type {MediaStreamTrack | null} */
        this.slides = null;
        this.music = false;
        /** @type {Meter | null} */
        this.meter = null;
        this.whip = new Whip(api, lessonId, {
            wake: live.wake,
            media: () => ({ voice: this.voice, pictures: this.pictures() }),
            onState: (s) => {
                this.sendsUp = s.state === 'up';
                this.error = s.state === 'waiting' ? s.error : null;
                live.repaint();
            },
        });
        this.parts = this.build(host);
        setInterval(() => this.paintMeter(), 120);
    }

    /** @param {HTMLElement} host */
    build(host) {
        const says = el('p', { class: 'muted', role: 'status' });
        const link = el('span', { class: 'quality good' });
        const view = new View('own');
        const bar = el('span');
        const meterBox = el('div', { class: 'meter', role: 'presentation' }, bar);
        const begin = el('button', { class: 'btn primary', type: 'button', onclick: () => this.publish() },
            icon('camera'), t('own.publish'));
        const musicBox = el('input', { type: 'checkbox', onchange: () => this.setMusic() });
        const musicLabel = el('label', { class: 'row' }, musicBox, t('own.music'));
        const mic = el('button', { class: 'btn small', type: 'button', onclick: () => this.toggleMic() });
        const screen = el('button', { class: 'btn small', type: 'button', onclick: () => this.toggleScreen() });
        const stop = el('button', { class: 'btn small quiet', type: 'button', onclick: () => this.unpublish() },
            t('own.stop'));
        const tools = el('div', { class: 'row wrap' }, mic, screen, stop);
        host.classList.add('own-body');
        host.append(says, link, view.root, meterBox, begin, musicLabel, tools);
        return { says, link, view, bar, meterBox, begin, musicBox, musicLabel, mic, screen, tools };
    }

    /** @returns {{source: string, track: MediaStreamTrack}[]} */
    pictures() {
        const out = [];
        if (this.camera)
            out.push({ source: 'camera', track: this.camera });
        if (this.slides)
            out.push({ source: 'slides', track: this.slides });
        return out;
    }

    publish() {
        return act(this.parts.begin, async () => {
            const got = await capture({ music: this.music });
            if (!got.voice && !got.camera)
                throw got.error;
            this.take(got);
            this.publishing = true;
            this.conf.onPublishing(true);
            this.whip.start();
            this.live.repaint();
        });
    }

    /** @param {{voice: MediaStreamTrack | null, camera: MediaStreamTrack | null}} got */
    take(got) {
        this.voice?.stop();
        this.camera?.stop();
        this.voice = got.voice;
        this.camera = got.camera;
        this.meter?.close();
        this.meter = got.voice ? new Meter(got.voice) : null;
        this.parts.view.setTrack(got.camera);
    }

    unpublish() {
        this.publishing = false;
        this.conf.onPublishing(false);
        this.whip.stop();
        this.slides?.stop();
        this.slides = null;
        this.take({ voice: null, camera: null });
        this.live.repaint();
    }

    async setMusic() {
        this.music = this.parts.musicBox.checked;
        if (!this.publishing)
            return;
        const open = this.voice?.enabled ?? true;
        this.take(await capture({ music: this.music }));
        if (this.voice)
            this.voice.enabled = open;
        this.whip.renew();
    }

    toggleMic() {
        if (this.voice)
            this.voice.enabled = !this.voice.enabled;
        this.live.repaint();
    }

    toggleScreen() {
        return act(this.parts.screen, async () => {
            if (this.slides) {
                this.slides.stop();
                this.slides = null;
            } else {
                this.slides = await captureScreen();
                this.slides.addEventListener('ended', () => {
                    this.slides = null;
                    this.whip.renew();
                    this.live.repaint();
                });
            }
            this.whip.renew();
            this.live.repaint();
        });
    }

    paint() {
        const { lesson } = this.live;
        const site = lesson.leadSite();
        const other = !this.publishing && !!site && site.sources.length > 0;
        const link = linkWords(site ?? undefined, site ? lesson.quality.get(site.id) : undefined);
        const { parts } = this;
        setText(parts.says, this.sentence(other));
        parts.link.className = `quality ${link.level}`;
        setText(parts.link, t(link.key));
        show(parts.link, other || this.sendsUp);
        show(parts.begin, lesson.known && !other && !this.publishing && !lesson.ended());
        show(parts.musicLabel, !other && !lesson.ended());
        show(parts.view.root, this.publishing && this.camera !== null);
        show(parts.meterBox, this.publishing && this.voice !== null);
        show(parts.tools, this.publishing);
        const open = this.voice?.enabled ?? false;
        parts.mic.replaceChildren(icon(open ? 'mic' : 'mic-off'), t(open ? 'own.mic.close' : 'own.mic.open'));
        show(parts.mic, this.voice !== null);
        parts.screen.replaceChildren(icon('screen'), t(this.slides ? 'own.screen.stop' : 'own.screen'));
        show(parts.screen, 'getDisplayMedia' in (navigator.mediaDevices ?? {}));
        if (lesson.ended() && this.publishing)
            this.unpublish();
    }

    /** @param {boolean} other */
    sentence(other) {
        const { lesson } = this.live;
        if (lesson.ended())
            return t('say.ended');
        if (other)
            return t('own.byroom', { what: (lesson.leadSite()?.sources ?? []).map((s) => t(`source.${s}`)).join(t('list.and')) });
        if (!this.publishing)
            return t('own.nobody');
        if (this.error)
            return errorText(this.error);
        if (!this.sendsUp)
            return t('say.reconnecting');
        return t(this.voice?.enabled ? 'own.live' : 'own.silent');
    }

    paintMeter() {
        const level = this.meter && this.voice?.enabled ? this.meter.level() : 0;
        this.parts.bar.style.transform = `scaleX(${level})`;
    }
}
