/* resource.js - a recording's manifest (docs/formats.md) as the replay page needs it. Pure. */

/**
 * @typedef {{at: number, url: string}} Still
 * @typedef {{id: number | string, at: number, kind: string, text: string, by: string}} Chapter
 * @typedef {{url: string, from: number, to: number, pictures: boolean, voice: boolean}} View
 *   seconds between which it has a picture
 * @typedef {{duration: number, camera: View | null, slides: View | null, floor: string | null,
 *            stills: Still[], chapters: Chapter[], thinBytes: number}} Resource
 * @typedef {{element: 'camera' | 'slides' | 'lead' | 'floor', url: string, only: 'voice' | 'pictures' | null,
 *            file: boolean, from: number, to: number}} Plan one player's share, the first one leads;
 *   `file`: a media file, not a manifest
 */

/**
 * @param {any} manifest @param {string} base address that file names are relative to
 * @returns {Resource}
 */
export function readManifest(manifest, base) {
    const duration = (manifest.duration_ms ?? 0) / 1000;
    const stills = (manifest.stills ?? [])
        .map((/** @type {any} */ s) => ({ at: s.at_ms / 1000, url: base + s.file }))
        .sort((/** @type {Still} */ a, /** @type {Still} */ b) => a.at - b.at);
    return {
        duration,
        camera: viewOf(manifest, 'camera', base, duration),
        slides: viewOf(manifest, 'slides', base, duration) ?? viewOf(manifest, 'board', base, duration),
        floor: floorOf(manifest, base),
        stills,
        chapters: chaptersOf(manifest.marks ?? []),
        thinBytes: thinBytes(manifest),
    };
}

/**
 * @param {any} manifest @param {string} name @param {string} base @param {number} duration
 * @returns {View | null}
 */
function viewOf(manifest, name, base, duration) {
    const file = manifest[name];
    if (!file)
        return null;
    const view = (manifest.views ?? []).find((/** @type {any} */ v) => v.name === name);
    const tracks = (manifest.tracks ?? []).filter((/** @type {any} */ t) => view?.video?.includes(t.file));
    if (!tracks.length)
        return { url: base + file, from: 0, to: duration, pictures: false, voice: !!view?.audio };
    return {
        url: base + file,
        pictures: true,
        voice: !!view?.audio,
        /* whichever layer is chosen has begun by then */
        from: Math.max(...tracks.map((/** @type {any} */ t) => t.start_ms)) / 1000,
        to: Math.min(...tracks.map((/** @type {any} */ t) => t.end_ms)) / 1000,
    };
}

/** The voice of whoever had the floor, a file of its own. @param {any} manifest @param {string} base */
function floorOf(manifest, base) {
    const track = (manifest.tracks ?? []).find((/** @type {any} */ t) => t.source === 'floor');
    return track ? base + track.file : null;
}

/* A camera that came later than this must not keep the first words from being heard. */
const LATE_S = 0.5;

/**
 * Who plays what: the teacher's picture and voice in one player where they begin together, else in
 * two; slides without sound; the floor's voice. The thin way is voices alone.
 * @param {Resource} r @param {boolean} thin @returns {Plan[]}
 */
export function planOf(r, thin) {
    const whole = { from: 0, to: r.duration };
    /** @type {Plan[]} */
    const plan = [];
    const { camera, slides, floor } = r;
    if (camera && camera.voice && (thin || !camera.pictures || camera.from > LATE_S))
        plan.push({ element: 'lead', url: camera.url, only: 'voice', file: false, ...whole });
    if (camera?.pictures && !thin)
        plan.push({
            element: 'camera', url: camera.url, only: plan.length ? 'pictures' : null, file: false,
            from: camera.from, to: camera.to,
        });
    if (slides?.pictures && !thin)
        plan.push({ element: 'slides', url: slides.url, only: 'pictures', file: false, from: slides.from, to: slides.to });
    if (floor)
        plan.push({ element: 'floor', url: floor, only: 'voice', file: true, ...whole });
    return plan;
}

/** What the whole lesson weighs as voices and stills. @param {any} manifest */
function thinBytes(manifest) {
    const names = new Set((manifest.stills ?? []).map((/** @type {any} */ s) => s.file));
    for (const v of manifest.views ?? [])
        if (v.audio && v.name === 'camera')
            names.add(v.audio);
    for (const t of manifest.tracks ?? [])
        if (t.source === 'floor')
            names.add(t.file);
    return (manifest.files ?? []).reduce((/** @type {number} */ n, /** @type {any} */ f) => (names.has(f.name) ? n + f.bytes : n), 0);
}

/** @param {any[]} marks @returns {Chapter[]} in the order of the lesson, each mark once */
export function chaptersOf(marks) {
    const once = new Map(marks.map((m, n) => [m.id ?? `n${n}`, m]));
    return [...once].map(([id, m]) => ({
        id, at: m.clock_ms / 1000, kind: m.kind ?? 'note', text: m.text ?? '', by: m.by?.name ?? '',
    })).sort((a, b) => a.at - b.at);
}

/** The chapter that a time belongs to, -1 before the first. @param {Chapter[]} list @param {number} t */
export function chapterAt(list, t) {
    let at = -1;
    list.forEach((c, n) => {
        if (c.at <= t + 0.05)
            at = n;
    });
    return at;
}
