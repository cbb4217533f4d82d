/* resource.js - a recording's manifest (docs/formats.md) as the replay page needs it. Pure. */

/**
 * @typedef {{at: number, url: string}} Still
 * @typedef {{at: number, kind: string, text: string}} Chapter
 * @typedef {{duration: number, camera: string | null, slides: string | null, stills: Still[],
 *            chapters: Chapter[], voiceBytes: number, stillBytes: number}} Resource
 */

/**
 * @param {any} manifest @param {string} base address that file names are relative to
 * @returns {Resource}
 */
export function readManifest(manifest, base) {
    const url = (/** @type {string} */ file) => base + file;
    const stills = (manifest.stills ?? [])
        .map((/** @type {any} */ s) => ({ at: s.at_ms / 1000, url: url(s.file) }))
        .sort((/** @type {Still} */ a, /** @type {Still} */ b) => a.at - b.at);
    return {
        duration: (manifest.duration_ms ?? 0) / 1000,
        camera: manifest.camera ? url(manifest.camera) : null,
        slides: manifest.slides ? url(manifest.slides) : null,
        stills,
        chapters: chaptersOf(manifest.marks ?? []),
        voiceBytes: 0,
        stillBytes: 0,
    };
}

/** @param {any[]} marks @returns {Chapter[]} */
function chaptersOf(marks) {
    return marks
        .map((m) => ({ at: m.clock_ms / 1000, kind: m.kind ?? 'note', text: m.text ?? '' }))
        .sort((a, b) => a.at - b.at);
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
