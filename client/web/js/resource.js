/* resource.js - a recording's manifest (docs/formats.md) as the replay page needs it. Pure. */

/**
 * @typedef {{at: number, url: string}} Still
 * @typedef {{id: number | string, at: number, kind: string, text: string, by: string}} Chapter
 * @typedef {{url: string, from: number, to: number}} View seconds between which it has a picture
 * @typedef {{duration: number, camera: View | null, slides: View | null, stills: Still[],
 *            chapters: Chapter[], thinBytes: number}} Resource
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
        return { url: base + file, from: 0, to: duration };
    return {
        url: base + file,
        from: Math.min(...tracks.map((/** @type {any} */ t) => t.start_ms)) / 1000,
        to: Math.max(...tracks.map((/** @type {any} */ t) => t.end_ms)) / 1000,
    };
}

/** What the whole lesson weighs as voices and stills. @param {any} manifest */
function thinBytes(manifest) {
    const names = new Set((manifest.stills ?? []).map((/** @type {any} */ s) => s.file));
    for (const v of manifest.views ?? [])
        if (v.audio && (v.name === 'camera' || v.name === 'slides'))
            names.add(v.audio);
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
