/* lesson.pages.js - a whole lesson in real browsers: taught, answered, observed, replayed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, missing, moving, openPage, press, says } from './browsers.js';
import { LESSON, Relay, noRelay } from './relay.js';

const PAIRS = /** @type {const} */ ([['chromium', 'firefox'], ['firefox', 'chromium']]);

for (const [leadIn, pointIn] of PAIRS) {
    const skip = noRelay ?? missing(leadIn) ?? missing(pointIn) ?? false;
    describe(`lead in ${leadIn}, point in ${pointIn}`, { skip }, () => lesson(leadIn, pointIn));
}

/** @param {'chromium' | 'firefox'} leadIn @param {'chromium' | 'firefox'} pointIn */
function lesson(leadIn, pointIn) {
    const relay = new Relay();
    /** @type {Record<string, import('puppeteer-core').Browser>} */
    const browsers = {};
    /** @type {Record<'lead' | 'point' | 'observer' | 'library', import('puppeteer-core').Page>} */
    const pages = /** @type {any} */ ({});
    let id = '';

    before(async () => {
        await relay.start();
        id = (await relay.call('POST', '/api/v1/lessons', relay.token('admin'), LESSON)).id;
        for (const name of new Set([leadIn, pointIn]))
            browsers[name] = await launch(name);
    }, { timeout: 60_000 });

    after(async () => {
        for (const b of Object.values(browsers))
            await b.close();
        await relay.stop();
    });

    test('the lead begins and is seen and heard', { timeout: 60_000 }, async () => {
        const page = await openPage(browsers[leadIn], relay.link('lead.html', relay.token('lead', { lesson: id, site: 'S0', sub: 'wang', name: '王老师' }), id));
        pages.lead = page;
        await press(page, '#start');
        await says(page, '#lamp', /正在录制/);
        await press(page, '#own-body .btn.primary');
        await says(page, '#own-body', /各班听得到/, 20_000);
        await moving(page, '#own-body video', 1);
    });

    test('a point enters by one touch and sees the teacher', { timeout: 60_000 }, async () => {
        const page = await openPage(browsers[pointIn], relay.link('point.html', relay.token('assistant', { lesson: id, site: 'A', sub: 'li', name: '李老师' }), id));
        pages.point = page;
        await says(page, '#lesson-title', /草原上的歌/);
        await press(page, '#enter');
        await moving(page, '.main-view video', 1, 20_000);
        await says(page, '#heard', /老师听得到/, 20_000);
        await moving(pages.lead, '#wall video', 1, 20_000);
    });

    test('an observer watches in silence and marks a moment with one key', { timeout: 60_000 }, async () => {
        const page = await openPage(browsers.chromium, relay.link('observer.html', relay.token('observer', { lesson: id, sub: 'chen', name: '陈老师' }), id));
        pages.observer = page;
        await moving(page, '.view.main video', 1, 20_000);
        await page.keyboard.press('2');
        await says(page, '#marks', /精彩/);
        await page.type('#line', '节奏很准');
        await press(page, '#mark-keys .btn:nth-child(3)');
        await says(page, '#marks', /问题\s+节奏很准/);
        assert.equal(await page.$$eval('#marks li', (all) => all.length), 2);
    });

    test('a hand goes up, the floor is given, the class goes large everywhere', { timeout: 60_000 }, async () => {
        await pages.point.bringToFront();
        await press(pages.point, '#hand');
        await says(pages.lead, '#hands', /上河教学点/);
        await press(pages.lead, '#hands .btn.go');
        await says(pages.point, '#speak', /现在说话/);
        await says(pages.point, '#heard', /全部班级听得到/);
        await pages.observer.select('#main-slot', 'floor');
        await says(pages.observer, '.view.main .label', /上河教学点/);
        await moving(pages.observer, '.view.main video', 1, 20_000);
        await press(pages.point, '#hand');
        await pages.point.waitForFunction(() => document.getElementById('speak')?.hidden, { timeout: 5000 });
    });

    test('the assistant asks to slow down, and only the lead is told', { timeout: 30_000 }, async () => {
        await press(pages.point, '#slow');
        await says(pages.lead, '#messages', /请慢一点/);
    });

    test('the relay is killed and comes back: pictures return untouched', { timeout: 90_000 }, async () => {
        await relay.kill('SIGKILL');
        await says(pages.point, '#say', /重新连接/, 15_000);
        await relay.start();
        await moving(pages.point, '.main-view video', 1, 30_000);
        await moving(pages.lead, '#wall video', 1, 30_000);
        await says(pages.lead, '#lamp', /正在录制/);
    });

    test('after the bell the lesson is in the library and replays in step', { timeout: 120_000 }, async () => {
        await press(pages.lead, '#end');
        await press(pages.lead, '#sure-yes');
        await says(pages.point, '#say', /已经下课/);
        const page = await openPage(browsers[leadIn], relay.link('library.html', relay.token('admin')));
        pages.library = page;
        await page.waitForSelector('a.lesson-card', { timeout: 30_000 });
        await says(page, '#grid', /草原上的歌/);
        await Promise.all([page.waitForNavigation({ waitUntil: 'domcontentloaded' }), page.click('a.lesson-card')]);
        await press(page, '#start');
        await moving(page, '.screens video', 1, 20_000);
        const length = await page.evaluate(() => document.querySelector('video')?.duration ?? 0);
        assert.ok(length > 5, `the recording has ${length} s`);
        await page.focus('#seek');
        await page.evaluate(() => {
            const seek = /** @type {HTMLInputElement} */ (document.getElementById('seek'));
            seek.value = '500';
            seek.dispatchEvent(new Event('change'));
        });
        await moving(page, '.screens video', 1, 20_000);
        const at = await page.evaluate(() => document.querySelector('video')?.currentTime ?? 0);
        assert.ok(at > length * 0.45 && at < length * 0.9, `${at} of ${length} s`);
        await page.waitForFunction(() => Number(document.getElementById('screens')?.dataset.apart) <= 40, { timeout: 10_000 });
    });
}
