/* lesson.mjs - what these tests begin with: a lesson that goes on, browsers' pages in it, ways to the relay that
 * lose packets, and the relay's counters. */
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { LESSON } from '../web/relay.js';

/** @returns the id of a lesson that has been started */
export async function startLesson(relay) {
    const { id } = await relay.call('POST', '/api/v1/lessons', relay.token('admin'), LESSON);
    await relay.call('POST', `/api/v1/lessons/${id}/start`, relay.token('admin'));
    return id;
}

/** A page of its own with the probe, of a relay that serves tests/interop/page. */
export async function openProbe(browser, relay) {
    const page = await (await browser.createBrowserContext()).newPage();
    await page.goto(`${relay.url}/probe.html`);
    await page.waitForFunction(() => window.probe !== undefined);
    return page;
}

/** The same of a relay that serves its own pages, whose modules are then at hand. */
export async function openProbeBeside(browser, relay) {
    const page = await (await browser.createBrowserContext()).newPage();
    await page.setBypassCSP(true);
    await page.goto(`${relay.url}/js/red.js`);
    await page.evaluate(() => {
        document.body.innerHTML = '<div id="screen"></div>';
    });
    await page.addScriptTag({ path: fileURLToPath(new URL('page/probe.js', import.meta.url)) });
    return page;
}

/** One of the relay's counters, of all its workers together as there is one. */
export async function counter(relay, name) {
    const text = await (await fetch(`${relay.url}/metrics`)).text();
    return Number(new RegExp(`^liangshi_media_${name}\\{.*\\} (\\d+)$`, 'm').exec(text)?.[1]);
}

/** A way to the relay that loses these shares of RTP, always the same packets, and takes `delay` ms each way.
 * @returns {Promise<{at: string, close: () => void}>} `at`: where a browser is to send to */
export async function lossyWay(relay, { up = 0, down = 0, delay = 0 }) {
    const [, ip, port] = /^(.*):(\d+)$/.exec(relay.media);
    const near = createSocket('udp4');
    const far = createSocket('udp4');
    let open = true;
    let client = null;
    let x = 1;
    const lost = (bytes, share) => {
        x = (x * 48271) % 2147483647;
        return bytes[0] >= 128 && bytes[0] < 192 && x / 2147483647 < share;
    };
    const later = (send) => (delay ? setTimeout(() => open && send(), delay) : send());
    near.on('message', (m, from) => {
        client = from;
        if (!lost(m, up))
            later(() => far.send(m, Number(port), ip));
    });
    far.on('message', (m) => lost(m, down) || later(() => near.send(m, client.port, client.address)));
    await new Promise((bound) => near.bind(0, ip, bound));
    await new Promise((bound) => far.bind(0, ip, bound));
    return { at: `${ip} ${near.address().port}`, close: () => {
        open = false;
        near.close();
        far.close();
    } };
}
