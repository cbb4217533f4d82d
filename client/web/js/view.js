/* view.js - a picture on the page with its label and the words that replace it; and the sound. */

import { el, icon, setText, show } from './dom.js';
import { t } from './i18n.js';

export class View {
    /** @param {string} cls @param {string} [label] */
    constructor(cls, label = '') {
        this.video = el('video', { muted: true, autoplay: true, playsinline: true, tabindex: '-1' });
        this.video.muted = true;
        this.wordText = el('span');
        this.word = el('div', { class: 'word', hidden: true }, icon('camera'), this.wordText);
        this.label = el('div', { class: 'label', hidden: !label }, label);
        this.root = el('div', { class: `view ${cls}` }, this.video, this.word, this.label);
        /** Whether the present connection has shown a frame, and whether any has. */
        this.showing = false;
        this.everSeen = false;
        this.video.addEventListener('loadeddata', () => {
            this.showing = this.everSeen = true;
        });
    }

    /** @param {MediaStreamTrack | null} track */
    setTrack(track) {
        this.showing = false;
        this.video.srcObject = track ? new MediaStream([track]) : null;
        this.video.play().catch(() => {});
    }

    /** @param {import('./sayings.js').Saying | null} saying */
    say(saying) {
        show(this.word, saying !== null);
        this.root.classList.toggle('still', !!saying?.still);
        if (saying)
            setText(this.wordText, t(saying.key, saying.values));
    }

    /** @param {string} text */
    setLabel(text) {
        show(this.label, text !== '');
        setText(this.label, text);
    }
}

/** @param {View} view */
export const seen = (view) => ({ showing: view.showing, everSeen: view.everSeen });

/** The voices of a lesson. When the browser refuses sound, one big button asks for a touch. */
export class Sound {
    /** @param {HTMLElement} host where the button appears */
    constructor(host) {
        this.host = host;
        /** @type {HTMLAudioElement[]} */
        this.voices = [];
        this.muted = false;
        /** @type {HTMLButtonElement | null} */
        this.ask = null;
    }

    /** @param {number} n @param {MediaStreamTrack} track */
    setVoice(n, track) {
        let voice = this.voices[n];
        if (!voice) {
            voice = el('audio', { autoplay: true });
            voice.muted = this.muted;
            this.voices[n] = voice;
            this.host.append(voice);
        }
        voice.srcObject = new MediaStream([track]);
        this.play(voice);
    }

    /** @param {boolean} muted */
    setMuted(muted) {
        this.muted = muted;
        for (const v of this.voices) {
            v.muted = muted;
            if (!muted)
                this.play(v);
        }
    }

    /** @param {HTMLAudioElement} voice */
    play(voice) {
        voice.play().catch((e) => {
            if (e.name === 'NotAllowedError')
                this.askTouch();
        });
    }

    askTouch() {
        if (this.ask)
            return;
        this.ask = el('button', { class: 'start-sound', type: 'button' },
            el('span', {}, icon('sound'), t('sound.start')));
        this.ask.addEventListener('click', () => {
            this.ask?.remove();
            this.ask = null;
            for (const v of this.voices)
                this.play(v);
        });
        this.host.append(this.ask);
        this.ask.focus();
    }
}
