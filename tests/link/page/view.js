/* view.js - a point's browser: plays one voice and one camera and keeps count of them. */
import { gathered } from './publish.js';
import { read } from './strip.js';

const LOOK_MS = 100;

let pc;
let frames = []; // in the window: { at, height, delay }
let looks = []; // in the window: { at, total, concealed }
let mean = 0; // smoothed time between two pictures, without freezes, as client/stats.c does
let last = 0; // the picture before
let began = 0;

const isFreeze = (gap) => !mean || gap > Math.max(3 * mean, mean + 150);

function onFrame(_, { presentationTime }) {
    const video = document.querySelector('video');
    const at = Date.now() - (performance.now() - presentationTime);
    const burnt = read(video);
    frames.push({ at, height: video.videoHeight, delay: burnt === null ? null : at - burnt });
    if (last && (!mean || !isFreeze(at - last)))
        mean += mean ? (at - last - mean) / 16 : at - last;
    last = at;
    video.requestVideoFrameCallback(onFrame);
}

async function look() {
    for (const r of (await pc.getStats()).values())
        if (r.type === 'inbound-rtp' && r.kind === 'audio')
            looks.push({ at: Date.now(), total: r.totalSamplesReceived ?? 0, concealed: r.concealedSamples ?? 0 });
}

function open() {
    pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    pc.ontrack = ({ track }) => {
        document.querySelector(track.kind).srcObject = new MediaStream([track]);
    };
    document.querySelector('video').requestVideoFrameCallback(onFrame);
    setInterval(look, LOOK_MS);
}

/** To be asked: an offer of one line of sound and one of pictures. */
async function offer() {
    open();
    pc.addTransceiver('audio', { direction: 'recvonly' });
    pc.addTransceiver('video', { direction: 'recvonly' });
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    return pc.localDescription.sdp;
}

/** To be told: an answer to the server's offer. */
async function answer(sdp) {
    open();
    await pc.setRemoteDescription({ type: 'offer', sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    await gathered(pc);
    return pc.localDescription.sdp;
}

/** The window begins. */
function begin() {
    began = Date.now();
    frames = [];
    looks = looks.slice(-1);
}

/** Milliseconds of each freeze between the times given. */
function freezes(times) {
    return times.slice(1).map((t, i) => t - times[i]).filter(isFreeze);
}

/** Times at which voice had come since the look before, and the longest time without. */
function heard(end) {
    const times = [];
    for (let i = 1; i < looks.length; i++)
        if (looks[i].total - looks[i].concealed > looks[i - 1].total - looks[i - 1].concealed)
            times.push(looks[i].at);
    const silences = [began, ...times, end].map((t, i, all) => i ? t - all[i - 1] : 0);
    return { times, silence: Math.max(...silences) };
}

const at = (sorted, share) => sorted.length ? Math.round(sorted[Math.floor((sorted.length - 1) * share)]) : null;
const sum = (all) => all.reduce((s, x) => s + x, 0);

/** What was seen and heard in each second. */
function series(end) {
    const seconds = [];
    for (let t = began; t + 1000 <= end; t += 1000) {
        const seen = frames.filter((f) => f.at >= t && f.at < t + 1000);
        seconds.push({ t_s: (t - began) / 1000, fps: seen.length, height: seen.at(-1)?.height ?? 0 });
    }
    return seconds;
}

/** The window ends: its figures. */
function end() {
    const now = Date.now();
    const voice = heard(now);
    const delays = frames.map((f) => f.delay).filter((d) => d !== null).sort((a, b) => a - b);
    const [first, later] = [looks[0], looks.at(-1)];
    const samples = later ? later.total - first.total : 0;
    return {
        concealed: samples ? 100 * (later.concealed - first.concealed) / samples : 100,
        silence_ms: Math.round(voice.silence),
        freeze: 100 * sum(freezes([began, ...frames.map((f) => f.at), now])) / (now - began),
        fps: 1000 * frames.length / (now - began),
        height: frames.at(-1)?.height ?? null,
        delay_ms: [at(delays, 0.5), at(delays, 0.95)],
        series: series(now),
        pictures_at: frames.map((f) => Math.round(f.at)),
        voices_at: voice.times,
    };
}

window.viewer = { offer, answer, begin, end, accept: (sdp) => pc.setRemoteDescription({ type: 'answer', sdp }),
    sees: () => last > 0 };
