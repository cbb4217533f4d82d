/* probe.js - a browser as a foreign client: plain WHIP and WHEP, nothing of our own pages. */

const pcs = {};
const LAYERS = [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
];

/** Slides nobody mistakes for a camera: the left half blue, the right half yellow, a line that moves. */
function drawnSlides() {
    const c = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const g = c.getContext('2d');
    let n = 0;
    const draw = () => {
        g.fillStyle = '#0000ff';
        g.fillRect(0, 0, 320, 360);
        g.fillStyle = '#ffff00';
        g.fillRect(320, 0, 320, 360);
        g.fillStyle = '#fff';
        g.fillRect(n++ * 8 % 640, 340, 60, 20);
    };
    draw();
    setInterval(draw, 100);
    return c.captureStream(10).getVideoTracks()[0];
}

/** Without audio/red (RFC 2198), as browsers that know no more than Opus. */
function plainOpus(sdp) {
    const red = /^a=rtpmap:(\d+) red\/48000.*\r\n/m.exec(sdp)?.[1];
    return sdp.replace(new RegExp(`^(m=audio .*) ${red}(?= |\r)`, 'gm'), '$1')
        .replace(new RegExp(`^a=(rtpmap|fmtp|rtcp-fb):${red} .*\r\n`, 'gm'), '');
}

/** Without FlexFEC, as browsers that do not speak it. */
function plainVideo(sdp) {
    const fec = /^a=rtpmap:(\d+) flexfec-03\/90000.*\r\n/m.exec(sdp)?.[1];
    return sdp.replace(new RegExp(`^(m=video .*) ${fec}(?= |\r)`, 'gm'), '$1')
        .replace(new RegExp(`^a=(rtpmap|fmtp|rtcp-fb):${fec} .*\r\n`, 'gm'), '');
}

/** `via`: another address of the relay than it says; `tcp`: as where UDP is shut, its UDP addresses are not heard of;
 * `plain`: see plainOpus; `fec` false: see plainVideo. */
async function exchange(pc, path, token, { via = '', tcp = false, plain = false, fec = true } = {}) {
    await pc.setLocalDescription(await pc.createOffer());
    const whole = pc.localDescription.sdp;
    const body = plain ? plainOpus(whole) : fec ? whole : plainVideo(whole);
    const answer = await fetch(path, { method: 'POST', body,
        headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` } });
    let sdp = await answer.text();
    if (via)
        sdp = sdp.replace(/^(a=candidate:(?:\S+ ){4})\S+ \d+/gm, `$1${via}`);
    if (tcp)
        sdp = sdp.replace(/^a=candidate:\S+ \d+ udp .*\r\n/gm, '');
    if (answer.status !== 201)
        throw new Error(`${path}: ${answer.status} ${sdp}`);
    await pc.setRemoteDescription({ type: 'answer', sdp });
    return answer.headers.get('Location');
}

function up(pc) {
    return new Promise((resolve, reject) => {
        const look = () => {
            if (pc.connectionState === 'connected')
                resolve();
            if (pc.connectionState === 'failed')
                reject(new Error(`connection failed, ICE ${pc.iceConnectionState}`));
        };
        pc.onconnectionstatechange = look;
        look();
    });
}

/** Publishes voice and camera (three layers, or VP9 in the layers of a `scalability` mode) and, if asked,
 * drawn slides; `how`: see exchange. */
async function publish(path, token, { slides = false, scalability = '', ...how } = {}) {
    const pc = pcs.out = new RTCPeerConnection();
    const media = await navigator.mediaDevices.getUserMedia({ audio: true,
        video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 20 } } });
    pc.addTransceiver(media.getAudioTracks()[0], { direction: 'sendonly' });
    const sendEncodings = scalability ? [{ scalabilityMode: scalability, maxBitrate: 2_000_000 }] : LAYERS;
    const camera = pc.addTransceiver(media.getVideoTracks()[0], { direction: 'sendonly', sendEncodings });
    if (scalability) {
        const isVp9 = (c) => c.mimeType === 'video/VP9';
        camera.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs
            .filter((c) => isVp9(c) || c.mimeType === 'video/rtx' || c.mimeType === 'video/VP8')
            .sort((a, b) => isVp9(b) - isVp9(a)));
    }
    if (slides)
        pc.addTransceiver(drawnSlides(), { direction: 'sendonly' });
    const session = await exchange(pc, path, token, how);
    await up(pc);
    return { session, settings: media.getVideoTracks()[0].getSettings() };
}

/** Plays: one line of sound, `pictures` lines of video, each in an element of its own. */
async function play(path, token, pictures = 1, how = {}) {
    const pc = pcs.in = new RTCPeerConnection();
    const screen = document.getElementById('screen');
    screen.replaceChildren();
    const show = (kind, track) => {
        const e = document.createElement(kind);
        e.autoplay = e.playsInline = true;
        e.srcObject = new MediaStream([track]);
        screen.append(e);
        e.play().catch(() => {});
    };
    show('audio', pc.addTransceiver('audio', { direction: 'recvonly' }).receiver.track);
    for (let i = 0; i < pictures; i++)
        show('video', pc.addTransceiver('video', { direction: 'recvonly' }).receiver.track);
    const session = await exchange(pc, path, token, how);
    await up(pc);
    return session;
}

/** Joins, waits for the first decoded frame, leaves. Milliseconds from the POST to that frame. */
async function visit(path, token) {
    const pc = new RTCPeerConnection();
    const v = document.createElement('video');
    v.muted = v.autoplay = v.playsInline = true;
    v.srcObject = new MediaStream([pc.addTransceiver('video', { direction: 'recvonly' }).receiver.track]);
    const first = new Promise((resolve) => v.addEventListener('loadeddata', resolve, { once: true }));
    const from = performance.now();
    const session = await exchange(pc, path, token);
    await first;
    const took = performance.now() - from;
    pc.close();
    await fetch(session, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } });
    return took;
}

/** What getStats says of the streams of one connection, one object each. */
async function streams(which) {
    const out = [];
    for (const r of (await pcs[which].getStats()).values())
        if (r.type === 'inbound-rtp' || r.type === 'outbound-rtp')
            out.push({ ...r });
    return out.sort((a, b) => (Number(a.mid) || 0) - (Number(b.mid) || 0));
}

/** By which protocol the media of a connection goes. */
async function protocol(which) {
    const all = new Map([...await pcs[which].getStats()]);
    for (const r of all.values())
        if (r.type === 'candidate-pair' && r.nominated && r.bytesReceived + r.bytesSent > 0)
            return all.get(r.localCandidateId)?.protocol;
    return 'none';
}

/** Available outgoing bit rate by the browser's own estimate; 0: it tells none. */
async function estimate() {
    for (const r of (await pcs.out.getStats()).values())
        if (r.type === 'candidate-pair' && r.nominated && r.availableOutgoingBitrate)
            return r.availableOutgoingBitrate;
    return 0;
}

/** The n-th video's pixels as an 8 × 4 picture: [r, g, b] each, row after row. */
function pixels(n) {
    const v = document.querySelectorAll('video')[n];
    if (!v || !v.videoWidth)
        return null;
    const c = Object.assign(document.createElement('canvas'), { width: 8, height: 4 });
    const g = c.getContext('2d', { willReadFrequently: true });
    g.drawImage(v, 0, 0, 8, 4);
    const d = g.getImageData(0, 0, 8, 4).data;
    return Array.from({ length: 32 }, (_, i) => [d[4 * i], d[4 * i + 1], d[4 * i + 2]]);
}

/** The loudest sample of the received voice; null: no loudspeaker here, so nothing can be listened to
 * (Firefox without a sound card never starts an AudioContext). */
async function loudness() {
    const context = new AudioContext();
    await Promise.race([context.resume(), new Promise((r) => setTimeout(r, 3000))]);
    if (context.state !== 'running')
        return null;
    const ear = context.createAnalyser();
    ear.fftSize = 8192;
    context.createMediaStreamSource(document.querySelector('audio').srcObject).connect(ear);
    const heard = new Float32Array(ear.fftSize);
    let peak = 0;
    for (const until = performance.now() + 1200; performance.now() < until;) {
        await new Promise((r) => setTimeout(r, 100));
        ear.getFloatTimeDomainData(heard);
        peak = heard.reduce((p, x) => Math.max(p, Math.abs(x)), peak);
    }
    await context.close();
    return peak;
}

const sdps = (which = 'in') => ({ local: pcs[which].localDescription.sdp, remote: pcs[which].remoteDescription.sdp });

window.probe = { pcs, publish, play, visit, streams, protocol, estimate, pixels, loudness, sdps };
