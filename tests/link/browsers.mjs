/* browsers.mjs - one Chromium publishes, one plays, the server is our relay or Janus. Runs in the school;
 * browsers.py starts it and tells it in lines when the window begins and ends. Signalling goes past the
 * link, so that both servers meet it with media only. */
import { createInterface } from 'node:readline';
import { launch } from '../web/browsers.js';
import { until } from '../interop/wait.mjs';
import { Janus } from './janus.mjs';

const conf = JSON.parse(process.argv[2] ?? '{}');
const say = (/** @type {object} */ what) => console.log(JSON.stringify(what));

/** @param {string} path @param {string} token @param {string} sdp an offer */
async function post(path, token, sdp) {
    const answer = await fetch(conf.url + path, { method: 'POST', body: sdp,
        headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` } });
    if (answer.status !== 201)
        throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.text();
}

async function overRelay(publisher, viewer) {
    const up = await publisher.evaluate(() => window.publisher.offer(true));
    await publisher.evaluate((sdp) => window.publisher.accept(sdp), await post(conf.whip, conf.lead, up));
    const down = await viewer.evaluate(() => window.viewer.offer());
    await viewer.evaluate((sdp) => window.viewer.accept(sdp), await post(conf.whep, conf.point, down));
}

async function overJanus(publisher, viewer) {
    const janus = new Janus(conf.url);
    await janus.open(conf.bitrate);
    const up = await publisher.evaluate(() => window.publisher.offer(false));
    await publisher.evaluate((sdp) => window.publisher.accept(sdp), await janus.publish(up));
    await janus.start(await viewer.evaluate((sdp) => window.viewer.answer(sdp), await janus.subscribe()));
}

/** A page of a browser of its own. @param {string} executablePath @param {string[]} args */
async function open(executablePath, args) {
    const browser = await launch('chromium', { executablePath, pipe: true,
        args: ['--allow-file-access-from-files', '--disable-features=WebRtcHideLocalIpsWithMdns', ...args] });
    const page = (await browser.pages())[0] ?? await browser.newPage();
    page.on('pageerror', (e) => console.error(`${executablePath}: ${e}`));
    page.on('console', (m) => console.error(`${executablePath}: ${m.text()}`));
    await page.goto(new URL('page/peer.html', import.meta.url).href);
    await page.waitForFunction(() => window.publisher && window.viewer);
    return { browser, page };
}

const publisher = await open(conf.chromium.publisher, [`--use-file-for-fake-video-capture=${conf.video}`,
    `--use-file-for-fake-audio-capture=${conf.audio}`]);
const viewer = await open(conf.chromium.viewer, []);
await (conf.server === 'janus' ? overJanus : overRelay)(publisher.page, viewer.page);
const sees = async () => ({ ok: await viewer.page.evaluate(() => window.viewer.sees()), seen: 'no picture' });
await until('a picture', 1000 * conf.come_in, sees).catch((e) => console.error(e.message));
say({ ready: true });

for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'begin')
        await viewer.page.evaluate(() => window.viewer.begin());
    else
        say({ ...await viewer.page.evaluate(() => window.viewer.end()),
            sent: await publisher.page.evaluate(() => window.publisher.sent()) });
}
await Promise.all([publisher, viewer].map(({ browser }) => browser.close()));
