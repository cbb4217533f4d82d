/* turn.test.js - Link headers as the relay writes them, and what an ICE restart says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fragment, iceServers, relayIfNeeded, renewed } from '../../../client/web/js/turn.js';

test('TURN servers are read out of all Link headers, others are passed over', () => {
    const header = '<turn:a:1?transport=tcp>; rel="ice-server"; username="17:A"; credential="x,\\"y\\\\="; credential-type="password", '
        + '</whep/L/s/slots>; rel="urn:liangshi:rel:slots", <stun:s>; rel="ice-server", '
        + '<turns:b>;rel=ice-server;username=u;credential=p, '
        + '<turn:c>; rel="ice-server"; username="u"; credential="p"; credential-type="oauth", <turn:d>; rel="ice-server"';
    assert.deepEqual(iceServers(header), [
        { urls: 'turn:a:1?transport=tcp', username: '17:A', credential: 'x,"y\\=' },
        { urls: 'turns:b', username: 'u', credential: 'p' }]);
    assert.deepEqual(iceServers(null), []);
    assert.deepEqual(iceServers('nonsense; rel="ice-server'), []);
});

test('a fragment has credentials and lines, the answer gets those that come back', () => {
    const sdp = 'v=0\r\no=- 1 2 IN IP4 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:new\r\na=ice-pwd:secret\r\na=mid:0\r\na=sendonly\r\n';
    assert.equal(fragment(sdp), 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:new\r\na=ice-pwd:secret\r\na=mid:0\r\n');
    const after = renewed('a=ice-ufrag:o1\r\na=ice-pwd:o2\r\na=x\r\na=ice-ufrag:o1\r\na=ice-pwd:o2\r\n', 'a=ice-lite\r\na=ice-ufrag:n1\r\na=ice-pwd:n$2\r\n');
    assert.equal(after, 'a=ice-ufrag:n1\r\na=ice-pwd:n$2\r\na=x\r\na=ice-ufrag:n1\r\na=ice-pwd:n$2\r\n');
    assert.throws(() => renewed('a=ice-ufrag:o', 'a=ice-ufrag:n'));
});

test('who is connected, or has nobody to ask, asks nobody', async () => {
    const pc = Object.assign(new EventTarget(), { connectionState: 'connected', createOffer: () => assert.fail('a restart') });
    await relayIfNeeded(/** @type {any} */ (pc), /** @type {any} */ ({}), '/whip/x', [{ urls: 'turn:a' }]);
    pc.connectionState = 'connecting';
    await relayIfNeeded(/** @type {any} */ (pc), /** @type {any} */ ({}), '/whip/x', []);
});
