/* publish.js - the lead's browser: camera and microphone, the time burnt into each picture. */
import { CAMERA_LAYERS } from '../../../client/web/js/whip.js';
import { draw } from './strip.js';

/* Of 640 x 360 Chromium makes two layers: the lower two that our own pages make of 1280 x 720. */
const LAYERS = CAMERA_LAYERS.slice(0, 2).map((l) => ({ ...l, scaleResolutionDownBy: (l.scaleResolutionDownBy ?? 2) / 2 }));

/** The camera's track with the strip in it, as many pictures as the camera gives. */
function burn(camera) {
    const source = new MediaStreamTrackProcessor({ track: camera }).readable.getReader();
    const made = new MediaStreamTrackGenerator({ kind: 'video' });
    const sink = made.writable.getWriter();
    const { width, height } = camera.getSettings();
    const canvas = new OffscreenCanvas(width, height);
    const g = canvas.getContext('2d');
    (async () => {
        for (;;) {
            const { value: frame, done } = await source.read();
            if (done)
                return;
            g.drawImage(frame, 0, 0, width, height);
            draw(g, width, height, Date.now());
            const { timestamp } = frame;
            frame.close();
            await sink.write(new VideoFrame(canvas, { timestamp }));
        }
    })();
    return made;
}

/** Without a name: it is the only one. */
function best() {
    const { rid, ...layer } = LAYERS[1];
    return layer;
}

let pc;

/** An offer of voice and camera, its candidates in it; the camera in both layers or in the better one. */
async function offer(both) {
    pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    const media = await navigator.mediaDevices.getUserMedia({ video: true,
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const camera = burn(media.getVideoTracks()[0]);
    camera.contentHint = 'motion';
    pc.addTransceiver(media.getAudioTracks()[0], { direction: 'sendonly' });
    pc.addTransceiver(camera, { direction: 'sendonly', sendEncodings: both ? LAYERS : [best()] });
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    return pc.localDescription.sdp;
}

/** @param {RTCPeerConnection} pc */
export function gathered(pc) {
    return new Promise((done) => {
        const look = () => pc.iceGatheringState === 'complete' && done();
        pc.onicegatheringstatechange = look;
        look();
    });
}

/** What is sent, a line for each stream. */
async function sent() {
    return [...(await pc.getStats()).values()].filter((r) => r.type === 'outbound-rtp')
        .map((r) => `${r.kind} ${r.rid ?? ''} ${r.frameWidth ?? ''}x${r.frameHeight ?? ''} ${r.framesPerSecond ?? ''} fps`
            + ` ${r.qualityLimitationReason ?? ''}`);
}

window.publisher = { offer, sent, accept: (sdp) => pc.setRemoteDescription({ type: 'answer', sdp }) };
