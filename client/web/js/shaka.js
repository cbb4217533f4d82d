/* shaka.js - loads the pinned player library once, as a classic script from this very relay. */

/** @type {Promise<any> | null} */
let loading = null;

/** @returns {Promise<any>} the library's namespace */
export function loadShaka() {
    loading ??= new Promise((resolve, reject) => {
        const script = document.createElement('script');
        script.src = new URL('/lib/shaka-player.compiled.js', location.origin).href;
        script.onload = () => {
            const { shaka } = /** @type {any} */ (globalThis);
            shaka.polyfill.installAll();
            if (shaka.Player.isBrowserSupported())
                resolve(shaka);
            else
                reject(Object.assign(new Error('no Media Source Extensions'), { name: 'OldBrowser' }));
        };
        script.onerror = () => {
            loading = null;
            reject(new Error('player library is not there'));
        };
        document.head.append(script);
    });
    return loading;
}
