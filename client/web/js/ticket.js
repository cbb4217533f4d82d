/* ticket.js - which lesson, and on whose behalf: taken from the link's fragment, kept for this tab. */

/**
 * What a link carries behind "#". Other parts of the fragment are left to the page.
 * @param {string} hash @returns {{token: string | null, lesson: string | null, rest: URLSearchParams}}
 */
export function readFragment(hash) {
    const rest = new URLSearchParams(hash.replace(/^#/, ''));
    const token = rest.get('token');
    const lesson = rest.get('lesson');
    rest.delete('token');
    return { token, lesson, rest };
}

/** @typedef {{token: string | null, lesson: string | null, params: URLSearchParams}} Ticket */

/**
 * Takes the token out of the address, so that it is not in a screenshot or on a projector.
 * @returns {Ticket}
 */
export function takeTicket() {
    const { token, lesson, rest } = readFragment(location.hash);
    if (token) {
        sessionStorage.setItem('token', token);
        if (!lesson)
            sessionStorage.removeItem('lesson');
        const hash = rest.toString();
        history.replaceState(null, '', location.pathname + location.search + (hash ? `#${hash}` : ''));
    }
    if (lesson)
        sessionStorage.setItem('lesson', lesson);
    return {
        token: sessionStorage.getItem('token'),
        lesson: lesson ?? sessionStorage.getItem('lesson'),
        params: rest,
    };
}

/** The same for as long as this tab lives: lets a reloaded page take over from itself. */
export function clientKey() {
    let key = sessionStorage.getItem('client');
    if (!key) {
        const bytes = crypto.getRandomValues(new Uint8Array(12));
        key = `web-${[...bytes].map((b) => b.toString(16).padStart(2, '0')).join('')}`;
        sessionStorage.setItem('client', key);
    }
    return key;
}
