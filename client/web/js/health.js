/* health.js - what is wrong at each site, in sentences a technician can act on; the worst first. */

/**
 * @typedef {{key: string, values?: Record<string, unknown>}} Says
 * @typedef {{id: string, name: string, lesson: string, level: 'poor' | 'fair' | 'good', weight: number,
 *            says: Says[], figures: string}} Row
 */

const RANK = { poor: 0, fair: 1, good: 2 };

/** @param {any[]} states snapshots of running lessons @returns {Row[]} */
export function rowsOf(states) {
    const rows = [];
    for (const s of states) {
        const quality = new Map((s.quality ?? []).map((/** @type {any} */ q) => [q.site, q]));
        for (const site of s.sites ?? [])
            rows.push(rowOf(site, quality.get(site.id), s.lesson));
    }
    return rows.sort((a, b) => RANK[a.level] - RANK[b.level] || b.weight - a.weight || a.name.localeCompare(b.name));
}

/**
 * @param {import('./lesson.js').Site} site @param {import('./lesson.js').Quality | undefined} q
 * @param {import('./lesson.js').Lesson} lesson @returns {Row}
 */
function rowOf(site, q, lesson) {
    const says = [...presence(site), ...(site.state === 'open' ? linkFaults(q) : [])];
    const weight = says.reduce((n, s) => n + s.weight, 0);
    const level = weight >= 50 ? 'poor' : weight > 0 ? 'fair' : 'good';
    return {
        id: site.id, name: site.name, lesson: lesson.title, level, weight,
        says: says.length ? says : [{ key: 'status.good' }], figures: figures(q),
    };
}

/** @param {import('./lesson.js').Site} site */
function presence(site) {
    if (site.state === 'absent')
        return [{ key: site.lead ? 'status.leadabsent' : 'status.absent', weight: site.lead ? 200 : 100 }];
    if (site.state === 'away')
        return [{ key: 'status.away', weight: 150 }];
    if (site.state === 'connecting')
        return [{ key: 'status.connecting', weight: 20 }];
    const out = [];
    if (!site.sources.includes('voice'))
        out.push({ key: 'status.novoice', weight: 60 });
    if (!site.sources.includes(site.lead ? 'camera' : 'class'))
        out.push({ key: 'status.nocamera', weight: 15 });
    return out;
}

/** @param {import('./lesson.js').Quality | undefined} q */
function linkFaults(q) {
    if (!q)
        return [];
    const out = [];
    for (const way of /** @type {const} */ (['up', 'down'])) {
        const loss = q[way]?.loss ?? 0;
        if (loss >= 0.02)
            out.push({ key: `status.loss.${way}`, values: { n: Math.round(loss * 100) }, weight: loss >= 0.08 ? 50 + loss * 50 : 20 });
    }
    if ((q.rtt_ms ?? 0) >= 200)
        out.push({ key: 'status.slow', values: { n: Math.round(q.rtt_ms ?? 0) }, weight: (q.rtt_ms ?? 0) >= 500 ? 55 : 20 });
    return out;
}

/** @param {import('./lesson.js').Quality | undefined} q */
function figures(q) {
    if (!q)
        return '';
    const kbps = (/** @type {number | null | undefined} */ n) => (n === null || n === undefined ? '–' : n >= 1000 ? `${(n / 1000).toFixed(1)}M` : `${Math.round(n)}k`);
    return `↑${kbps(q.up?.kbps)} ↓${kbps(q.down?.kbps)}${q.rtt_ms === null || q.rtt_ms === undefined ? '' : ` ${Math.round(q.rtt_ms)} ms`}`;
}
