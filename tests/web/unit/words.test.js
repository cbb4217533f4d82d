/* words.test.js - the catalogues are whole, and numbers become sentences. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { rowsOf } from '../../../client/web/js/health.js';
import { fill, pickLang, useCatalogue } from '../../../client/web/js/i18n.js';
import { readFragment } from '../../../client/web/js/ticket.js';
import { calledText, clockText, errorText, linkWords, rungKey, sizeText, waitText } from '../../../client/web/js/words.js';

const WEB = new URL('../../../client/web/', import.meta.url);
const read = (path) => readFileSync(new URL(path, WEB), 'utf8');
const zh = JSON.parse(read('i18n/zh-CN.json'));
const en = JSON.parse(read('i18n/en.json'));
const scripts = ['js/', 'js/pages/'].flatMap((d) => readdirSync(new URL(d, WEB))
    .filter((f) => f.endsWith('.js')).map((f) => read(d + f)));
const pages = readdirSync(WEB).filter((f) => f.endsWith('.html')).map((f) => [f, read(f)]);

test('both catalogues have the same keys and the same places to fill', () => {
    assert.deepEqual(Object.keys(en), Object.keys(zh));
    const places = (s) => [...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
    for (const k of Object.keys(zh))
        assert.deepEqual(places(en[k]), places(zh[k]), k);
});

test('every key that a page or module uses is in the catalogues, and every key is used', () => {
    const used = new Set();
    const begun = new Set();
    for (const text of [...scripts, ...pages.map(([, p]) => p)]) {
        for (const m of text.matchAll(/['"`]([a-z]+(?:\.[\w-]+)*)['"`]/g))
            used.add(m[1]);
        for (const m of text.matchAll(/`([a-z]+(?:\.[\w-]+)*\.)\$\{/g))
            begun.add(m[1]);
    }
    for (const m of scripts.join('\n').matchAll(/\bt\('([^']+)'/g))
        assert.ok(m[1] in zh, `t('${m[1]}')`);
    for (const [name, text] of pages)
        for (const m of text.matchAll(/data-t(?:-label|-hint)?="([^"]+)"/g))
            assert.ok(m[1] in zh, `${name}: ${m[1]}`);
    for (const b of begun)
        assert.ok(Object.keys(zh).some((k) => k.startsWith(b)), b);
    const idle = Object.keys(zh).filter((k) => !used.has(k) && ![...begun].some((b) => k.startsWith(b)));
    assert.deepEqual(idle, []);
});

test('pages carry no script and no style of their own and nothing from elsewhere', () => {
    assert.ok(pages.length >= 8);
    for (const [name, text] of pages) {
        assert.doesNotMatch(text, /<script(?![^>]*\bsrc=)/, name);
        assert.doesNotMatch(text, /\s(style|on\w+)=/, name);
        assert.doesNotMatch(text, /(src|href)="(https?:)?\/\//, name);
    }
    for (const text of scripts)
        assert.doesNotMatch(text, /['"`]https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
});

test('the language is the wish, else the browser, else Chinese', () => {
    assert.equal(pickLang(null, ['de-DE', 'en-GB']), 'en');
    assert.equal(pickLang(null, ['zh-TW']), 'zh-CN');
    assert.equal(pickLang('en', ['zh-CN']), 'en');
    assert.equal(pickLang('fr', []), 'zh-CN');
    assert.equal(fill('{a} {b}', { a: 1 }), '1 {b}');
});

test('a link gives its token and its lesson and leaves the rest', () => {
    const { token, lesson, rest } = readFragment('#lesson=L7&token=a.b.c&auto=1');
    assert.equal(token, 'a.b.c');
    assert.equal(lesson, 'L7');
    assert.equal(rest.get('auto'), '1');
    assert.equal(rest.has('token'), false);
    assert.equal(readFragment('').token, null);
});

test('numbers become words', () => {
    useCatalogue(zh, 'zh-CN');
    assert.equal(clockText(187), '3:07');
    assert.equal(clockText(3729.9), '1:02:09');
    assert.equal(clockText(Number.NaN), '0:00');
    assert.equal(waitText(59_000), '59 秒');
    assert.equal(waitText(150_000), '2 分钟');
    assert.equal(calledText(null), '还没发过言');
    assert.equal(calledText(8 * 60_000), '8 分钟前发言');
    assert.equal(calledText(0), '刚刚发过言');
    assert.equal(sizeText(5 * 1024 * 1024), '5.0 MB');
    assert.equal(sizeText(2048), '2 KB');
});

test('an error is a sentence, never a code', () => {
    useCatalogue(zh, 'zh-CN');
    assert.equal(errorText({ status: 409, type: 'lead-present' }), zh['problem.lead-present']);
    assert.equal(errorText({ status: 403, type: 'never-heard-of' }), zh['error.403']);
    assert.equal(errorText({ status: 418 }), zh['error.refused']);
    assert.equal(errorText({ status: 502 }), zh['error.server']);
    assert.equal(errorText(Object.assign(new Error('x'), { name: 'NotAllowedError' })), zh['error.NotAllowedError']);
    assert.equal(errorText(new TypeError('fetch failed')), zh['error.network']);
});

const site = (more) => ({ id: 'B', name: 'B点', lead: false, state: 'open', sources: ['voice', 'class'], ...more });

test('a link is told in words', () => {
    const q = (more) => ({ site: 'B', level: 'good', rtt_ms: 20, up: { kbps: 1, loss: 0 }, down: { kbps: 1, loss: 0 }, ...more });
    assert.equal(linkWords(undefined, undefined).key, 'link.absent');
    assert.deepEqual(linkWords(site({}), undefined), { level: 'good', key: 'link.good' });
    assert.equal(linkWords(site({ state: 'away' }), q({})).key, 'link.away');
    assert.deepEqual(linkWords(site({}), q({ level: 'poor', up: { kbps: 1, loss: 0.2 } })), { level: 'poor', key: 'link.lossup' });
    assert.deepEqual(linkWords(site({}), q({ level: 'fair', rtt_ms: 300, up: { kbps: null, loss: null } })), { level: 'fair', key: 'link.slow' });
});

test('what a thin way leaves out is told in words', () => {
    const q = (rung) => ({ site: 'B', level: 'good', rung, rtt_ms: 20, up: { kbps: 1, loss: 0 }, down: { kbps: 1, loss: 0 } });
    for (const rung of [1, 2, 3, 4]) {
        const key = rungKey(site({}), q(rung));
        assert.equal(key, `rung.${rung}`);
        assert.ok(zh[key]);
    }
    assert.equal(rungKey(site({}), q(5)), '');
    assert.equal(rungKey(site({}), q(null)), '');
    assert.equal(rungKey(site({ state: 'away' }), q(1)), '');
    assert.equal(rungKey(site({}), undefined), '');
});

test('the technician sees the worst first', () => {
    const lesson = { title: '歌' };
    const rows = rowsOf([{
        lesson, quality: [{ site: 'C', up: { kbps: 300, loss: 0.09 }, down: { kbps: 2000, loss: 0 }, rtt_ms: 40 }],
        sites: [site({ id: 'D', name: 'D' }), site({ id: 'C', name: 'C' }), site({ id: 'E', name: 'E', state: 'away' }),
            site({ id: 'S', name: 'S', lead: true, state: 'absent', sources: [] }), site({ id: 'F', name: 'F', sources: ['class'] })],
    }]);
    assert.deepEqual(rows.map((r) => r.id), ['S', 'E', 'F', 'C', 'D']);
    assert.deepEqual(rows.map((r) => r.level), ['poor', 'poor', 'poor', 'poor', 'good']);
    assert.deepEqual(rows[3].says.map((s) => [s.key, s.values.n]), [['status.loss.up', 9]]);
    assert.equal(rows[3].figures, '↑300k ↓2.0M 40 ms');
    assert.equal(rows[4].says[0].key, 'status.good');
});
