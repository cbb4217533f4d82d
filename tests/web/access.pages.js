/* access.pages.js - every page is usable by keyboard and screen reader, on a wall and on a phone. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { launch, missing, openPage, says } from './browsers.js';
import { LESSON, Relay, noRelay } from './relay.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** @type {[string, string, string, Record<string, string>][]} page, sentence that shows it is there, role */
const PAGES = [
    ['index.html', '#who', 'assistant', { site: 'A' }],
    ['observer.html', '#title', 'observer', {}],
    ['point.html', '#lesson-title', 'assistant', { site: 'A' }],
    ['lead.html', '#title', 'lead', { site: 'S0' }],
    ['assistant.html', '#room-name', 'assistant', { site: 'A' }],
    ['library.html', '#grid', 'admin', {}],
    ['status.html', '#sites', 'technician', {}],
];

describe('pages', { skip: noRelay ?? missing('chromium') ?? false }, () => {
    const relay = new Relay();
    /** @type {import('puppeteer-core').Browser} */
    let browser;
    let id = '';

    before(async () => {
        await relay.start();
        const admin = relay.token('admin');
        id = (await relay.call('POST', '/api/v1/lessons', admin, LESSON)).id;
        await relay.call('POST', `/api/v1/lessons/${id}/start`, admin);
        browser = await launch('chromium');
    }, { timeout: 60_000 });

    after(async () => {
        await browser?.close();
        await relay.stop();
    });

    for (const [page, sign, role, more] of PAGES)
        for (const [width, height] of [[1920, 1080], [360, 740]])
            test(`${page} at ${width} × ${height}: no serious fault, nothing sticks out`, { timeout: 30_000 }, async () => {
                const all = role === 'technician' || role === 'admin';
                const token = relay.token(role, all ? more : { lesson: id, ...more });
                const p = await openPage(browser, relay.link(page, token, all ? undefined : id), { width, height });
                await says(p, sign, /./);
                await faultless(p);
                const wide = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                assert.ok(wide <= 0, `${wide} pixels stick out`);
                await p.browserContext().close();
            });

    test('without a link a page says what to do', async () => {
        const p = await openPage(browser, `${relay.url}/lead.html`);
        await says(p, 'main', /请用课堂链接打开/);
        await faultless(p);
        await p.browserContext().close();
    });

    test('a link of another role leads to the right page', async () => {
        const p = await openPage(browser, relay.link('lead.html', relay.token('observer', { lesson: id }), id));
        await says(p, 'main', /不是给你用的/);
        await Promise.all([p.waitForNavigation(), p.click('a')]);
        await p.waitForFunction(() => location.pathname === '/observer.html', { timeout: 10_000 });
        await p.browserContext().close();
    });

    test('a token that is not one is answered in words', async () => {
        const p = await openPage(browser, relay.link('point.html', 'abc.def.ghi', id));
        await says(p, 'main', /已经过期/);
        await p.browserContext().close();
    });

    test('the token does not stay in the address', async () => {
        const p = await openPage(browser, relay.link('observer.html', relay.token('observer', { lesson: id }), id));
        await says(p, '#title', /./);
        assert.doesNotMatch(p.url(), /token/);
        await p.browserContext().close();
    });

    test('the remote control\'s arrows walk along the buttons of a point', async () => {
        const p = await openPage(browser, relay.link('point.html', relay.token('assistant', { lesson: id, site: 'A' }), id));
        await says(p, '#lesson-title', /./);
        await p.keyboard.press('Enter');
        await p.waitForFunction(() => document.activeElement?.id === 'hand', { timeout: 10_000 });
        await p.keyboard.press('ArrowRight');
        const next = await p.evaluate(() => document.activeElement?.id);
        assert.notEqual(next, 'hand');
        await p.keyboard.press('ArrowLeft');
        assert.equal(await p.evaluate(() => document.activeElement?.id), 'hand');
        await p.browserContext().close();
    });
});

/** @param {import('puppeteer-core').Page} page */
async function faultless(page) {
    /* the content policy forbids scripts of others, also ours: the protocol evaluates it */
    await page.evaluate(AXE);
    const found = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run({ resultTypes: ['violations'] }));
    const bad = found.violations.filter((/** @type {any} */ v) => v.impact === 'serious' || v.impact === 'critical');
    assert.deepEqual(bad.map((/** @type {any} */ v) => `${v.id}: ${v.nodes.map((/** @type {any} */ n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join('; ')}`), []);
}
