/* turn.js - TURN servers, told of in Link headers (RFC 9725 4.6), for when no direct way leads to the relay. */

const DIRECT_WITHIN_MS = 2500;

/** A token, or a text in quotes whose backslashes are gone. @param {string} text */
function value(text) {
    return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}

/**
 * Others than TURN servers with a password are passed over.
 * @param {string | null} header as fetch gives it: all Link headers with commas between them
 * @returns {RTCIceServer[]}
 */
export function iceServers(header) {
    /** @type {RTCIceServer[]} */
    const found = [];
    const link = /<([^>]*)>((?:\s*;\s*[\w-]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]+))?)*)\s*(?:,|$)/g;
    for (const [, url = '', params = ''] of (header ?? '').matchAll(link)) {
        /** @type {Record<string, string>} */
        const p = {};
        for (const [, name = '', v = ''] of params.matchAll(/;\s*([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s",;]+)/g))
            p[name.toLowerCase()] = value(v);
        const known = p.rel === 'ice-server' && (p['credential-type'] ?? 'password') === 'password';
        if (known && /^turns?:/i.test(url) && p.username && p.credential)
            found.push({ urls: url, username: p.username, credential: p.credential });
    }
    return found;
}

/** The lines of a description that an ICE restart changes, as a fragment (RFC 8840). @param {string} sdp */
export function fragment(sdp) {
    return sdp.split('\r\n').filter((l) => /^(a=ice-(ufrag|pwd):|m=|a=mid:)/.test(l)).join('\r\n') + '\r\n';
}

/** The answer of before with the credentials of the relay's fragment. @param {string} answer @param {string} frag */
export function renewed(answer, frag) {
    return ['ufrag', 'pwd'].reduce((sdp, what) => {
        const line = new RegExp(`^a=ice-${what}:.*$`, 'm').exec(frag)?.[0].trimEnd();
        if (!line)
            throw new Error('a fragment without credentials');
        return sdp.replace(new RegExp(`^a=ice-${what}:[^\r\n]*`, 'gm'), () => line);
    }, answer);
}

/** @param {RTCPeerConnection} pc @param {number} ms @returns {Promise<boolean>} connected, or no more to be */
function settled(pc, ms) {
    return new Promise((resolve) => {
        const done = (/** @type {boolean} */ yes) => {
            clearTimeout(timer);
            pc.removeEventListener('connectionstatechange', look);
            resolve(yes);
        };
        const look = () => ['connected', 'closed'].includes(pc.connectionState) && done(true);
        const timer = setTimeout(() => done(pc.connectionState === 'closed'), ms);
        pc.addEventListener('connectionstatechange', look);
        look();
    });
}

/**
 * A direct way costs the TURN server nothing, so it is tried alone at first. A browser asks TURN servers only when
 * it gathers: the session gets new ICE credentials.
 * @param {RTCPeerConnection} pc @param {import('./api.js').Api} api @param {string} session
 * @param {RTCIceServer[]} servers
 */
export async function relayIfNeeded(pc, api, session, servers) {
    if (servers.length === 0 || await settled(pc, DIRECT_WITHIN_MS))
        return;
    const before = pc.remoteDescription?.sdp ?? '';
    pc.setConfiguration({ ...pc.getConfiguration(), iceServers: servers });
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
    const answer = await api.call('PATCH', session, {
        sdp: fragment(pc.localDescription?.sdp ?? ''), type: 'application/trickle-ice-sdpfrag', headers: { 'If-Match': '*' },
    });
    await pc.setRemoteDescription({ type: 'answer', sdp: renewed(before, await answer.text()) });
}
