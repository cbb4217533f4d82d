/* wait.mjs - waits until something is so, and says what was seen if it never is. */

/** @param {string} what @param {number} ms @param {() => Promise<{ok: boolean, seen: any}>} look */
export async function until(what, ms, look) {
    const late = Date.now() + ms;
    for (let seen; ;) {
        const now = await look();
        seen = now.seen;
        if (now.ok)
            return seen;
        if (Date.now() > late)
            throw new Error(`never: ${what} (in ${ms} ms); last seen: ${JSON.stringify(seen)}`);
        await new Promise((r) => setTimeout(r, 200));
    }
}
