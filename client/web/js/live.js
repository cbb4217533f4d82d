/* live.js - a lesson being followed: its events, its state, one repaint for each change. */

import { LessonApi } from './api.js';
import { wakeSignal } from './backoff.js';
import { paintBar, paintLost } from './chrome.js';
import { lessonEvents } from './events.js';
import { t } from './i18n.js';
import { LessonState } from './lesson.js';
import { errorText } from './words.js';

/**
 * @typedef {{lesson: LessonState, calls: LessonApi, wake: EventTarget, events: import('./keep.js').Keeper,
 *            repaint: () => void}} Live
 */

/**
 * @param {import('./api.js').Api} api @param {string} id
 * @param {{paint: (lesson: LessonState) => void, onEvent?: (name: string, data: any) => void,
 *          onBack?: () => void}} page
 *   paint is called after changes and at least once a second; onBack when the stream came back
 * @returns {Live}
 */
export function follow(api, id, page) {
    const lesson = new LessonState();
    const wake = wakeSignal();
    let queued = false;
    let lost = false;
    const repaint = () => {
        if (queued)
            return;
        queued = true;
        setTimeout(() => {
            queued = false;
            paintBar(lesson);
            page.paint(lesson);
        }, 30);
    };
    const events = lessonEvents(api, id, (name, data) => {
        if (lesson.apply(name, data)) {
            page.onEvent?.(name, data);
            repaint();
        }
    }, {
        wake,
        onState: (s) => {
            if (s.state === 'up' && lost)
                page.onBack?.();
            if (s.state === 'waiting')
                lost = true;
            else if (s.state === 'up')
                lost = false;
            paintLost(s.state === 'up' || !(lesson.known || s.attempt > 1) ? null : lostText(s.error));
        },
    });
    events.start();
    setInterval(repaint, 1000);
    return { lesson, calls: new LessonApi(api, id), wake, events, repaint };
}

/** @param {unknown} error */
function lostText(error) {
    const status = /** @type {{status?: number}} */ (error ?? {}).status ?? 0;
    return status >= 400 && status < 500 ? errorText(error) : t('say.lost');
}
