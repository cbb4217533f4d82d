/* sayings.js - which sentence stands where a picture should be. Pure; the pages only print it. */

const STALLED_MS = 3000;

/**
 * @typedef {{key: string, still: boolean, values?: Record<string, unknown>}} Saying
 *   still: the last frame stays visible behind the words
 */

/**
 * @param {import('./lesson.js').LessonState} lesson @param {string} slot
 * @param {{up: boolean, stalledMs: number, showing: boolean, everSeen: boolean}} link
 * @returns {Saying | null} null: the picture speaks for itself
 */
export function pictureSaying(lesson, slot, link) {
    if (!lesson.known)
        return { key: 'say.connecting', still: false };
    if (lesson.ended())
        return { key: 'say.ended', still: false };
    if (!link.up)
        return { key: link.everSeen ? 'say.reconnecting' : 'say.connecting', still: link.everSeen };
    const absent = absentSaying(lesson, slot);
    if (absent)
        return absent;
    if (!link.showing)
        return { key: 'say.arriving', still: false };
    if (link.stalledMs > STALLED_MS)
        return slot === 'slides' || slot === 'board' ? null : { key: 'say.thin', still: true };
    return null;
}

/** @param {import('./lesson.js').LessonState} lesson @param {string} slot @returns {Saying | null} */
function absentSaying(lesson, slot) {
    if (lesson.slotLive(slot))
        return null;
    if (slot === 'floor')
        return { key: 'say.nofloor', still: false };
    const site = siteOf(lesson, slot);
    if (!site)
        return { key: 'say.nosite', still: false };
    const who = site.lead ? 'lead' : 'point';
    if (site.state === 'absent')
        return { key: lesson.running() ? `say.${who}.absent` : `say.${who}.notyet`, still: false };
    if (site.state === 'away' || site.state === 'connecting')
        return { key: `say.${who}.away`, still: site.state === 'away' };
    return { key: site.lead ? `say.no.${slot.startsWith('site/') ? 'camera' : slot}` : 'say.no.class', still: false };
}

/** @param {import('./lesson.js').LessonState} lesson @param {string} slot */
export function siteOf(lesson, slot) {
    if (slot.startsWith('site/'))
        return lesson.sites.get(slot.slice(5)) ?? null;
    if (slot.startsWith('wall/'))
        return lesson.points()[Number(slot.slice(5)) - 1] ?? null;
    if (slot === 'floor')
        return lesson.floor ? lesson.sites.get(lesson.floor) ?? null : null;
    return lesson.leadSite();
}

/**
 * What a point's screen shows large and what beside it. Another class that speaks comes first, then
 * slides, then the board, then the teacher.
 * @param {import('./lesson.js').LessonState} lesson @param {string | null | undefined} ownSite
 * @returns {{main: string, side: string | null}}
 */
export function pointLayout(lesson, ownSite) {
    const other = lesson.floor !== null && lesson.floor !== ownSite && lesson.slotLive('floor');
    if (other)
        return { main: 'floor', side: 'camera' };
    for (const s of ['slides', 'board'])
        if (lesson.slotLive(s))
            return { main: s, side: 'camera' };
    return { main: 'camera', side: null };
}

/**
 * Who hears this room, in one word: the sign at the microphone.
 * @param {import('./lesson.js').LessonState} lesson @param {string | null | undefined} site
 * @param {{up: boolean, open: boolean}} mic
 * @returns {'off' | 'nobody' | 'lead' | 'all'}
 */
export function heardBy(lesson, site, mic) {
    if (!mic.open)
        return 'off';
    if (!mic.up || !lesson.known || lesson.ended())
        return 'nobody';
    if (lesson.floor === site && site)
        return 'all';
    return lesson.mode === 'interact' ? 'all' : 'lead';
}
