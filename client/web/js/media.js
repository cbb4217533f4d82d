/* media.js - this machine's camera, microphone, screen, its wakefulness. */

/**
 * @param {{camera?: boolean, voice?: boolean, music?: boolean}} want
 * @returns {Promise<{camera: MediaStreamTrack | null, voice: MediaStreamTrack | null, error: unknown}>}
 *   what could be had; a camera that is missing must not cost the voice
 */
export async function capture({ camera = true, voice = true, music = false }) {
    const devices = navigator.mediaDevices;
    if (!devices)
        return { camera: null, voice: null, error: Object.assign(new Error('insecure'), { name: 'Insecure' }) };
    const video = {
        width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 },
    };
    const audio = {
        echoCancellation: !music, noiseSuppression: !music, autoGainControl: !music,
        channelCount: { ideal: music ? 2 : 1 }, sampleRate: { ideal: 48000 },
    };
    try {
        const both = await devices.getUserMedia({ video: camera && video, audio: voice && audio });
        return { camera: both.getVideoTracks()[0] ?? null, voice: both.getAudioTracks()[0] ?? null, error: null };
    } catch (error) {
        if (!camera || !voice)
            return { camera: null, voice: null, error };
        const some = await devices.getUserMedia({ audio }).catch(() => null)
            ?? await devices.getUserMedia({ video }).catch(() => null);
        return {
            camera: some?.getVideoTracks()[0] ?? null, voice: some?.getAudioTracks()[0] ?? null, error,
        };
    }
}

/** @returns {Promise<MediaStreamTrack>} */
export async function captureScreen() {
    const stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 5, max: 5 } }, audio: false,
    });
    const track = stream.getVideoTracks()[0];
    if (!track)
        throw new Error('no screen was chosen');
    return track;
}

/** Loudness of a track, 0 to 1, each time somebody asks. */
export class Meter {
    /** @param {MediaStreamTrack} track */
    constructor(track) {
        this.context = new AudioContext();
        this.node = this.context.createAnalyser();
        this.node.fftSize = 1024;
        this.samples = new Float32Array(this.node.fftSize);
        this.context.createMediaStreamSource(new MediaStream([track])).connect(this.node);
    }

    level() {
        if (this.context.state === 'suspended')
            this.context.resume().catch(() => {});
        this.node.getFloatTimeDomainData(this.samples);
        return loudness(this.samples);
    }

    close() {
        this.context.close().catch(() => {});
    }
}

/** -60 dB and below is 0, full scale is 1. @param {Float32Array} samples */
export function loudness(samples) {
    let sum = 0;
    for (const x of samples)
        sum += x * x;
    const db = 10 * Math.log10(sum / samples.length + 1e-12);
    return Math.min(1, Math.max(0, (db + 60) / 60));
}

/** The screen stays lit as long as the page is seen. */
export function stayAwake() {
    const ask = () => {
        if (document.visibilityState === 'visible')
            navigator.wakeLock?.request('screen').catch(() => {});
    };
    document.addEventListener('visibilitychange', ask);
    ask();
}

export function toggleFullScreen() {
    if (document.fullscreenElement)
        document.exitFullscreen().catch(() => {});
    else
        document.documentElement.requestFullscreen?.({ navigationUI: 'hide' }).catch(() => {});
}
