/* browsers.js - Debian's own browsers with cameras and microphones that are not there. */
import { existsSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const PATHS = { chromium: '/usr/bin/chromium', firefox: '/usr/bin/firefox-esr' };

/** Why this browser cannot be used here; null: it can. @param {'chromium' | 'firefox'} name */
export function missing(name) {
    if (name === 'firefox' && !process.env.LIANGSHI_MEDIA)
        return 'Firefox does no WebRTC over loopback and there is no network of our own';
    return existsSync(PATHS[name]) ? null : `${PATHS[name]} is not installed`;
}

/**
 * @param {'chromium' | 'firefox'} name
 * @param {{args?: string[], executablePath?: string, pipe?: boolean}} [more] for Chromium: options of puppeteer's,
 *   `args` beside our own
 * @returns {Promise<import('puppeteer-core').Browser>}
 */
export function launch(name, { args = [], ...more } = {}) {
    if (name === 'firefox')
        return puppeteer.launch({
            browser: 'firefox', executablePath: PATHS.firefox, headless: true,
            extraPrefsFirefox: {
                'media.navigator.streams.fake': true,
                'media.navigator.permission.disabled': true,
                'media.autoplay.default': 0,
                'media.peerconnection.ice.obfuscate_host_addresses': false,
                'dom.min_background_timeout_value': 100,
                'media.gmp-manager.updateEnabled': false,
            },
        });
    return puppeteer.launch({
        executablePath: PATHS.chromium, headless: true, ...more,
        args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
            '--autoplay-policy=no-user-gesture-required', '--disable-background-timer-throttling',
            '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding',
            '--auto-select-desktop-capture-source=Entire screen', '--lang=zh-CN', ...args],
    });
}

/**
 * A tab of its own, in Chinese; what goes wrong in it is printed.
 * @param {import('puppeteer-core').Browser} browser @param {string} url
 * @param {{width?: number, height?: number, phone?: boolean}} [view]
 */
export async function openPage(browser, url, { width = 1440, height = 810, phone = false } = {}) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport({ width, height });
    page.on('console', (m) => {
        if ((m.type() === 'error' || m.type() === 'warn') && !m.text().includes('net::ERR_'))
            console.log(`# ${url.replace(/#.*/, '')} ${m.type()}: ${m.text()}`);
    });
    page.on('pageerror', (e) => console.log(`# ${url.replace(/#.*/, '')} threw: ${/** @type {Error} */ (e).stack}`));
    await page.goto(withLang(url), { waitUntil: 'domcontentloaded' });
    if (phone)
        await page.setViewport({ width, height, isMobile: false, deviceScaleFactor: 2 });
    return page;
}

/** The page's language by the address: the browser's own would be English here. @param {string} url */
function withLang(url) {
    const u = new URL(url);
    u.searchParams.set('lang', 'zh-CN');
    return u.href;
}

/**
 * Waits until the pictures move: videos that are seen show new frames that are not black.
 * @param {import('puppeteer-core').Page} page @param {string} selector @param {number} count
 * @param {number} [ms]
 */
export async function moving(page, selector, count, ms = 15_000) {
    const until = Date.now() + ms;
    let seen = [];
    while (Date.now() < until) {
        seen = await page.evaluate(lookAtVideos, selector);
        if (seen.filter((v) => v.moved && !v.black).length >= count)
            return seen;
        await new Promise((r) => setTimeout(r, 150));
    }
    throw new Error(`${selector}: fewer than ${count} moving pictures after ${ms} ms: ${JSON.stringify(seen)}`);
}

/** Runs in the page. @param {string} selector */
async function lookAtVideos(selector) {
    const seen = [];
    for (const v of /** @type {NodeListOf<HTMLVideoElement>} */ (document.querySelectorAll(selector))) {
        if (v.offsetParent === null || v.videoWidth === 0) {
            seen.push({ moved: false, black: true, width: v.videoWidth });
            continue;
        }
        const at = v.currentTime;
        await new Promise((r) => setTimeout(r, 300));
        const c = document.createElement('canvas');
        c.width = 16;
        c.height = 9;
        const g = /** @type {CanvasRenderingContext2D} */ (c.getContext('2d'));
        g.drawImage(v, 0, 0, 16, 9);
        const px = g.getImageData(0, 0, 16, 9).data;
        let light = 0;
        for (let i = 0; i < px.length; i += 4)
            light = Math.max(light, px[i] ?? 0, px[i + 1] ?? 0, px[i + 2] ?? 0);
        seen.push({ moved: v.currentTime > at, black: light < 24, width: v.videoWidth });
    }
    return seen;
}

/**
 * Waits for a sentence.
 * @param {import('puppeteer-core').Page} page @param {string} selector @param {RegExp} text @param {number} [ms]
 */
export async function says(page, selector, text, ms = 10_000) {
    const until = Date.now() + ms;
    let last = '';
    while (Date.now() < until) {
        last = await page.evaluate((s) => {
            const e = /** @type {HTMLElement | null} */ (document.querySelector(s));
            return e && e.offsetParent !== null ? e.innerText : '';
        }, selector);
        if (text.test(last))
            return;
        await new Promise((r) => setTimeout(r, 100));
    }
    throw new Error(`${selector} says "${last}" and not ${text}`);
}

/** Presses a button as a person would, wherever it has scrolled to.
 * @param {import('puppeteer-core').Page} page @param {string} selector */
export async function press(page, selector) {
    await page.waitForFunction((s) => {
        const b = /** @type {HTMLButtonElement | null} */ (document.querySelector(s));
        return b !== null && !b.disabled && b.offsetParent !== null;
    }, { timeout: 10_000 }, selector);
    await page.click(selector);
}
